//! Trust – TPM and Secure Boot – and the versions of all firmware.

use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::smbios;
use super::super::survey::{Survey, storable};
use super::Inventory;
use super::place::way;

/// A trusted platform module.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Tpm {
    /// Its place: a module has no number that can be read without its owner.
    pub identity: String,
    /// `tpm0`
    pub name: String,
    /// 1 or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What the firmware or the kernel calls it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What a TPM 1.2 says of its maker and firmware.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub capabilities: String,
}

/// How the machine has started, and what it can prove of that.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Trust {
    /// It has started by UEFI.
    pub uefi: bool,
    /// Secure Boot is on; `None` where there is none, or its variables are not shown (efivarfs is not mounted).
    pub secure_boot: Option<bool>,
    /// Trusted platform modules.
    pub tpms: Vec<Tpm>,
}

/// Firmware and its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct FirmwareVersion {
    /// Identity of the device, or `system`.
    pub device: String,
    /// What it is firmware of, for people.
    pub name: String,
    /// Version.
    pub version: String,
    /// Release date, where it is known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub date: String,
}

/// Trust, the versions that SMBIOS lists, and those of InfiniBand cards by PCI address.
type Read = (Trust, Vec<FirmwareVersion>, Vec<(String, String)>);

/// Reads trust and versions that belong to no other topic.
pub(super) fn collect(survey: &Survey<'_>) -> Read {
    (trust(survey), listed(survey), infiniband(survey))
}

/// Puts these in their places in an inventory that has its interfaces.
pub(super) fn put(inventory: &mut Inventory, (trust, listed, cards): Read) {
    (inventory.trust, inventory.firmware) = (trust, listed);
    for nic in inventory.interfaces.iter_mut().filter(|nic| nic.firmware.is_empty()) {
        let own = cards.iter().find(|(address, _)| *address == nic.pci_address);
        nic.firmware = own.map(|(_, version)| version.clone()).unwrap_or_default();
    }
}

fn trust(survey: &Survey<'_>) -> Trust {
    let class = Path::new("/sys/class/tpm");
    let tpm = |name: String| {
        let place = class.join(&name);
        let capabilities = survey.host.text(place.join("caps")).or_else(|| survey.host.text(place.join("device/caps")));
        Tpm {
            identity: format!("tpm:{}", way(survey, &place.join("device")).unwrap_or_else(|| name.clone())),
            version: survey.number(place.join("tpm_version_major")),
            description: survey.word(place.join("device/description")),
            capabilities: capabilities
                .map(|text| storable(text.lines().collect::<Vec<_>>().join("; ")))
                .unwrap_or_default(),
            name,
        }
    };
    Trust {
        uefi: survey.host.is_directory("/sys/firmware/efi"),
        secure_boot: secure_boot(survey),
        tpms: survey.names(class).into_iter().map(tpm).collect(),
    }
}

/// Whether Secure Boot is on; `None` on machines that did not boot by UEFI.
fn secure_boot(survey: &Survey<'_>) -> Option<bool> {
    const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
    // Four bytes of attributes come before the value.
    let bytes = survey.bytes(format!("/sys/firmware/efi/efivars/SecureBoot-{GLOBAL}"))?;
    bytes.get(4).map(|value| *value == 1)
}

/// What SMBIOS lists of its own: embedded controller, and SMBIOS 3.5's type 45.
fn listed(survey: &Survey<'_>) -> Vec<FirmwareVersion> {
    let mut found = Vec::new();
    let embedded = survey.host.text("/sys/class/dmi/id/ec_firmware_release").map(storable);
    found.extend(embedded.map(|version| version_of("system", "embedded controller", &version, "")));
    let table = smbios::table(survey);
    for structure in smbios::structures(&table).iter().filter(|structure| structure.kind == 45) {
        let (name, version, date) = (structure.text(0x04), structure.text(0x05), structure.text(0x08));
        found.push(version_of("system", &name, &version, &date));
    }
    found
}

/// InfiniBand's own firmware.
fn infiniband(survey: &Survey<'_>) -> Vec<(String, String)> {
    let class = Path::new("/sys/class/infiniband");
    let version = |name: String| {
        let place = class.join(name);
        Some((survey.pci_address(&survey.host.real(place.join("device"))?)?, survey.host.text(place.join("fw_ver"))?))
    };
    survey.names(class).into_iter().filter_map(version).collect()
}

fn version_of(device: &str, name: &str, version: &str, date: &str) -> FirmwareVersion {
    FirmwareVersion {
        device: device.to_owned(),
        name: name.to_owned(),
        version: version.to_owned(),
        date: date.to_owned(),
    }
}

/// Completes the list with the versions of all devices of an inventory, which have their identities.
pub(super) fn complete(inventory: &mut Inventory) {
    let (listed, mut found) = (std::mem::take(&mut inventory.firmware), Vec::new());
    if let Some(firmware) = &inventory.machine_resources.resources.system.firmware {
        found.push(version_of("system", &format!("{} BIOS", firmware.vendor), &firmware.version, &firmware.date));
    }
    found.extend(listed);
    for version in &inventory.processors.microcode {
        found.push(version_of("cpu", "microcode", version, ""));
    }
    let mut add = |device: &str, name: &str, version: &str| found.push(version_of(device, name.trim(), version, ""));
    if let Some(bmc) = &inventory.bmc {
        add(&bmc.identity, "BMC", &bmc.firmware);
    }
    for controller in &inventory.storage_controllers {
        add(&controller.identity, &format!("{} {}", controller.name, controller.model), &controller.firmware);
    }
    for disk in &inventory.disks {
        add(&disk.identity, &format!("{} {}", disk.name, disk.model), &disk.firmware);
    }
    for nic in &inventory.interfaces {
        add(&nic.identity, &format!("{} {}", nic.name, nic.model), &nic.firmware);
    }
    for gpu in &inventory.gpus {
        add(&gpu.identity, &format!("{} {}", gpu.vendor, gpu.product), &gpu.firmware);
    }
    for supply in &inventory.power_supplies {
        add(&supply.identity, &format!("power supply {}", supply.name), &supply.revision);
    }
    found.retain(|firmware| !firmware.version.is_empty());
    inventory.firmware = found;
}
