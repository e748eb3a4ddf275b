//! Figures that tests measured: names with numbers and units.

use std::collections::BTreeMap;

use serde_json::Value;

use super::better::Better;

/// A number with its unit, as a test or a profile writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Amount {
    /// The number.
    pub number: f64,
    /// The unit, such as `GiB/s`; empty if none is given.
    pub unit: String,
}

/// Units by quantity, each with its factor to the first unit of its list. Bits and bytes are one quantity.
const FAMILIES: [&[(&str, f64)]; 4] = [
    &[
        ("B/s", 1.0),
        ("kB/s", 1e3),
        ("MB/s", 1e6),
        ("GB/s", 1e9),
        ("TB/s", 1e12),
        ("KiB/s", 1024.0),
        ("MiB/s", 1_048_576.0),
        ("GiB/s", 1_073_741_824.0),
        ("TiB/s", 1_099_511_627_776.0),
        ("bit/s", 0.125),
        ("kbit/s", 125.0),
        ("Mbit/s", 125e3),
        ("Gbit/s", 125e6),
        ("Mb/s", 125e3),
        ("Gb/s", 125e6),
        ("Mbps", 125e3),
        ("Gbps", 125e6),
    ],
    &[("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("min", 6e10), ("h", 3.6e12)],
    &[("Hz", 1.0), ("kHz", 1e3), ("MHz", 1e6), ("GHz", 1e9)],
    &[("C", 1.0), ("°C", 1.0), ("degC", 1.0), ("Cel", 1.0), ("celsius", 1.0)],
];

impl Amount {
    /// The number in the unit of `other`; `None` if the units are of different quantities, or if only one of the two has a unit.
    pub(super) fn in_unit_of(&self, other: &Amount) -> Option<f64> {
        let factor = |unit: &str| {
            FAMILIES.iter().enumerate().find_map(|(family, units)| {
                units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| (family, *factor))
            })
        };
        if self.unit == other.unit {
            return Some(self.number);
        }
        let ((own, by), (its, its_by)) = (factor(&self.unit)?, factor(&other.unit)?);
        (own == its).then(|| self.number * by / its_by)
    }

    /// This amount divided by `other`; `None` if the units are of different quantities.
    pub(super) fn ratio(&self, other: &Amount) -> Option<f64> {
        Some(self.in_unit_of(other)? / other.number)
    }

    /// Number and unit for messages: no decimals from 100 on, at most two below (`12.5 ms`).
    #[must_use]
    pub fn show(&self) -> String {
        let number = if self.number.abs() >= 100.0 {
            format!("{:.0}", self.number)
        } else {
            format!("{}", (self.number * 100.0).round() / 100.0)
        };
        format!("{number} {}", self.unit).trim_end().to_owned()
    }

    /// True if a figure of this name cannot be 0: latencies, durations and rates are more, or were not measured.
    pub(super) fn is_never_zero(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let is_time = ["latency", "duration", "-lat", "_lat"].iter().any(|word| name.contains(word));
        // An offset or a jitter may be none.
        let may_be_none = ["offset", "jitter", "throttl", "error"].iter().any(|word| name.contains(word));
        !may_be_none && (is_time || FAMILIES[1].iter().any(|(unit, _)| *unit == self.unit))
    }

    /// True if a unit, in lower case, is one of bits, bytes or turns in a second.
    pub(super) fn is_rate(unit: &str) -> bool {
        let is_of = |units: &[(&str, f64)]| units.iter().any(|(name, _)| name.to_lowercase() == unit);
        is_of(FAMILIES[0]) || is_of(FAMILIES[2])
    }

    /// The amount with as many decimals as distinguish it from `limit`: not "400, ordered at least 400".
    pub(super) fn show_beside(&self, limit: &Amount) -> String {
        let shown = self.show();
        let limit = limit.in_unit_of(self).map(|number| Amount { number, unit: self.unit.clone() });
        let Some(limit) = limit.filter(|limit| limit.show() == shown && limit.number.total_cmp(&self.number).is_ne())
        else {
            return shown;
        };
        let with = |digits: usize, number: f64| format!("{number:.digits$}");
        let digits = (1..=9).find(|digits| with(*digits, self.number) != with(*digits, limit.number)).unwrap_or(9);
        format!("{} {}", with(digits, self.number), self.unit).trim_end().to_owned()
    }
}

/// Parses a number with an optional unit, such as `400 GiB/s`.
///
/// # Errors
/// A message if the text does not begin with a number.
pub(super) fn amount(text: &str) -> Result<Amount, String> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(text.len());
    let number: f64 = text[..end].parse().map_err(|_| format!("\"{text}\" is no number with a unit"))?;
    Ok(Amount { number, unit: text[end..].trim().to_owned() })
}

/// The known unit that an unknown one was probably meant to be, as `GiB/s` for `GiBs`; `None` for known units and for those of other quantities.
pub(super) fn unit_meant(unit: &str) -> Option<String> {
    let known = || FAMILIES.iter().flat_map(|units| units.iter().map(|(name, _)| *name));
    if unit.len() < 3 || known().any(|name| name == unit) {
        return None;
    }
    // Whoever writes MBps may mean either.
    if let Some(prefix) = unit.strip_suffix("Bps").filter(|prefix| prefix.len() <= 2) {
        return Some(format!("{prefix}B/s\" or \"{}bit/s", prefix.trim_end_matches('i')));
    }
    let squeezed = |text: &str| text.replace(['/', ' '], "").to_ascii_lowercase();
    let is_near = |name: &&str| {
        squeezed(name) == squeezed(unit) || squeezed(name).trim_end_matches('s') == squeezed(unit).replace("sec", "")
    };
    known()
        .find(|name| squeezed(name) == squeezed(unit) && name.contains('B') == unit.contains('B'))
        .or_else(|| known().find(is_near))
        .map(str::to_owned)
}

/// Figures by name.
pub type Figures = BTreeMap<String, Amount>;

/// The worst of several figures of one name, as of a machine's disks; the middle one where nobody knows which side is bad.
#[must_use]
pub fn worst(name: &str, mut amounts: Vec<Amount>) -> Option<Amount> {
    let unit = Amount { number: 1.0, unit: amounts.first()?.unit.clone() };
    amounts.retain(|amount| amount.ratio(&unit).is_some_and(f64::is_finite));
    let size = |amount: &Amount| amount.ratio(&unit).unwrap_or_default();
    amounts.sort_by(|a, b| size(a).total_cmp(&size(b)));
    let place = match Better::of(name, &unit.unit) {
        Better::Large => 0,
        Better::Small => amounts.len().saturating_sub(1),
        Better::Unknown => amounts.len().saturating_sub(1) / 2,
    };
    amounts.into_iter().nth(place)
}

/// Collects the figures of a JSON document: `{"NAME": 3}`, `{"NAME": {"value": 3, "unit": "GiB/s"}}`, the same below `results`, `figures`
/// or `measurements`, a list of `{"name", "value", "unit"}`, or one line of OCP output with a measurement.
#[must_use]
pub fn figures(document: &Value) -> Figures {
    let mut found = Figures::new();
    collect(document, 0, &mut found);
    found
}

fn collect(document: &Value, depth: usize, found: &mut Figures) {
    if depth > 2 {
        return;
    }
    if let Some(list) = document.as_array() {
        for entry in list {
            named(entry, found);
        }
        return;
    }
    let Some(entries) = document.as_object() else { return };
    if let Some(measurement) = document.pointer("/testStepArtifact/measurement") {
        named(measurement, found);
        return;
    }
    for key in ["results", "figures", "measurements"] {
        if let Some(inner) = entries.get(key) {
            collect(inner, depth + 1, found);
            return;
        }
    }
    for (name, value) in entries {
        if let Some(amount) = figure(value) {
            found.insert(name.clone(), amount);
        }
    }
}

/// Adds a figure of the form `{"name": "memory-read-bandwidth", "value": 412.5, "unit": "GiB/s"}`.
fn named(entry: &Value, found: &mut Figures) {
    if let (Some(name), Some(amount)) = (entry["name"].as_str(), figure(entry)) {
        found.insert(name.to_owned(), amount);
    }
}

fn figure(value: &Value) -> Option<Amount> {
    match value {
        Value::Number(number) => Some(Amount { number: number.as_f64()?, unit: String::new() }),
        Value::Object(entries) => Some(Amount {
            number: entries.get("value")?.as_f64()?,
            unit: entries.get("unit").and_then(Value::as_str).unwrap_or_default().to_owned(),
        }),
        // A result file of a script contains only texts. A sentence that begins with a number is no figure.
        Value::String(text) => amount(text).ok().filter(|amount| !amount.unit.contains(char::is_whitespace)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_are_found_in_each_form() {
        let expected = Amount { number: 412.5, unit: "GiB/s".to_owned() };
        for document in [
            json!({"bandwidth": {"value": 412.5, "unit": "GiB/s"}}),
            json!({"results": {"bandwidth": "412.5 GiB/s", "reason": "fine"}}),
            json!({"figures": [{"name": "bandwidth", "value": 412.5, "unit": "GiB/s"}]}),
            json!({"testStepArtifact": {"measurement": {"name": "bandwidth", "value": 412.5, "unit": "GiB/s"}}}),
        ] {
            assert_eq!(figures(&document).get("bandwidth"), Some(&expected), "{document}");
        }
        assert!(figures(&json!({"form": "x"})).is_empty());
        assert!(figures(&json!({"reason": "12 places could not be read", "address": "10.0.0.1"})).is_empty());
    }

    #[test]
    fn a_machine_is_as_slow_as_its_slowest_disk() {
        let of = |name: &str, texts: &[&str]| {
            let amounts = texts.iter().map(|text| amount(text).expect("an amount")).collect();
            worst(name, amounts).map(|amount| amount.show())
        };
        assert_eq!(of("disk-read", &["3 GB/s", "900 MB/s", "2 GB/s", "1 ms"]).as_deref(), Some("900 MB/s"));
        assert_eq!(of("latency", &["90 us", "1 ms"]).as_deref(), Some("1 ms"));
        assert_eq!(of("cycles", &["9", "1", "5"]).as_deref(), Some("5"));
        assert_eq!(of("x", &[]), None);
    }

    #[test]
    fn units_of_one_thing_are_compared_and_others_not() {
        let of = |text: &str| amount(text).expect("an amount");
        assert_eq!(of("2 GiB/s").ratio(&of("1024 MiB/s")), Some(2.0));
        assert_eq!(of("8 Gbit/s").ratio(&of("1 GB/s")), Some(1.0));
        assert_eq!(of("2").ratio(&of("4")), Some(0.5));
        assert_eq!(
            (of("2 GiB/s").ratio(&of("4")), of("2").ratio(&of("4 GiB/s"))),
            (None, None),
            "of no unit nobody knows the quantity"
        );
        assert_eq!(of("2 GiB/s").ratio(&of("4 ms")), None);
        assert_eq!(
            ["GiBs", "gib/s", "GB/sec", "events/s", "GiB/s", "W"].map(|unit| unit_meant(unit).unwrap_or_default()),
            ["GiB/s", "GiB/s", "GB/s", "", "", ""]
        );
        assert_eq!(unit_meant("MBps").as_deref(), Some("MB/s\" or \"Mbit/s"));
        let limit = of("400 GiB/s");
        assert_eq!(
            ["399.7 GiB/s", "399.996 GiB/s", "300 GiB/s"].map(|text| of(text).show_beside(&limit)),
            ["399.7 GiB/s", "399.996 GiB/s", "300 GiB/s"]
        );
    }
}
