//! The deep inventory: the content of MAAS's JSON, and more – memory modules, links, sensors, trust – with an identity for each device
//! that survives reboots and renames, and findings that need attention.

mod array;
mod bay;
mod bmc;
mod class;
mod content;
mod controller;
mod device_tree;
mod disk;
mod edac;
mod finding;
mod firmware;
mod gpu;
mod identity;
mod mapped;
mod memory;
mod multipath;
mod nic;
mod nvme;
mod package;
mod pcie;
mod place;
mod power;
mod processor;
mod redfish;
mod sensor;
mod slot;
mod unread;
mod usb;
mod virtual_interface;

use std::collections::HashMap;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::reading::{Thread, finish};
use super::survey::Survey;
use super::topic::Topic;
use super::{Collected, Gap, MachineResources, Resources, System, block, collect};
use crate::host::Host;

pub use array::{Array, ArrayMember};
pub use bmc::Bmc;
pub use content::Content;
pub use controller::StorageController;
pub use device_tree::DeviceTree;
pub use disk::{Disk, Volume};
pub use edac::{MemoryController, ModuleErrors};
pub use finding::Finding;
pub use firmware::{FirmwareVersion, Tpm, Trust};
pub use gpu::GpuDevice;
pub(super) use identity::is_placeholder;
pub use mapped::MappedVolume;
pub use memory::{Dimm, MemoryBoard, MemoryState};
pub use multipath::{DiskPath, Multipath};
pub use nic::{Nic, VirtualFunctions};
pub use package::Package;
pub(super) use pcie::serial_number;
pub use pcie::{Link as PciLink, PciErrors, PciFunction};
pub(super) use place::is_pci_address;
pub use power::PowerSupply;
pub use processor::{CacheInstance, ProcessorState};
pub use redfish::RedfishService;
pub use sensor::Sensor;
pub use usb::UsbNode;
pub use virtual_interface::VirtualInterface;

/// Version of the form.
const FORM: u32 = 1;

/// A machine, in depth.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct Inventory {
    /// Version of this form.
    pub form: u32,
    /// Host name.
    pub hostname: String,
    /// Kernel release.
    pub kernel: String,
    /// The document that `shakedown resources` prints.
    // Only the names of the machine are read back: all else that is compared is in the rest.
    #[serde(deserialize_with = "names_of_the_machine")]
    pub machine_resources: MachineResources,
    /// Model, serial number and compatible boards from the device tree; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_tree: Option<DeviceTree>,
    /// Processors.
    pub processors: ProcessorState,
    /// Memory.
    pub memory: MemoryState,
    /// Disks.
    pub disks: Vec<Disk>,
    /// Storage controllers.
    pub storage_controllers: Vec<StorageController>,
    /// Software RAID.
    pub arrays: Vec<Array>,
    /// Device-mapper volumes.
    pub volumes: Vec<MappedVolume>,
    /// Disks that are reached over several paths.
    pub multipaths: Vec<Multipath>,
    /// Network interfaces with hardware.
    pub interfaces: Vec<Nic>,
    /// Network interfaces without hardware.
    pub virtual_interfaces: Vec<VirtualInterface>,
    /// PCI functions.
    pub pci: Vec<PciFunction>,
    /// USB devices and hubs.
    pub usb: Vec<UsbNode>,
    /// Graphics and compute cards.
    pub gpus: Vec<GpuDevice>,
    /// TPM and Secure Boot.
    pub trust: Trust,
    /// Baseboard management controller.
    pub bmc: Option<Bmc>,
    /// Versions of all firmware.
    pub firmware: Vec<FirmwareVersion>,
    /// Power supplies and batteries.
    pub power_supplies: Vec<PowerSupply>,
    /// Readings.
    pub sensors: Vec<Sensor>,
    /// Findings: faults and oddities that need attention.
    pub findings: Vec<Finding>,
    /// Topics and files that could not be read.
    pub gaps: Vec<Gap>,
}

/// Reads a document of which nothing but the names and numbers of the machine counts.
fn names_of_the_machine<'de, D: Deserializer<'de>>(from: D) -> Result<MachineResources, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Document {
        resources: Hardware,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Hardware {
        system: System,
    }
    let mut document = MachineResources::default();
    document.resources.system = Document::deserialize(from)?.resources.system;
    Ok(document)
}

/// Which volumes in other machines – iSCSI, NVMe over a network, Fibre Channel – count as hardware of this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NetworkVolumes {
    /// Only the volume that the root file system is on: containers' storage comes and goes without a change of the machine.
    #[default]
    OfTheSystem,
    /// All of them.
    All,
}

/// Inventories a machine in depth, each topic on its own thread and with its own fate.
#[must_use]
pub fn collect_detail(host: &Host) -> Inventory {
    let Collected { value, gaps } = collect(host);
    let threads = start(host, &value.resources);
    let is_own = host.has_kernel();
    let mut inventory = Inventory {
        form: FORM,
        hostname: if is_own { value.environment.server_name.clone() } else { host.hostname() },
        kernel: Some(value.environment.kernel_version.clone())
            .filter(|release| release != "unknown")
            .unwrap_or_default(),
        device_tree: device_tree::collect(&Survey::new(host, Topic::System)),
        machine_resources: value,
        gaps,
        ..Inventory::default()
    };
    let unread = finish(threads, &mut inventory);
    inventory.gaps.extend(unread);
    inventory.gaps.extend(unread::parts(host));
    inventory.memory.total = inventory.machine_resources.resources.memory.total;
    join(&mut inventory);
    identity::settle(&mut inventory);
    firmware::complete(&mut inventory);
    inventory.findings = finding::findings(&inventory);
    inventory
}

/// The disks alone, for callers who need no more. Values that could not be read are left out. Of a disk that does not let itself be read,
/// its name, its size and what its driver says are known.
#[must_use]
pub fn collect_disks(host: &Host) -> Vec<Disk> {
    let read = |survey: &Survey<'_>| disk::collect(survey, &block::collect(survey).disks);
    let mut alone = Inventory::default();
    finish([Part::of(host, Topic::Disks, read, |all, disks| all.disks = disks)], &mut alone);
    identity::settle(&mut alone);
    for disk in disk::by_name(&Survey::new(host, Topic::Disks)) {
        if !alone.disks.iter().any(|known| known.name == disk.name) {
            alone.disks.push(disk);
        }
    }
    alone.disks
}

/// The BMC alone, for callers who need no more; `None` where there is none.
#[must_use]
pub fn collect_bmc(host: &Host) -> Collected<Option<Bmc>> {
    let mut value = None;
    let gaps = finish([Thread::of(host, Topic::Bmc, bmc::collect, |found, bmc| *found = bmc)], &mut value);
    Collected { value, gaps }
}

impl Inventory {
    /// The disks of this machine, with those volumes in other machines that count.
    pub fn own_disks(&self, volumes: NetworkVolumes) -> impl Iterator<Item = &Disk> {
        let is_own = move |disk: &&Disk| {
            let counts = disk.network.is_empty() || volumes == NetworkVolumes::All;
            counts || disk.holds_the_system(&self.volumes, &self.arrays)
        };
        self.disks.iter().filter(is_own)
    }

    /// The inventory of a machine of which nothing could be read: a gap for each topic.
    #[must_use]
    pub fn unread() -> Self {
        let hidden = Topic::ALL.into_iter().filter(|topic| !topic.hides().is_empty() || topic.is_of_the_document());
        let gaps =
            hidden.map(|topic| Gap::of_all(topic, "the reader failed: this is a defect of this program")).collect();
        Inventory { form: FORM, gaps, ..Inventory::default() }
    }
}

/// A part of the inventory that is being read.
type Part = Thread<Inventory>;

/// Starts to read all topics, each on a thread of its own.
fn start(host: &Host, known: &Resources) -> [Part; 11] {
    let (sockets, block, usb) = (known.cpu.sockets.clone(), known.storage.disks.clone(), known.usb.devices.clone());
    let (pci, gpu) = (known.pci.devices.clone(), known.gpu.clone());
    let processors = move |survey: &Survey<'_>| processor::collect(survey, &sockets);
    let storage = move |survey: &Survey<'_>| {
        let disks = disk::collect(survey, &block);
        let controllers = controller::collect(survey, &disks, nvme::collect(survey));
        (disks, controllers)
    };
    let stacked = |survey: &Survey<'_>| {
        let volumes = mapped::collect(survey);
        (array::collect(survey), multipath::collect(survey, &volumes), volumes)
    };
    let cards = move |survey: &Survey<'_>| {
        let functions = pcie::collect(survey, &pci);
        (gpu::collect(survey, &gpu, &functions), functions)
    };
    [
        Part::of(host, Topic::Processors, processors, |all, it| all.processors = it),
        Part::of(host, Topic::Modules, memory::collect, |all, it| all.memory = it),
        Part::of(host, Topic::Disks, storage, |all, it| (all.disks, all.storage_controllers) = it),
        Part::of(host, Topic::StackedDisks, stacked, |all, it| (all.arrays, all.multipaths, all.volumes) = it),
        Part::of(host, Topic::Interfaces, nic::collect, |all, it| (all.interfaces, all.virtual_interfaces) = it),
        Part::of(host, Topic::Cards, cards, |all, it| (all.gpus, all.pci) = it),
        Part::of(host, Topic::UsbTree, move |survey| usb::collect(survey, &usb), |all, it| all.usb = it),
        Part::of(host, Topic::Power, power::collect, |all, it| all.power_supplies = it),
        Part::of(host, Topic::Bmc, bmc::collect, |all, it| all.bmc = it),
        Part::of(host, Topic::Sensors, sensor::collect, |all, it| all.sensors = it),
        Part::of(host, Topic::Firmware, firmware::collect, firmware::put),
    ]
}

/// Adds model and slot of the PCI functions to the interfaces and drives that belong to them.
fn join(inventory: &mut Inventory) {
    let functions: HashMap<&str, &PciFunction> =
        inventory.pci.iter().map(|function| (function.address.as_str(), function)).collect();
    let function = |address: &str| functions.get(address);
    for nic in &mut inventory.interfaces {
        if let Some(function) = function(&nic.pci_address) {
            nic.model = format!("{} {}", function.vendor, function.product);
            nic.slot = function.slot.clone();
        }
    }
    let networks = &inventory.machine_resources.networks;
    for interface in &mut inventory.virtual_interfaces {
        // Older kernels do not mark the interface of a VLAN as one.
        if let Some(vlan) = networks.get(&interface.name).and_then(|network| network.vlan.as_ref()) {
            interface.kind = "vlan".to_owned();
            if interface.lower.is_empty() {
                interface.lower.push(vlan.lower_device.clone());
            }
        }
    }
    // A drive on PCI Express sits in the slot itself; others are cabled to the card in it.
    for disk in inventory.disks.iter_mut().filter(|disk| disk.bay.is_empty() && disk.name.starts_with("nvme")) {
        disk.bay = function(&disk.controller).map(|function| function.slot.clone()).unwrap_or_default();
    }
    for controller in inventory.storage_controllers.iter_mut().filter(|controller| controller.model.is_empty()) {
        if let Some(function) = function(&controller.pci_address) {
            controller.model = format!("{} {}", function.vendor, function.product);
        }
    }
}

/// The JSON Schema of [`Inventory`], as it is in `docs/`. A test generates it from the types; the program only contains the file.
#[must_use]
pub fn schema() -> &'static str {
    include_str!("../../../docs/inventory.schema.json")
}

#[cfg(test)]
mod tests {
    use schemars::generate::SchemaSettings;

    use super::*;

    #[test]
    fn the_schema_in_docs_is_that_of_the_types() {
        // The schema of written documents, in which an unknown field is left out.
        let settings = SchemaSettings::draft2020_12().for_serialize();
        let made = settings.into_generator().into_root_schema_for::<Inventory>();
        let made = serde_json::to_string_pretty(&made).unwrap_or_default() + "\n";
        let path = std::env::temp_dir().join("inventory.schema.json");
        if made != schema() {
            std::fs::write(&path, &made).expect("a file");
        }
        assert!(made == schema(), "the types have changed: cp {} docs/", path.display());
    }

    #[test]
    fn this_machine_is_known() {
        let inventory = collect_detail(&Host::live());
        assert!(inventory.memory.total > 0 && !inventory.processors.packages.is_empty());
        assert!(
            !inventory.processors.caches.is_empty()
                || !std::path::Path::new("/sys/devices/system/cpu/cpu0/cache").exists()
        );
    }
}
