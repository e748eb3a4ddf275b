//! From the parameters that the region chose to the arguments of a script on this machine.
//!
//! Names of disks and interfaces move between boots, so they are looked up again by what does not move. A value with blanks
//! stays one argument, since the format is split before it is filled.

use std::fmt::Write as _;

use serde_json::Value;

use crate::host::{Disk, Host, Interface};
use crate::script::{Parameter, RegionVersion, Script};
use crate::yaml::{self, Node};

/// A script's arguments and the interface that it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Arguments {
    pub(super) words: Vec<String>,
    pub(super) interface: Option<String>,
}

/// Fills in all parameters, as the own runner of a region of that version does.
///
/// # Errors
/// A report for the operator: what was looked for, what was given, what this machine has.
pub(super) fn arguments(script: &Script, host: &Host, region: RegionVersion) -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    for (name, parameter) in &script.parameters {
        let filled = match parameter.kind.as_str() {
            "storage" => storage(parameter, host),
            "interface" => interface(parameter, host).inspect(|fields| {
                arguments.interface = fields.iter().find(|(key, _)| key == "name").map(|(_, value)| value.clone());
            }),
            _ => match parameter.effective() {
                // A parameter without a value is not passed on.
                None => continue,
                Some(value) => Ok(vec![("input".to_owned(), spoken(value))]),
            },
        };
        let words = filled.and_then(|fields| words(&format(name, parameter, region), &fields));
        match words {
            Ok(words) => arguments.words.extend(words),
            Err(problem) => return Err(report(script, name, &problem, host)),
        }
    }
    Ok(arguments)
}

/// The kernel's names of the disks and interfaces that a script is given; those that this machine lacks are left out.
pub(super) fn subjects(script: &Script, host: &Host) -> Vec<String> {
    let found = script.parameters.iter().filter_map(|(_, parameter)| match parameter.kind.as_str() {
        "storage" => storage(parameter, host).ok(),
        "interface" => interface(parameter, host).ok(),
        _ => None,
    });
    found.flatten().filter(|(key, _)| key == "name").map(|(_, name)| name).collect()
}

fn format(name: &str, parameter: &Parameter, region: RegionVersion) -> String {
    parameter.argument_format.clone().unwrap_or_else(|| match parameter.kind.as_str() {
        "storage" => "--storage={path}".to_owned(),
        "interface" => "--interface={name}".to_owned(),
        _ if region.names_arguments_by_key() => format!("--{name}={{input}}"),
        kind => format!("--{kind}={{input}}"),
    })
}

/// A value as Python prints it, which is what script authors have seen so far.
fn spoken(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

type Fields = Vec<(String, String)>;

/// The value's own keys, with what this machine knows better in their place.
fn fields(value: &Value, known: &[(&str, &str)]) -> Fields {
    let mut fields: Fields = known.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    for (key, own) in value.as_object().into_iter().flatten() {
        if !fields.iter().any(|(known, _)| known == key) {
            fields.push((key.clone(), if own.is_null() { String::new() } else { spoken(own) }));
        }
    }
    fields
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

fn storage(parameter: &Parameter, host: &Host) -> Result<Fields, String> {
    let value = parameter.effective().ok_or("the region chose no disk")?;
    if value.as_str() == Some("all") {
        return Err("the region knows no disk of this machine, so it chose none (its value is \"all\")".to_owned());
    }
    let (model, serial, id_path) = (text(value, "model"), text(value, "serial"), text(value, "id_path"));
    let disks = host.disks();
    let by_identity = match (model, serial) {
        (Some(model), Some(serial)) => disks.iter().find(|disk| is(disk, model, serial)),
        _ => None,
    };
    if let Some(disk) = by_identity {
        let path = disk.path();
        return Ok(fields(value, &[("name", &disk.name), ("path", &path), ("input", &path)]));
    }
    match id_path.map(|path| (path, host.resolve_device(path))) {
        Some((path, Some(name))) => Ok(fields(value, &[("name", &name), ("path", path), ("input", path)])),
        Some((path, None)) => Err(format!("no disk has {}, and {path} does not exist", wanted(model, serial))),
        None => Err(format!("no disk has {}, and the region gave no id_path", wanted(model, serial))),
    }
}

fn is(disk: &Disk, model: &str, serial: &str) -> bool {
    disk.models.iter().any(|known| known.trim() == model) && disk.serials.iter().any(|known| known.trim() == serial)
}

fn wanted(model: Option<&str>, serial: Option<&str>) -> String {
    format!("the model {:?} and the serial number {:?}", model.unwrap_or("unknown"), serial.unwrap_or("unknown"))
}

fn interface(parameter: &Parameter, host: &Host) -> Result<Fields, String> {
    let value = parameter.effective().ok_or("the region chose no interface")?;
    if value.as_str() == Some("all") {
        return Err("the region knows no interface of this machine, so it chose none (its value is \"all\")".to_owned());
    }
    let mac = text(value, "mac_address").ok_or("the region gave no MAC address")?.to_ascii_lowercase();
    let name = netplan_interface(host, &mac)
        .or_else(|| host.interfaces().into_iter().find(|nic| is_for(nic, &mac)).map(|nic| nic.name))
        .ok_or_else(|| format!("no interface has the MAC address {mac}"))?;
    // The region's form offers {mac}, its values say mac_address: both are filled.
    Ok(fields(value, &[("name", &name), ("input", &name), ("mac", &mac), ("mac_address", &mac)]))
}

/// Bonds and bridges borrow the MAC address of a member: the hardware is meant.
fn is_for(nic: &Interface, mac: &str) -> bool {
    nic.mac_address == mac && (nic.physical || !nic.name.starts_with("bond") && !nic.name.starts_with("br"))
}

/// The interface that carries an address in the netplan files, by MAC address.
fn netplan_interface(host: &Host, mac: &str) -> Option<String> {
    for file in host.list("/etc/netplan").iter().filter(|name| name.ends_with(".yaml")) {
        let Ok(bytes) = std::fs::read(host.path(format!("/etc/netplan/{file}"))) else { continue };
        let Ok(document) = yaml::parse(&bytes) else { continue };
        let Some(network) = document.get("network") else { continue };
        for (_, devices) in network.pairs() {
            for (name, device) in devices.pairs() {
                let own = device.get("macaddress").or_else(|| device.get("match")?.get("macaddress"));
                let configured = ["addresses", "dhcp4", "dhcp6"].iter().any(|key| device.get(key).is_some_and(is_set));
                if configured && own.and_then(Node::as_str).is_some_and(|own| own.eq_ignore_ascii_case(mac)) {
                    return device.get("set-name").and_then(Node::to_text).or_else(|| name.to_text());
                }
            }
        }
    }
    None
}

fn is_set(node: &Node) -> bool {
    match node {
        Node::Sequence(items) => !items.is_empty(),
        other => other.as_bool().unwrap_or(false),
    }
}

/// Splits a format on blanks and fills `{key}` in each word; `{{` and `}}` stand for braces.
fn words(format: &str, fields: &Fields) -> Result<Vec<String>, String> {
    format.split_whitespace().map(|word| fill(word, format, fields)).collect()
}

fn fill(word: &str, format: &str, fields: &Fields) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = word;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            filled.push_str(brace);
            rest = after;
            continue;
        }
        let (key, after) = (brace == "{")
            .then(|| rest.split_once('}'))
            .flatten()
            .ok_or_else(|| format!("its argument_format {format:?} has a lone {brace}"))?;
        let value = fields.iter().find(|(known, _)| known == key).ok_or_else(|| {
            let known: Vec<String> = fields.iter().map(|(key, _)| format!("{{{key}}}")).collect();
            format!("its argument_format {format:?} asks for {{{key}}}; there is {}", known.join(" "))
        })?;
        filled.push_str(&value.1);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn report(script: &Script, name: &str, problem: &str, host: &Host) -> String {
    let mut text = format!("{script} cannot be run: its parameter {name:?} cannot be filled in: {problem}.\n\n");
    text.push_str("Parameters that the region gave:\n");
    for (name, parameter) in &script.parameters {
        let value = match (parameter.kind.as_str(), parameter.effective()) {
            ("password", Some(_)) => "(hidden)".to_owned(),
            (_, Some(value)) => value.to_string(),
            (_, None) => "(none)".to_owned(),
        };
        let _ = writeln!(text, "  {name} ({}): {value}", parameter.kind);
    }
    text.push_str("Disks of this machine:\n");
    for disk in host.disks() {
        let _ = writeln!(text, "  {} model {:?} serial {:?}", disk.path(), disk.models, disk.serials);
    }
    text.push_str("Interfaces of this machine:\n");
    for nic in host.interfaces() {
        let _ = writeln!(text, "  {} {} {}", nic.name, nic.mac_address, nic.operstate);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;
    use crate::script::parse_index;
    use serde_json::json;

    fn script(parameters: &Value) -> Script {
        let index = json!({"1.0": {"testing_scripts": [{"name": "x", "path": "testing/x", "parameters": parameters}]}});
        parse_index(index.to_string().as_bytes()).expect("index").scripts.remove(0)
    }

    fn machine() -> (tempfile::TempDir, Host) {
        let files = [
            ("sys/block/sdb/size", "2048"),
            ("sys/block/sdb/dev", "8:16"),
            ("run/udev/data/b8:16", "E:ID_MODEL=BIG_DISK\nE:ID_MODEL_ENC=BIG\\x20DISK\\x20\nE:ID_SERIAL_SHORT=S9\n"),
            ("dev/disk/by-id/wwn-1", ""),
            ("sys/class/net/enp1s0/address", "52:54:00:00:00:01"),
            ("sys/class/net/enp1s0/operstate", "up"),
            (
                "etc/netplan/50.yaml",
                "network: {version: 2, ethernets: {nic0: {match: {macaddress: '52:54:00:00:00:02'}, dhcp4: true, set-name: lan0}}}",
            ),
        ];
        machine_of(&files)
    }

    fn filled(parameters: &Value) -> Result<Vec<String>, String> {
        let (_root, host) = machine();
        arguments(&script(parameters), &host, RegionVersion::NEWEST).map(|arguments| arguments.words)
    }

    #[test]
    fn an_argument_without_a_format_is_named_as_the_regions_own_runner_names_it() {
        let (_root, host) = machine();
        let parameters = json!({"colour": {"type": "string", "value": "red"}, "mode": {"type": "choice", "value": "a", "argument_format": "-m {input}"}});
        let words = |version| arguments(&script(&parameters), &host, version).expect("values").words;
        assert_eq!(words(RegionVersion::new(3, 5, 13)), ["--string=red", "-m", "a"]);
        assert_eq!(words(RegionVersion::new(3, 6, 0)), ["--colour=red", "-m", "a"]);
    }

    #[test]
    fn a_disk_is_found_again_under_another_name() {
        let value =
            json!({"id": 1, "name": "sda", "model": "BIG DISK", "serial": "S9", "id_path": "/dev/disk/by-id/gone"});
        assert_eq!(
            filled(&json!({"storage": {"type": "storage", "value": value}})),
            Ok(vec!["--storage=/dev/sdb".into()])
        );
        let format =
            json!({"storage": {"type": "storage", "value": value, "argument_format": "{name} -m={model} {{x}}"}});
        assert_eq!(filled(&format), Ok(vec!["sdb".into(), "-m=BIG DISK".into(), "{x}".into()]), "a blank stays inside");
    }

    #[test]
    fn an_id_path_is_trusted_when_nothing_else_is_known() {
        let value = json!({"id": 1, "name": "sda", "model": null, "serial": null, "id_path": "/dev/disk/by-id/wwn-1"});
        assert_eq!(
            filled(&json!({"storage": {"type": "storage", "value": value}})),
            Ok(vec!["--storage=/dev/disk/by-id/wwn-1".into()])
        );
    }

    #[test]
    fn a_missing_disk_is_reported_with_what_there_is() {
        let value = json!({"id": 1, "name": "sda", "model": "OTHER", "serial": "S1", "id_path": null});
        let report = filled(&json!({"storage": {"type": "storage", "value": value},
            "secret": {"type": "password", "value": "hush"}}))
        .expect_err("missing");
        for expected in ["OTHER", "S1", "/dev/sdb", "BIG_DISK", "enp1s0", "52:54:00:00:00:01", "(hidden)"] {
            assert!(report.contains(expected), "{expected} in {report}");
        }
        assert!(!report.contains("hush"));
        assert!(filled(&json!({"storage": {"type": "storage", "value": "all"}})).is_err());
    }

    #[test]
    fn an_interface_is_found_by_its_mac_address() {
        let nic = |mac: &str, format: &str| {
            filled(&json!({"interface": {"type": "interface", "argument_format": format,
                "value": {"id": 1, "name": "eth9", "mac_address": mac, "vendor": "V", "product": null}}}))
        };
        assert_eq!(
            nic("52:54:00:00:00:01", "{name} {mac} {mac_address} {vendor} {product}."),
            Ok(vec!["enp1s0".into(), "52:54:00:00:00:01".into(), "52:54:00:00:00:01".into(), "V".into(), ".".into()])
        );
        assert_eq!(nic("52:54:00:00:00:02", "{input}"), Ok(vec!["lan0".into()]), "netplan renames it");
        assert!(nic("52:54:00:00:00:03", "{input}").is_err());
        assert!(nic("52:54:00:00:00:01", "{wish}").expect_err("unknown key").contains("{wish}"));
    }

    #[test]
    fn other_values_are_written_as_python_would() {
        let words = filled(&json!({
            "runtime": {"type": "runtime", "value": 60}, "flag": {"type": "boolean", "value": true},
            "depth": {"type": "choice", "default": "a"}, "text": {"type": "string", "value": "two words"},
            "unset": {"type": "string"}
        }));
        assert_eq!(
            words,
            Ok(vec!["--runtime=60".into(), "--flag=True".into(), "--depth=a".into(), "--text=two words".into()])
        );
    }
}
