//! Trust and remote control: TPM, Secure Boot, BMC.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::super::smbios;
use super::super::survey::Survey;

/// A trusted platform module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Tpm {
    /// `tpm0`
    pub name: String,
    /// 1 or 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What the firmware or the kernel calls it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
}

/// A baseboard management controller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Bmc {
    /// Interface by SMBIOS type 38: `KCS`, `SMIC`, `BT`, `SSIF`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub interface: String,
    /// IPMI version by SMBIOS, for example `2.0`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub ipmi_version: String,
    /// Device nodes of the kernel's driver.
    pub devices: Vec<String>,
    /// Firmware, where the driver tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub firmware: String,
    /// Maker's number, where the driver tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub manufacturer_id: String,
    /// Product's number, where the driver tells.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub product_id: String,
    /// The machine's identity in the BMC.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub guid: String,
}

pub(super) fn tpms(survey: &Survey<'_>) -> Vec<Tpm> {
    let class = Path::new("/sys/class/tpm");
    let tpm = |name: String| Tpm {
        version: survey.number(class.join(&name).join("tpm_version_major")),
        description: survey.word(class.join(&name).join("device/description")),
        name,
    };
    survey.names(class).into_iter().map(tpm).collect()
}

/// Whether Secure Boot is on; `None` on machines that did not boot by UEFI.
pub(super) fn secure_boot(survey: &Survey<'_>) -> Option<bool> {
    const GLOBAL: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
    // Four bytes of attributes come before the value.
    let bytes = survey.bytes(format!("/sys/firmware/efi/efivars/SecureBoot-{GLOBAL}"))?;
    bytes.get(4).map(|value| *value == 1)
}

pub(super) fn bmc(survey: &Survey<'_>) -> Option<Bmc> {
    let class = Path::new("/sys/class/ipmi");
    let devices = survey.names(class);
    let table = survey.bytes("/sys/firmware/dmi/tables/DMI").unwrap_or_default();
    let structures = smbios::structures(&table);
    let described = structures.iter().find(|structure| structure.kind == 38);
    if devices.is_empty() && described.is_none() {
        return None;
    }
    let bmc_place = devices.first().map(|name| class.join(name).join("device/bmc"));
    let word = |key: &str| bmc_place.as_ref().map(|place| survey.word(place.join(key))).unwrap_or_default();
    let interface = match described.and_then(|structure| structure.byte(4)) {
        Some(1) => "KCS",
        Some(2) => "SMIC",
        Some(3) => "BT",
        Some(4) => "SSIF",
        _ => "",
    };
    let version = described.and_then(|structure| structure.byte(5));
    Some(Bmc {
        interface: interface.to_owned(),
        ipmi_version: version.map(|version| format!("{}.{}", version >> 4, version & 0xf)).unwrap_or_default(),
        firmware: word("firmware_revision"),
        manufacturer_id: word("manufacturer_id"),
        product_id: word("product_id"),
        guid: word("guid"),
        devices,
    })
}
