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
mod reading;
mod redfish;
mod sensor;
mod slot;
mod usb;
mod virtual_interface;

use std::collections::HashMap;
use std::time::Instant;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::survey::Survey;
use super::topic::Topic;
use super::{Collected, Gap, MachineResources, Resources, System, block, collect};
use crate::host::Host;
use reading::{Reading, TIME_LIMIT};

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
    let topics = Topics::start(host, &value.resources);
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
    topics.finish(&mut inventory);
    inventory.findings = finding::findings(&inventory);
    inventory
}

/// The disks alone, for callers who need no more. Values that could not be read are left out; the list is empty if reading a disk hangs or
/// fails.
#[must_use]
pub fn collect_disks(host: &Host) -> Vec<Disk> {
    let topic = Reading::start(host, Topic::Disks, |survey| disk::collect(survey, &block::collect(survey).disks));
    let disks = topic.finish(Instant::now() + TIME_LIMIT, &mut Vec::new());
    let mut alone = Inventory { disks, ..Inventory::default() };
    identity::settle(&mut alone);
    alone.disks
}

/// The BMC alone, for callers who need no more; `None` where there is none.
#[must_use]
pub fn collect_bmc(host: &Host) -> Collected<Option<Bmc>> {
    let mut gaps = Vec::new();
    let value = Reading::start(host, Topic::Bmc, bmc::collect).finish(Instant::now() + TIME_LIMIT, &mut gaps);
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

/// The topics that are read in parallel.
struct Topics {
    processors: Reading<ProcessorState>,
    memory: Reading<MemoryState>,
    storage: Reading<(Vec<Disk>, Vec<StorageController>)>,
    stacked: Reading<(Vec<Array>, Vec<MappedVolume>, Vec<Multipath>)>,
    interfaces: Reading<(Vec<Nic>, Vec<VirtualInterface>)>,
    cards: Reading<(Vec<PciFunction>, Vec<GpuDevice>)>,
    usb: Reading<Vec<UsbNode>>,
    firmware: Reading<(Trust, Vec<FirmwareVersion>, firmware::ByAddress)>,
    power_supplies: Reading<Vec<PowerSupply>>,
    bmc: Reading<Option<Bmc>>,
    sensors: Reading<Vec<Sensor>>,
}

impl Topics {
    fn start(host: &Host, known: &Resources) -> Self {
        let (sockets, block, usb) = (known.cpu.sockets.clone(), known.storage.disks.clone(), known.usb.devices.clone());
        let (pci, gpu) = (known.pci.devices.clone(), known.gpu.clone());
        Topics {
            processors: Reading::start(host, Topic::Processors, move |survey| processor::collect(survey, &sockets)),
            memory: Reading::start(host, Topic::Modules, memory::collect),
            storage: Reading::start(host, Topic::Disks, move |survey| {
                let disks = disk::collect(survey, &block);
                let controllers = controller::collect(survey, &disks, nvme::collect(survey));
                (disks, controllers)
            }),
            stacked: Reading::start(host, Topic::StackedDisks, |survey| {
                let volumes = mapped::collect(survey);
                let multipaths = multipath::collect(survey, &volumes);
                (array::collect(survey), volumes, multipaths)
            }),
            interfaces: Reading::start(host, Topic::Interfaces, nic::collect),
            cards: Reading::start(host, Topic::Cards, move |survey| {
                let functions = pcie::collect(survey, &pci);
                let gpus = gpu::collect(survey, &gpu, &functions);
                (functions, gpus)
            }),
            usb: Reading::start(host, Topic::UsbTree, move |survey| usb::collect(survey, &usb)),
            firmware: Reading::start(host, Topic::Firmware, |survey| {
                (firmware::trust(survey), firmware::listed(survey), firmware::infiniband(survey))
            }),
            power_supplies: Reading::start(host, Topic::Power, power::collect),
            bmc: Reading::start(host, Topic::Bmc, bmc::collect),
            sensors: Reading::start(host, Topic::Sensors, sensor::collect),
        }
    }

    /// Collects the results of all topics, and makes identities unique.
    fn finish(self, inventory: &mut Inventory) {
        let deadline = Instant::now() + TIME_LIMIT;
        let mut gaps = Vec::new();
        inventory.processors = self.processors.finish(deadline, &mut gaps);
        inventory.memory = self.memory.finish(deadline, &mut gaps);
        inventory.memory.total = inventory.machine_resources.resources.memory.total;
        (inventory.disks, inventory.storage_controllers) = self.storage.finish(deadline, &mut gaps);
        (inventory.arrays, inventory.volumes, inventory.multipaths) = self.stacked.finish(deadline, &mut gaps);
        (inventory.interfaces, inventory.virtual_interfaces) = self.interfaces.finish(deadline, &mut gaps);
        (inventory.pci, inventory.gpus) = self.cards.finish(deadline, &mut gaps);
        inventory.usb = self.usb.finish(deadline, &mut gaps);
        inventory.power_supplies = self.power_supplies.finish(deadline, &mut gaps);
        inventory.bmc = self.bmc.finish(deadline, &mut gaps);
        inventory.sensors = self.sensors.finish(deadline, &mut gaps);
        let (trust, listed, by_address) = self.firmware.finish(deadline, &mut gaps);
        inventory.trust = trust;
        inventory.gaps.extend(gaps);
        join(inventory, &by_address);
        identity::settle(inventory);
        inventory.firmware = firmware::versions(inventory, listed);
    }
}

/// Adds model, slot and firmware of the PCI functions to the interfaces and drives that belong to them.
fn join(inventory: &mut Inventory, versions: &firmware::ByAddress) {
    let functions: HashMap<&str, &PciFunction> =
        inventory.pci.iter().map(|function| (function.address.as_str(), function)).collect();
    let function = |address: &str| functions.get(address);
    for nic in &mut inventory.interfaces {
        if let Some(function) = function(&nic.pci_address) {
            nic.model = format!("{} {}", function.vendor, function.product);
            nic.slot = function.slot.clone();
        }
        if let Some((_, version)) =
            versions.iter().find(|(address, _)| nic.firmware.is_empty() && *address == nic.pci_address)
        {
            nic.firmware = version.clone();
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
