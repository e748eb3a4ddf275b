//! NVMe controllers (`/sys/class/nvme`) and which namespaces they lead to.

use std::path::{Path, PathBuf};

use super::super::survey::{Survey, storable};
use super::controller::StorageController;
use super::identity::{self, is_placeholder};
use super::place::{nearest_pci, way};

const CLASS: &str = "/sys/class/nvme";

/// Names of the controllers in a subsystem's directory.
pub(super) fn controllers_in(survey: &Survey<'_>, subsystem: &Path) -> Vec<String> {
    survey
        .names(subsystem)
        .into_iter()
        .filter(|name| number_after(name, "nvme").is_some_and(|(_, rest)| rest.is_empty()))
        .collect()
}

/// The number that follows a word, and what follows the number.
fn number_after<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let rest = text.strip_prefix(word)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    (end > 0).then(|| rest.split_at(end))
}

/// `nvme0c1n2`, one path to a namespace, is a path to `nvme0n2`; `nvme0n2` is its own; nothing else is a namespace.
pub(super) fn namespace(name: &str) -> Option<String> {
    let (subsystem, rest) = number_after(name, "nvme")?;
    let rest = number_after(rest, "c").map_or(rest, |(_, rest)| rest);
    let (namespace, rest) = number_after(rest, "n")?;
    rest.is_empty().then(|| format!("nvme{subsystem}n{namespace}"))
}

pub(super) fn collect(survey: &Survey<'_>) -> Vec<StorageController> {
    survey.names(CLASS).into_iter().map(|name| controller(survey, name)).collect()
}

fn controller(survey: &Survey<'_>, name: String) -> StorageController {
    let place = PathBuf::from(CLASS).join(&name);
    // A dead controller answers with errors.
    let word = |key: &str| survey.host.text(place.join(key)).map(storable).unwrap_or_default();
    let mut disks: Vec<String> = survey.names(&place).iter().filter_map(|entry| namespace(entry)).collect();
    disks.sort();
    disks.dedup();
    let (model, serial) = (word("model"), word("serial"));
    let identity = if is_placeholder(&serial) {
        format!("controller:nvme:at:{}", way(survey, &place).unwrap_or_else(|| name.clone()))
    } else {
        // One drive may have several controllers, one for each of its ports.
        let number = Some(word("cntlid")).filter(|number| number != "0").unwrap_or_default();
        identity::of("controller:nvme", &[&model, &serial, &number])
    };
    let transport = word("transport");
    let is_remote = !transport.is_empty() && transport != "pcie";
    StorageController {
        identity,
        kind: "nvme".to_owned(),
        driver: "nvme".to_owned(),
        model,
        serial,
        firmware: word("firmware_rev"),
        pci_address: nearest_pci(survey, &place).unwrap_or_default(),
        address: if is_remote { word("address") } else { String::new() },
        transport,
        state: word("state"),
        subsystem: word("subsysnqn"),
        disks,
        hosts: vec![name.clone()],
        name,
        ..StorageController::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_namespace() {
        for (name, expected) in [
            ("nvme0n1", Some("nvme0n1")),
            ("nvme2c13n4", Some("nvme2n4")),
            ("nvme0", None),
            ("ng0n1", None),
            ("nvme0n1p1", None),
            ("hwmon0", None),
        ] {
            assert_eq!(namespace(name).as_deref(), expected, "{name}");
        }
    }
}
