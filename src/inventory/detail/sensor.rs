//! Temperatures, fans, voltages and power (`/sys/class/hwmon`).

use std::path::{Path, PathBuf};

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::survey::{Survey, storable};
use super::place::way;

const HWMON: &str = "/sys/class/hwmon";

/// A reading.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Sensor {
    /// The place of the chip and the name of the file.
    pub identity: String,
    /// Chip, for example `coretemp`.
    pub chip: String,
    /// Device that it measures or is part of, for example `nvme0`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// Label, else the name of the file.
    pub name: String,
    /// Beginning of the names of its files, for example `temp1`.
    pub file: String,
    /// `temperature`, `fan`, `voltage`, `power`, `current` or `humidity`.
    pub kind: String,
    /// In the unit of its kind.
    pub value: f64,
    /// `°C`, `RPM`, `V`, `W`, `A` or `%`.
    pub unit: String,
    /// The chip raises an alarm.
    pub alarm: bool,
    /// The least that the chip is set to find in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// The most that the chip is set to find in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// Value above which the chip calls it critical.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critical: Option<f64>,
}

/// A chip.
struct Chip {
    place: PathBuf,
    name: String,
    device: String,
    way: String,
}

pub(super) fn collect(survey: &Survey<'_>) -> Vec<Sensor> {
    let mut sensors = Vec::new();
    for name in survey.names(HWMON) {
        let chip = chip(survey, &name);
        let mut files = survey.names(&chip.place);
        files.sort_by_cached_key(|file| natural(file));
        sensors.extend(files.iter().filter_map(|file| sensor(survey, &chip, file)));
    }
    sensors
}

fn chip(survey: &Survey<'_>, name: &str) -> Chip {
    let own = Path::new(HWMON).join(name);
    let has_readings = |place: &Path| survey.host.list(place).iter().any(|file| file.ends_with("_input"));
    // Old drivers keep their files with the device.
    let place = if has_readings(&own) { own.clone() } else { own.join("device") };
    let quiet = |path: PathBuf| survey.host.text(path).map(storable);
    let chip = quiet(own.join("name")).or_else(|| quiet(own.join("device/name")));
    let device =
        survey.host.real(own.join("device")).and_then(|real| Some(real.file_name()?.to_string_lossy().into_owned()));
    Chip {
        way: way(survey, &own.join("device")).or_else(|| way(survey, &own)).unwrap_or_else(|| name.to_owned()),
        name: chip.unwrap_or_else(|| name.to_owned()),
        device: device.unwrap_or_default(),
        place,
    }
}

/// `temp2_input` before `temp10_input`.
fn natural(file: &str) -> (String, u64) {
    let stem = file.split('_').next().unwrap_or_default();
    let word = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    (word.to_owned(), stem[word.len()..].parse().unwrap_or(0))
}

fn sensor(survey: &Survey<'_>, chip: &Chip, file: &str) -> Option<Sensor> {
    // Some power meters tell only an average.
    let stem = file.strip_suffix("_input").or_else(|| {
        let stem = file.strip_suffix("_average")?;
        (!survey.host.has(chip.place.join(format!("{stem}_input")))).then_some(stem)
    })?;
    let (kind, unit, divisor) = match stem.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "temp" => ("temperature", "°C", 1000.0),
        "fan" => ("fan", "RPM", 1.0),
        "in" => ("voltage", "V", 1000.0),
        "power" => ("power", "W", 1_000_000.0),
        "curr" => ("current", "A", 1000.0),
        "humidity" => ("humidity", "%", 1000.0),
        _ => return None,
    };
    // A sensor that is not connected answers with an error: it has no value.
    let text = |key: &str| survey.host.text(chip.place.join(key));
    let number = |key: &str| text(key)?.parse::<f64>().ok().filter(|number| number.is_finite());
    let attribute = |name: &str| number(&format!("{stem}_{name}"));
    let label = text(&format!("{stem}_label")).map(storable);
    Some(Sensor {
        identity: format!("sensor:{}:{}:{stem}", chip.way, chip.name),
        chip: chip.name.clone(),
        device: chip.device.clone(),
        name: label.unwrap_or_else(|| stem.to_owned()),
        file: stem.to_owned(),
        kind: kind.to_owned(),
        value: number(file)? / divisor,
        unit: unit.to_owned(),
        alarm: ["alarm", "crit_alarm", "min_alarm", "max_alarm", "fault"]
            .iter()
            .any(|name| attribute(name) == Some(1.0)),
        minimum: attribute("min").map(|value| value / divisor),
        maximum: attribute("max").map(|value| value / divisor),
        critical: attribute("crit").map(|value| value / divisor),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_in_the_order_of_their_numbers() {
        assert!(natural("temp2_input") < natural("temp10_input"));
        assert!(natural("in0_input") < natural("temp1_input"));
    }
}
