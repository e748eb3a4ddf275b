//! From what is written after `--param` to what a region would have chosen on this machine.

use std::collections::HashMap;

use serde_json::Value;

use super::super::sandbox::devices;
use crate::host::Host;
use crate::sandbox::Device;
use crate::script::{Header, HeaderParameter};

/// Values of parameters, and the disks that the script will be given.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// By name of the parameter.
    pub(super) values: HashMap<String, Vec<Value>>,
    /// Disks as people know them, with model and serial number; none if the script takes no disk.
    pub(super) disks: Vec<String>,
}

/// `NAME=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or("it is not NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Chosen {
    /// Looks everything up.
    ///
    /// # Errors
    /// What there is not, with what there is.
    pub(super) fn from(given: &[(String, String)], header: &Header, host: &Host) -> Result<Self, String> {
        let (disks, interfaces) = devices(host);
        let mut chosen = Chosen::default();
        for (name, text) in given {
            let declared = header.parameters.iter().find(|(known, _)| known == name);
            let Some((_, declared)) = declared else { return Err(unknown(name, header)) };
            let values = match declared.parameter.kind.as_str() {
                "storage" => several(text, &disks, |device, word| is_disk(device, word, host), disk)?,
                "interface" => several(text, &interfaces, is_interface, interface)?,
                _ => vec![one(name, text, declared)?],
            };
            chosen.values.insert(name.clone(), values);
        }
        for (name, _) in header.parameters.iter().filter(|(_, declared)| declared.parameter.kind == "storage") {
            let all = || disks.iter().cloned().map(Value::Object).collect();
            let taken: Vec<Value> = chosen.values.get(name).cloned().unwrap_or_else(all);
            chosen.disks.extend(taken.iter().filter_map(Value::as_object).map(disk));
        }
        Ok(chosen)
    }

    /// A time limit that was asked for counts more than the default of a `runtime` parameter.
    pub(super) fn limit(&mut self, seconds: u64, header: &Header) {
        for (name, _) in header.parameters.iter().filter(|(_, declared)| declared.parameter.kind == "runtime") {
            self.values.entry(name.clone()).or_insert_with(|| vec![seconds.into()]);
        }
    }
}

fn unknown(name: &str, header: &Header) -> String {
    let known = header.parameters.iter().map(|(name, declared)| format!("{name} ({})", declared.parameter.kind));
    let known: Vec<String> = known.collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    format!("the script has no parameter {name:?}; it has {known}")
}

/// The devices that words with commas between them name.
fn several(
    text: &str,
    devices: &[Device],
    is: impl Fn(&Device, &str) -> bool,
    describe: fn(&Device) -> String,
) -> Result<Vec<Value>, String> {
    if text == "all" {
        let all: Vec<Value> = devices.iter().cloned().map(Value::Object).collect();
        return Ok(if all.is_empty() { vec!["all".into()] } else { all });
    }
    let one = |word: &str| {
        let found = devices.iter().find(|device| is(device, word));
        found.cloned().map(Value::Object).ok_or_else(|| {
            let known: String = devices.iter().map(|device| format!("\n  {}", describe(device))).collect();
            format!(
                "this machine has no {word:?}; it has{}",
                if known.is_empty() { " none of the kind" } else { &known }
            )
        })
    };
    text.split(',').map(str::trim).map(one).collect()
}

fn text<'a>(device: &'a Device, key: &str) -> &'a str {
    device.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn is_disk(device: &Device, word: &str, host: &Host) -> bool {
    let (name, serial) = (text(device, "name"), text(device, "serial"));
    [name, text(device, "id_path")].contains(&word)
        || (!serial.is_empty() && (serial == word || format!("{}:{serial}", text(device, "model")) == word))
        || (word.starts_with('/') && host.resolve_device(word).as_deref() == Some(name))
}

fn is_interface(device: &Device, word: &str) -> bool {
    text(device, "name") == word || text(device, "mac_address").eq_ignore_ascii_case(word)
}

fn disk(device: &Device) -> String {
    let described = [("model", text(device, "model")), ("serial number", text(device, "serial"))];
    let described = described.iter().filter(|(_, value)| !value.is_empty());
    let words: Vec<String> = described.map(|(key, value)| format!("{key} {value}")).collect();
    let name = text(device, "name");
    if words.is_empty() { format!("/dev/{name}") } else { format!("/dev/{name} ({})", words.join(", ")) }
}

fn interface(device: &Device) -> String {
    format!("{} {}", text(device, "name"), text(device, "mac_address"))
}

fn one(name: &str, text: &str, declared: &HeaderParameter) -> Result<Value, String> {
    let problem = |wanted: &str| Err(format!("the parameter {name} is {wanted}, not {text:?}"));
    match declared.parameter.kind.as_str() {
        "boolean" => match text.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(true.into()),
            "false" | "no" | "off" | "0" => Ok(false.into()),
            _ => problem("true or false"),
        },
        "runtime" => text.parse::<u64>().map(Value::from).or_else(|_| problem("a number of seconds")),
        "choice" => {
            // A choice may be a pair of a value and its title.
            let value = |choice: &Value| choice.get(0).unwrap_or(choice).clone();
            let spoken = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let known: Vec<Value> = declared.choices.iter().map(value).collect();
            let found = known.iter().find(|value| spoken(value) == text).cloned();
            let words: Vec<String> = known.iter().map(spoken).collect();
            found.map_or_else(|| problem(&format!("one of {}", words.join(", "))), Ok)
        }
        _ => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;
    use serde_json::json;

    fn machine() -> (tempfile::TempDir, Host) {
        let files = [
            ("sys/class/block/sdb/size", "2048"),
            ("sys/class/block/sdb/dev", "8:16"),
            ("sys/class/block/sdb/device/type", "0"),
            ("sys/class/block/sdc/size", "2048"),
            ("sys/class/block/sdc/dev", "8:32"),
            ("sys/class/block/sdc/device/type", "0"),
            ("run/udev/data/b8:16", "S:disk/by-id/wwn-1\nE:ID_MODEL=BIG\nE:ID_SERIAL_SHORT=S9\n"),
            ("sys/class/net/enp1s0/address", "52:54:00:00:00:01"),
            ("sys/class/net/enp1s0/device/uevent", ""),
        ];
        machine_of(&files)
    }

    fn chosen(parameters: &str, given: &str) -> Result<Vec<Value>, String> {
        let (_root, host) = machine();
        let script = format!(
            "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# parameters: {{p: {parameters}}}\n\
             # --- End MAAS 1.0 script metadata ---\n"
        );
        let header = Header::parse(script.as_bytes()).expect("a valid header");
        let (name, value) = pair(given)?;
        let chosen = Chosen::from(&[(name.clone(), value)], &header, &host)?;
        Ok(chosen.values[&name].iter().map(|value| value.get("name").unwrap_or(value).clone()).collect())
    }

    #[test]
    fn devices_are_found_by_what_people_know_of_them() {
        let storage = "{type: storage}";
        for word in ["sdb", "S9", "BIG:S9", "/dev/disk/by-id/wwn-1"] {
            assert_eq!(chosen(storage, &format!("p={word}")), Ok(vec![json!("sdb")]), "{word}");
        }
        assert_eq!(chosen(storage, "p=sdc,sdb"), Ok(vec![json!("sdc"), json!("sdb")]));
        assert_eq!(chosen(storage, "p=all"), Ok(vec![json!("sdb"), json!("sdc")]));
        for word in ["enp1s0", "52:54:00:00:00:01", "all"] {
            assert_eq!(chosen("{type: interface}", &format!("p={word}")), Ok(vec![json!("enp1s0")]), "{word}");
        }
    }

    #[test]
    fn what_there_is_not_is_told_with_what_there_is() {
        let rows = [
            ("{type: storage}", "p=sdx", "\n  /dev/sdb (model BIG, serial number S9)\n  /dev/sdc"),
            ("{type: interface}", "p=eth9", "\n  enp1s0 52:54:00:00:00:01"),
            ("{type: storage}", "q=sdb", "no parameter \"q\"; it has p (storage)"),
            ("{type: choice, choices: [a, b]}", "p=c", "one of a, b"),
            ("{type: boolean}", "p=perhaps", "true or false"),
            ("{type: runtime}", "p=soon", "seconds"),
        ];
        for (parameter, given, expected) in rows {
            let problem = chosen(parameter, given).expect_err("there is none");
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn other_values_have_the_type_that_a_region_gives_them() {
        assert_eq!(chosen("{type: boolean}", "p=yes"), Ok(vec![json!(true)]));
        assert_eq!(chosen("{type: runtime}", "p=30"), Ok(vec![json!(30)]));
        assert_eq!(chosen("{type: choice, choices: [[a, A title], b]}", "p=a"), Ok(vec![json!("a")]));
        assert_eq!(chosen("{type: string}", "p=a=b, c"), Ok(vec![json!("a=b, c")]));
        assert!(pair("=x").is_err() && pair("x").is_err());
    }
}
