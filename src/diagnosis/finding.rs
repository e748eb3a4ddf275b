//! An incident as a script's result keeps it: what was found, what it changed, and the evidence in one line.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::code::{Code, Severity};
use super::judge::Incident;
use super::policy::Effect;

/// An incident that the machine reported while a script ran.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The kind of fault or event.
    pub code: Code,
    /// Severity.
    pub severity: Severity,
    /// The device as an operator names it; empty if nothing names one.
    pub device: String,
    /// The hardware behind the device: model, serial number, bay; `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Occurrences.
    pub count: u64,
    /// Effect on a script that passed.
    pub effect: Effect,
    /// Seconds from the script's start to the first occurrence; `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<f64>,
    /// The first line of the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

impl Finding {
    /// Of an incident, with its effect and the seconds since the script's start.
    #[must_use]
    pub fn new(incident: &Incident, effect: Effect, after: Option<f64>) -> Self {
        Self {
            code: incident.code,
            severity: incident.severity,
            device: incident.device.clone(),
            part: incident.part.clone(),
            count: incident.count,
            effect,
            after,
            line: incident.lines.first().cloned(),
        }
    }

    /// `memory-corrected of CPU0_DIMM_A1`.
    #[must_use]
    pub fn name(&self) -> String {
        let of = if self.device.is_empty() { "" } else { " of " };
        format!("{}{of}{}", self.code.word(), self.device)
    }

    /// The name with the number of occurrences: `memory-corrected of CPU0_DIMM_A1 (3 times)`.
    #[must_use]
    pub fn words(&self) -> String {
        format!("{} ({} {})", self.name(), self.count, if self.count == 1 { "time" } else { "times" })
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        Self::from_word(&word).ok_or_else(|| serde::de::Error::custom(format!("{word:?} is no code of an incident")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_back_and_names_itself() {
        let finding = Finding {
            code: Code::MemoryCorrected,
            severity: Severity::Warning,
            device: "CPU0_DIMM_A1".into(),
            part: None,
            count: 3,
            effect: Effect::Degraded,
            after: Some(1.5),
            line: Some("EDAC MC0".into()),
        };
        let text = serde_json::to_string(&finding).expect("JSON");
        assert!(text.contains(r#""code":"memory-corrected","severity":"warning""#), "{text}");
        assert_eq!(serde_json::from_str::<Finding>(&text).expect("a finding"), finding);
        assert_eq!(finding.words(), "memory-corrected of CPU0_DIMM_A1 (3 times)");
        assert!(serde_json::from_str::<Code>(r#""no-such""#).is_err());
    }
}
