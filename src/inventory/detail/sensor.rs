//! Temperatures, fans, voltages and power (`/sys/class/hwmon`), and power supplies.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::survey::Survey;

const HWMON: &str = "/sys/class/hwmon";

/// A reading.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Sensor {
    /// Chip, for example `coretemp`.
    pub chip: String,
    /// Label, else the name of the file.
    pub name: String,
    /// `temperature`, `fan`, `voltage`, `power` or `current`.
    pub kind: String,
    /// In the unit of its kind.
    pub value: f64,
    /// `°C`, `RPM`, `V`, `W` or `A`.
    pub unit: String,
    /// The chip raises an alarm.
    pub alarm: bool,
    /// Value above which the chip calls it critical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<f64>,
}

pub(super) fn collect(survey: &Survey<'_>) -> Vec<Sensor> {
    let mut sensors = Vec::new();
    for chip in survey.names(HWMON) {
        let place = Path::new(HWMON).join(chip);
        let name = survey.word(place.join("name"));
        for file in survey.names(&place) {
            sensors.extend(sensor(survey, &place, &name, &file));
        }
    }
    sensors
}

fn sensor(survey: &Survey<'_>, place: &Path, chip: &str, file: &str) -> Option<Sensor> {
    let stem = file.strip_suffix("_input").or_else(|| file.strip_suffix("_average"))?;
    let (kind, unit, divisor) = match stem.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "temp" => ("temperature", "°C", 1000.0),
        "fan" => ("fan", "RPM", 1.0),
        "in" => ("voltage", "V", 1000.0),
        "power" => ("power", "W", 1_000_000.0),
        "curr" => ("current", "A", 1000.0),
        _ => return None,
    };
    // A sensor that is not connected answers with an error: it has no value.
    let number = |key: String| {
        let bytes = survey.host.read(place.join(key)).ok()?;
        String::from_utf8_lossy(&bytes).trim().parse::<f64>().ok()
    };
    let label = survey.word(place.join(format!("{stem}_label")));
    Some(Sensor {
        chip: chip.to_owned(),
        name: if label.is_empty() { stem.to_owned() } else { label },
        kind: kind.to_owned(),
        value: number(file.to_owned())? / divisor,
        unit: unit.to_owned(),
        alarm: ["alarm", "crit_alarm", "fault"].iter().any(|key| number(format!("{stem}_{key}")) == Some(1.0)),
        critical: number(format!("{stem}_crit")).map(|value| value / divisor),
    })
}
