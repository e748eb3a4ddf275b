//! What disks hang on: SCSI hosts of HBAs, RAID controllers, SATA controllers, and NVMe controllers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::survey::{Survey, storable};
use super::Disk;
use super::identity::is_placeholder;
use super::place::{nearest_pci, way};

const HOSTS: &str = "/sys/class/scsi_host";
/// Drivers of controllers that make volumes out of disks.
const RAID: [&str; 13] = [
    "3w-9xxx",
    "3w-sas",
    "3w-xxxx",
    "aacraid",
    "arcmsr",
    "dac960",
    "hpsa",
    "ips",
    "megaraid",
    "megaraid_sas",
    "mpi3mr",
    "myrs",
    "smartpqi",
];
/// The same fact under the name that a driver has for it.
const MODELS: [&str; 6] = ["model_name", "modelname", "board_name", "version_product", "host_fw_model", "model"];
const SERIALS: [&str; 4] = ["serial_number", "serial_num", "serialnum", "board_tracer"];
const FIRMWARES: [&str; 7] = [
    "version_fw",
    "firmware_revision",
    "firmware_version",
    "fw_version",
    "fwrev",
    "host_fw_version",
    "hba_monitor_version",
];

/// A controller of disks: one PCI function with one driver, or one that is reached over a network.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct StorageController {
    /// Survives reboots: model and serial number where the driver tells, else the place.
    pub identity: String,
    /// `nvme0`, `host0`: the first of its hosts.
    pub name: String,
    /// `nvme`, `raid` or `scsi`.
    pub kind: String,
    /// Driver.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub driver: String,
    /// Model.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Serial number.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub serial: String,
    /// Firmware.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub firmware: String,
    /// PCI address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pci_address: String,
    /// `pcie`, `fc`, `tcp`, `rdma`: how an NVMe controller is reached.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub transport: String,
    /// Where a remote NVMe controller is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// State, for example `live` or `running`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub state: String,
    /// Qualified name of the NVMe subsystem.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subsystem: String,
    /// World-wide names of Fibre Channel ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<String>,
    /// Kernel names: a SATA controller has a host for each port.
    pub hosts: Vec<String>,
    /// Namespaces or disks.
    pub disks: Vec<String>,
}

pub(super) fn collect(survey: &Survey<'_>, disks: &[Disk], nvme: Vec<StorageController>) -> Vec<StorageController> {
    let mut found = nvme;
    let mut hosts: BTreeMap<(String, String), StorageController> = BTreeMap::new();
    for name in survey.names(HOSTS) {
        let host = host(survey, &name);
        let place = if host.pci_address.is_empty() { name } else { host.pci_address.clone() };
        match hosts.entry((place, host.driver.clone())) {
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(host);
            }
            std::collections::btree_map::Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                known.hosts.extend(host.hosts);
                known.ports.extend(host.ports);
            }
        }
    }
    for mut host in hosts.into_values() {
        let below = disks.iter().filter(|disk| disk.hosts.iter().any(|name| host.hosts.contains(name)));
        host.disks = below.map(|disk| disk.name.clone()).collect();
        found.push(host);
    }
    found
}

fn host(survey: &Survey<'_>, name: &str) -> StorageController {
    let place = PathBuf::from(HOSTS).join(name);
    // Drivers refuse to read many of these.
    let word = |key: &str| survey.host.text(place.join(key)).map(storable).unwrap_or_default();
    let any = |keys: &[&str]| keys.iter().map(|key| word(key)).find(|text| !text.is_empty()).unwrap_or_default();
    let driver = word("proc_name");
    let (model, serial) = (any(&MODELS), any(&SERIALS));
    let identity = if is_placeholder(&serial) {
        // Hosts below one function are one controller.
        let device = nearest_pci(survey, &place).map(|address| Path::new("/sys/bus/pci/devices").join(address));
        let way = way(survey, &device.unwrap_or_else(|| place.join("device")));
        format!("controller:{driver}:at:{}", way.unwrap_or_else(|| name.to_owned()))
    } else {
        format!("controller:{driver}:{serial}")
    };
    let port = survey.host.text(format!("/sys/class/fc_host/{name}/port_name"));
    StorageController {
        identity,
        kind: if RAID.contains(&driver.as_str()) { "raid" } else { "scsi" }.to_owned(),
        driver,
        model,
        serial,
        firmware: any(&FIRMWARES),
        pci_address: nearest_pci(survey, &place).unwrap_or_default(),
        state: word("state"),
        ports: port.into_iter().collect(),
        hosts: vec![name.to_owned()],
        name: name.to_owned(),
        ..StorageController::default()
    }
}
