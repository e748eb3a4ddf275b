//! Processors that differ, readings out of bounds, power supplies that give none.

use super::super::{Inventory, Sensor};
use super::{Finding, finding};

pub(super) fn look(inventory: &Inventory, found: &mut Vec<Finding>) {
    processors(inventory, found);
    for sensor in inventory.sensors.iter().filter(|sensor| is_alarming(sensor)) {
        let device = if sensor.device.is_empty() { &sensor.chip } else { &sensor.device };
        let text =
            format!("{} {} of {device} raises an alarm at {} {}", sensor.kind, sensor.name, sensor.value, sensor.unit);
        found.push(finding("sensor-alarm", &sensor.identity, text));
    }
    for supply in inventory.power_supplies.iter().filter(|supply| supply.kind == "supply") {
        if ["unplugged", "non-critical", "critical"].contains(&supply.state.as_str()) {
            let text = format!(
                "power supply {} {} was {} when the machine started",
                supply.location, supply.name, supply.state
            );
            found.push(finding("power-supply", &supply.identity, text));
        }
    }
    for nic in &inventory.interfaces {
        if let (true, Some(speed @ 1..=100), Some(possible @ 1000..)) = (nic.link, nic.speed, nic.maximum_speed) {
            let text = format!("{} has a link of {speed} Mbit/s and can do {possible} Mbit/s", nic.name);
            found.push(finding("nic-slow", &nic.identity, text));
        }
    }
}

fn processors(inventory: &Inventory, found: &mut Vec<Finding>) {
    let state = &inventory.processors;
    if state.microcode.len() > 1 {
        let versions = state.microcode.join(", ");
        found.push(finding("microcode-differs", "cpu", format!("processors run different microcode: {versions}")));
    }
    let mut models: Vec<&str> =
        state.packages.iter().map(|package| package.model.as_str()).filter(|model| !model.is_empty()).collect();
    models.sort_unstable();
    models.dedup();
    if models.len() > 1 {
        found.push(finding("cpu-differs", "cpu", format!("sockets hold different processors: {}", models.join(", "))));
    }
}

/// Chips of boards raise alarms for inputs that nothing is connected to and that nobody has set limits for: a voltage or a fan counts only
/// when it is out of limits that make sense. A temperature counts when it is critical; one that no running machine has is a sensor that is
/// not connected, and so is a limit.
fn is_alarming(sensor: &Sensor) -> bool {
    const POSSIBLE: std::ops::Range<f64> = -55.0..127.0;
    const LIMIT: std::ops::Range<f64> = 25.0..150.0;
    let (value, minimum, maximum) = (sensor.value, sensor.minimum.unwrap_or(0.0), sensor.maximum.unwrap_or(0.0));
    match sensor.kind.as_str() {
        "temperature" => {
            POSSIBLE.contains(&value) && sensor.critical.is_some_and(|limit| LIMIT.contains(&limit) && value >= limit)
        }
        "fan" => sensor.alarm && minimum > 0.0 && value < minimum && (maximum <= 0.0 || minimum < maximum),
        "voltage" => sensor.alarm && maximum > minimum && (value < minimum || value > maximum),
        _ => sensor.alarm && maximum > minimum.max(0.0) && value > maximum,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Nic, Package, PowerSupply};
    use super::super::texts;
    use super::*;

    fn sensor(kind: &str, value: f64, limits: (f64, f64), critical: Option<f64>, alarm: bool) -> Sensor {
        let (minimum, maximum) = (Some(limits.0), Some(limits.1));
        Sensor {
            kind: kind.into(),
            name: "x".into(),
            chip: "c".into(),
            value,
            unit: "u".into(),
            alarm,
            minimum,
            maximum,
            critical,
            ..Sensor::default()
        }
    }

    fn is_told(sensor: Sensor) -> bool {
        let inventory = Inventory { sensors: vec![sensor], ..Inventory::default() };
        !texts(|found| look(&inventory, found)).is_empty()
    }

    #[test]
    fn a_reading_out_of_bounds_is_pointed_out() {
        assert!(is_told(sensor("temperature", 101.0, (0.0, 80.0), Some(100.0), false)));
        assert!(is_told(sensor("fan", 100.0, (600.0, 0.0), None, true)));
        assert!(is_told(sensor("voltage", 13.5, (10.8, 13.2), None, true)));
        // Limits that contradict each other, and temperatures that no running machine has, are none.
        assert!(!is_told(sensor("fan", 100.0, (600.0, 300.0), None, true)));
        assert!(!is_told(sensor("power", 100.0, (600.0, 50.0), None, true)));
        assert!(!is_told(sensor("temperature", 128.0, (0.0, 80.0), Some(100.0), true)));
        assert!(!is_told(sensor("temperature", 30.0, (0.0, 80.0), Some(1.0), true)));
    }

    #[test]
    fn an_alarm_without_limits_is_none() {
        assert!(!is_told(sensor("voltage", 1.024, (0.0, 0.0), None, true)), "an input without limits");
        assert!(!is_told(sensor("fan", 0.0, (0.0, 0.0), None, true)), "no fan is connected");
        assert!(!is_told(sensor("temperature", 70.0, (0.0, 60.0), Some(100.0), true)), "warm, as drives are");
        assert!(!is_told(sensor("temperature", 30.0, (0.0, 0.0), Some(0.0), false)));
    }

    #[test]
    fn what_differs_or_gives_no_power_is_pointed_out() {
        let package = |model: &str| Package { model: model.into(), ..Package::default() };
        let supply = |state: &str| PowerSupply {
            kind: "supply".into(),
            name: "PSU1".into(),
            location: "bay".into(),
            state: state.into(),
            ..PowerSupply::default()
        };
        let nic = |speed| Nic {
            name: "eth0".into(),
            link: true,
            speed: Some(speed),
            maximum_speed: Some(10_000),
            ..Nic::default()
        };
        let mut inventory = Inventory {
            power_supplies: vec![supply("ok"), supply("absent"), supply("unplugged")],
            interfaces: vec![nic(100), nic(1000)],
            ..Inventory::default()
        };
        inventory.processors.packages = vec![package("A"), package("B"), package("A")];
        inventory.processors.microcode = vec!["0x1".into(), "0x2".into()];
        let expected = [
            "processors run different microcode: 0x1, 0x2",
            "sockets hold different processors: A, B",
            "power supply bay PSU1 was unplugged when the machine started",
            "eth0 has a link of 100 Mbit/s and can do 10000 Mbit/s",
        ];
        assert_eq!(texts(|found| look(&inventory, found)), expected);
    }
}
