//! Fields that the region takes, and that do not do what their author thinks.

use super::names::{BUILT_IN, FIELDS, suggestion};
use super::source::Source;
use super::{Level, Rule, Told, told};
use crate::script::{HardwareType, Parallel, ScriptType};
use crate::yaml::Node;

pub(super) const RULES: &[Rule] = &[
    Rule { id: "unknown-field", level: Level::Warning, check: unknown_field },
    Rule { id: "text", level: Level::Warning, check: text },
    Rule { id: "flag", level: Level::Warning, check: flag },
    Rule { id: "for-hardware-form", level: Level::Warning, check: for_hardware_form },
    Rule { id: "packages-kind", level: Level::Warning, check: packages_kind },
    Rule { id: "type-alias", level: Level::Warning, check: type_alias },
    Rule { id: "name-missing", level: Level::Warning, check: name_missing },
    Rule { id: "name-built-in", level: Level::Warning, check: name_built_in },
    Rule { id: "name-slash", level: Level::Warning, check: name_slash },
    Rule { id: "tag-special", level: Level::Warning, check: tag_special },
    Rule { id: "first-upload", level: Level::Info, check: first_upload },
    Rule { id: "timeout-day", level: Level::Warning, check: timeout_day },
    Rule { id: "timeout-none", level: Level::Info, check: timeout_none },
    Rule { id: "recommission-type", level: Level::Warning, check: recommission },
    Rule { id: "may-reboot-type", level: Level::Warning, check: may_reboot },
    Rule { id: "package-words", level: Level::Error, check: package_words },
    Rule { id: "package-address", level: Level::Error, check: package_address },
    Rule { id: "snap-address", level: Level::Warning, check: snap_address },
    Rule { id: "storage-parameter", level: Level::Warning, check: storage_parameter },
    Rule { id: "interface-parameter", level: Level::Info, check: interface_parameter },
    Rule { id: "apply-networking", level: Level::Info, check: apply_networking },
    Rule { id: "networking-unused", level: Level::Warning, check: networking_unused },
    Rule { id: "one-after-another", level: Level::Info, check: one_after_another },
];

fn unknown_field(source: &Source) -> Vec<Told> {
    let odd = source.metadata.node.pairs().iter().filter_map(|(key, _)| {
        let key = key.to_text().unwrap_or_default();
        (!FIELDS.contains(&key.as_str())).then_some(key)
    });
    odd.map(|key| {
        let advice = suggestion(&key, &FIELDS);
        told(source.line_of(&[&key]), format!("{key:?} is no field: the region passes over it"), advice)
    })
    .collect()
}

/// A finding about one field, if something holds.
fn about(source: &Source, field: &str, holds: bool, message: &str, advice: &str) -> Vec<Told> {
    holds.then(|| told(source.line_of(&[field]), message, advice)).into_iter().collect()
}

fn text(source: &Source) -> Vec<Told> {
    let odd =
        ["title", "description"].into_iter().filter(|field| source.field(field).is_some_and(|node| !node.is_scalar()));
    odd.map(|field| {
        let message = format!("{field}: is no text: the region keeps it as Python would print it");
        told(source.line_of(&[field]), message, "write text; in quotes if it is not a plain word")
    })
    .collect()
}

fn flag(source: &Source) -> Vec<Told> {
    let fields = ["destructive", "may_reboot", "recommission", "apply_configured_networking"];
    let odd = fields.into_iter().filter(|field| source.field(field).is_some_and(|node| node.as_bool().is_none()));
    odd.map(|field| {
        let message = format!(
            "{field}: is neither true nor false: the region takes it for true, unless it is empty, 0 or \"false\""
        );
        told(source.line_of(&[field]), message, "write true or false, without quotes")
    })
    .collect()
}

fn for_hardware_form(source: &Source) -> Vec<Told> {
    let is_hex = |part: &str| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_pair = |rest: &str| rest.split_once(':').is_some_and(|(vendor, product)| is_hex(vendor) && is_hex(product));
    let fits = |word: &str| match word.to_ascii_lowercase().split_once(':') {
        Some(("pci" | "usb", rest)) => is_pair(rest),
        Some((kind, _)) => kind.starts_with("system_") || kind.starts_with("mainboard_") || kind == "modalias",
        None => false,
    };
    let words = &source.header().for_hardware;
    let odd = words.iter().find(|word| !fits(word)).filter(|_| !source.has_problem("for-hardware"));
    odd.map(|word| {
        let message = format!("for_hardware: {word:?} is taken by regions, and names no hardware that there is");
        told(source.line_of(&["for_hardware"]), message, "write pci:VVVV:PPPP alone, one in each entry")
    })
    .into_iter()
    .collect()
}

fn packages_kind(source: &Source) -> Vec<Told> {
    let advice = "write packages: {apt: [NAME, …], snap: [NAME, …], url: [ADDRESS, …]}";
    match source.field("packages") {
        Some(Node::Sequence(_) | Node::String(_)) if !source.has_problem("packages") => {
            let message = "packages: is no mapping: the region takes it, and nothing is installed";
            vec![told(source.line_of(&["packages"]), message, advice)]
        }
        Some(Node::Mapping(pairs)) => {
            let keys = pairs.iter().map(|(key, _)| key.to_text().unwrap_or_default());
            let odd = keys.filter(|key| !["apt", "snap", "url"].contains(&key.as_str()));
            odd.map(|key| {
                let message =
                    format!("packages: {key:?} is not apt, snap or url: the region takes it, and nothing is installed");
                told(source.line_of(&["packages", &key]), message, advice)
            })
            .collect()
        }
        _ => Vec::new(),
    }
}

fn type_alias(source: &Source) -> Vec<Told> {
    let message = "type: a word of the API; regions do not read it from every script's metadata";
    about(source, "type", source.field("type").is_some(), message, "write script_type")
}

fn name_missing(source: &Source) -> Vec<Told> {
    let holds =
        source.metadata.block.is_some() && source.metadata.problems.is_empty() && source.field("name").is_none();
    let message = "name: is missing, so that it has to be given at each upload";
    about(source, "name", holds, message, "write a name")
}

fn is_built_in(source: &Source) -> bool {
    source.header().name.as_deref().is_some_and(|name| BUILT_IN.contains(&name))
}

fn name_built_in(source: &Source) -> Vec<Told> {
    let message = "name: regions bring a script of this name along and let nobody change it";
    about(source, "name", is_built_in(source), message, "choose another name for the upload")
}

fn name_slash(source: &Source) -> Vec<Told> {
    let holds = source.header().name.as_deref().is_some_and(|name| name.contains('/'));
    let message = "name: names the files of the script on the machine, too, where a '/' makes a folder of it";
    about(source, "name", holds, message, "leave it out")
}

fn tag_special(source: &Source) -> Vec<Told> {
    let header = source.header();
    let odd = header.tags.iter().find_map(|tag| match tag.as_str() {
        "deploy-info" if !is_built_in(source) => {
            Some((tag, "marks the built-in scripts that deployed machines run; for others it does nothing"))
        }
        "update_firmware" | "configure_hba" | "bmc-config" if header.kind != ScriptType::Commissioning => {
            Some((tag, "has its meaning for commissioning scripts only"))
        }
        "commissioning" if header.kind == ScriptType::Commissioning => {
            Some((tag, "makes a *testing* script run while commissioning; a commissioning script does so anyway"))
        }
        _ => None,
    });
    let tell = |(tag, text)| told(source.line_of(&["tags"]), format!("tags: {tag:?} {text}"), "take it out");
    odd.map(tell).into_iter().collect()
}

fn first_upload(source: &Source) -> Vec<Told> {
    let Some(field) = ["tags", "timeout"].into_iter().find(|field| source.field(field).is_some()) else {
        return Vec::new();
    };
    let message = "tags and timeout of the metadata count at the first upload only";
    about(source, field, true, message, "later change them in the region: `maas PROFILE node-script update`")
}

fn timeout_day(source: &Source) -> Vec<Told> {
    let timeout = source.header().timeout;
    let message =
        "timeout: a multiple of 24 hours counts as none in the region, which then never gives up on the script";
    about(source, "timeout", timeout > 0 && timeout.is_multiple_of(86_400), message, "take a second more or less")
}

fn timeout_none(source: &Source) -> Vec<Told> {
    let holds = source.metadata.block.is_some() && source.metadata.problems.is_empty() && source.header().timeout == 0;
    let message = "timeout: none, so that a script that hangs holds up the machine for ever";
    about(source, "timeout", holds, message, "write a limit that is never met by a script that works")
}

fn recommission(source: &Source) -> Vec<Told> {
    let holds = source.header().recommission && source.header().kind != ScriptType::Commissioning;
    let message = "recommission: has its meaning for commissioning scripts only";
    about(source, "recommission", holds, message, "take it out, or write script_type: commissioning")
}

fn may_reboot(source: &Source) -> Vec<Told> {
    let holds = source.header().may_reboot && source.header().kind != ScriptType::Commissioning;
    let message =
        "may_reboot: is for commissioning scripts; in other sets the region takes a silent machine for a dead one";
    about(source, "may_reboot", holds, message, "take it out, or write script_type: commissioning")
}

/// The packages of a kind that are text.
fn packages<'a>(source: &'a Source, kind: &str) -> Vec<&'a str> {
    let list = source.header().packages.get(kind).and_then(|list| list.as_array());
    list.into_iter().flatten().filter_map(|item| item.as_str()).collect()
}

fn package_words(source: &Source) -> Vec<Told> {
    let kinds = ["apt", "snap"].into_iter();
    let odd = kinds.flat_map(|kind| packages(source, kind).into_iter().map(move |name| (kind, name)));
    let is_odd = |name: &str| name.is_empty() || name.contains([' ', ',', ';', '\t']) || name.starts_with('-');
    odd.filter(|(_, name)| is_odd(name))
        .map(|(kind, name)| {
            let message = format!("packages: {name:?} is one text, and so the name of one package that does not exist");
            told(source.line_of(&["packages", kind]), message, format!("write {kind}: [ONE, TWO]"))
        })
        .collect()
}

fn package_address(source: &Source) -> Vec<Told> {
    let odd = packages(source, "url").into_iter().filter(|address| !address.contains("://"));
    odd.map(|address| {
        told(
            source.line_of(&["packages", "url"]),
            format!("packages: {address:?} is no address"),
            "write https://HOST/PATH",
        )
    })
    .collect()
}

fn snap_address(source: &Source) -> Vec<Told> {
    let is_snap = |address: &&str| address.split(['?', '#']).next().is_some_and(|path| path.ends_with(".snap"));
    let tell = |address| {
        let message = format!("packages: {address} is a snap: MAAS's runner cannot install one from an address");
        told(source.line_of(&["packages", "url"]), message, "name it under snap:")
    };
    packages(source, "url").into_iter().find(is_snap).map(tell).into_iter().collect()
}

fn storage_parameter(source: &Source) -> Vec<Told> {
    let header = source.header();
    let holds = header.hardware_type == HardwareType::Storage
        && header.kind == ScriptType::Testing
        && source.of_kind("storage").is_empty()
        && source.metadata.problems.is_empty();
    let message =
        "hardware_type: a storage test without a storage parameter runs once, and its result belongs to no disk";
    about(source, "hardware_type", holds, message, "add parameters: {storage: {type: storage}} and take --storage=PATH")
}

fn interface_parameter(source: &Source) -> Vec<Told> {
    let header = source.header();
    let holds = header.hardware_type == HardwareType::Network
        && header.kind == ScriptType::Testing
        && source.of_kind("interface").is_empty();
    let message =
        "hardware_type: without an interface parameter the script runs once, and its result belongs to no interface";
    about(source, "hardware_type", holds, message, "add parameters: {interface: {type: interface}} to test each one")
}

fn apply_networking(source: &Source) -> Vec<Told> {
    let holds = !source.of_kind("interface").is_empty() && !source.header().apply_configured_networking;
    let message = "the interface is tested with the networking that the machine booted with";
    let advice =
        "write apply_configured_networking: true to test under the configuration that it will be deployed with";
    about(source, "parameters", holds, message, advice)
}

fn networking_unused(source: &Source) -> Vec<Told> {
    let header = source.header();
    let holds = header.apply_configured_networking && header.hardware_type != HardwareType::Network;
    let message =
        "apply_configured_networking: reconfigures the network of the machine for a script that is not about it";
    about(source, "apply_configured_networking", holds, message, "take it out, or write hardware_type: network")
}

fn one_after_another(source: &Source) -> Vec<Told> {
    let devices = source.of_kind("storage").len() + source.of_kind("interface").len();
    let holds = devices > 0 && source.header().parallel == Parallel::Disabled && source.metadata.problems.is_empty();
    let field = if source.field("parallel").is_some() { "parallel" } else { "parameters" };
    let message = "one device is tested after the other";
    about(source, field, holds, message, "write parallel: instance if several may be tested at once")
}
