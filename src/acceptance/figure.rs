//! Figures that tests measured: names with numbers and units.

use std::collections::BTreeMap;

use serde_json::Value;

/// A number with its unit, as a test or a profile writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Amount {
    /// The number.
    pub number: f64,
    /// The unit, such as `GiB/s`; empty if none is given.
    pub unit: String,
}

/// Units by quantity, each with its factor to the first unit of its list. Bits and bytes are one quantity.
const FAMILIES: [&[(&str, f64)]; 3] = [
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
    &[("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)],
    &[("Hz", 1.0), ("kHz", 1e3), ("MHz", 1e6), ("GHz", 1e9)],
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

    /// True if a smaller amount is better: the unit is one of time.
    #[must_use]
    pub fn is_better_small(&self) -> bool {
        FAMILIES[1].iter().any(|(name, _)| *name == self.unit)
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
pub(super) fn unit_meant(unit: &str) -> Option<&'static str> {
    let known = || FAMILIES.iter().flat_map(|units| units.iter().map(|(name, _)| *name));
    if unit.len() < 3 || known().any(|name| name == unit) {
        return None;
    }
    let squeezed = |text: &str| text.replace(['/', ' '], "").to_ascii_lowercase();
    let is_near = |name: &&str| {
        squeezed(name) == squeezed(unit) || squeezed(name).trim_end_matches('s') == squeezed(unit).replace("sec", "")
    };
    known()
        .find(|name| squeezed(name) == squeezed(unit) && name.contains('B') == unit.contains('B'))
        .or_else(|| known().find(is_near))
}

/// Figures by name.
pub type Figures = BTreeMap<String, Amount>;

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
        // A result file of a script contains only texts.
        Value::String(text) => amount(text).ok(),
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
            ["GiBs", "gib/s", "GB/sec", "events/s", "GiB/s", "W"].map(unit_meant),
            [Some("GiB/s"), Some("GiB/s"), Some("GB/s"), None, None, None]
        );
        assert!(of("3 us").is_better_small() && !of("3 GiB/s").is_better_small());
    }
}
