//! The deep inventory: what MAAS's JSON knows, and what it does not – modules, links, sensors, trust – with an identity for
//! each device that survives reboots and renames, and the findings of a first look.

mod disk;
mod finding;
mod firmware;
mod memory;
mod nic;
mod pcie;
mod processor;
mod sensor;

use schemars::JsonSchema;
use serde::Serialize;

use super::survey::Survey;
use super::{Collected, Gap, MachineResources, Socket, System, UsbDevice, collect};
use crate::host::Host;

pub use disk::{Disk, StorageController, Volume};
pub use finding::Finding;
pub use firmware::{Bmc, Tpm};
pub use memory::{Dimm, MemoryController};
pub use nic::{Nic, VirtualInterface};
pub use pcie::{Link as PciLink, PciErrors, PciFunction};
pub use processor::{CacheInstance, ProcessorState};
pub use sensor::Sensor;

/// Version of the form.
const FORM: u32 = 1;

/// A machine, in depth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Inventory {
    /// Version of this form.
    pub form: u32,
    /// Host name.
    pub hostname: String,
    /// Kernel release.
    pub kernel: String,
    /// Names that the firmware has for the machine.
    pub system: System,
    /// Processor packages.
    pub sockets: Vec<Socket>,
    /// What goes for all processors.
    pub processors: ProcessorState,
    /// Memory.
    pub memory: MemoryState,
    /// Disks.
    pub disks: Vec<Disk>,
    /// What disks hang on.
    pub storage_controllers: Vec<StorageController>,
    /// Network interfaces with hardware.
    pub interfaces: Vec<Nic>,
    /// Network interfaces without.
    pub virtual_interfaces: Vec<VirtualInterface>,
    /// PCI functions.
    pub pci: Vec<PciFunction>,
    /// USB devices.
    pub usb: Vec<UsbNode>,
    /// Trusted platform modules.
    pub tpms: Vec<Tpm>,
    /// Secure Boot is on; `null` on machines that did not boot by UEFI.
    pub secure_boot: Option<bool>,
    /// Baseboard management controller.
    pub bmc: Option<Bmc>,
    /// Readings.
    pub sensors: Vec<Sensor>,
    /// What is worth a look.
    pub findings: Vec<Finding>,
    /// What could not be found out.
    pub gaps: Vec<Gap>,
}

/// Memory in depth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct MemoryState {
    /// Bytes.
    pub total: u64,
    /// Slots with their modules.
    pub dimms: Vec<Dimm>,
    /// Error counters.
    pub controllers: Vec<MemoryController>,
}

/// A USB device with its identity.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct UsbNode {
    /// Survives reboots and other ports where the device has a serial number.
    pub identity: String,
    /// The device.
    #[serde(flatten)]
    pub device: UsbDevice,
}

/// Inventories a machine in depth.
#[must_use]
pub fn collect_detail(host: &Host) -> Inventory {
    let Collected { value, gaps } = collect(host);
    let survey = Survey::new(host, "detail");
    let mut inventory = read(&survey, value);
    inventory.findings = finding::findings(&inventory);
    inventory.gaps = gaps;
    inventory.gaps.extend(survey.into_gaps());
    inventory
}

fn read(survey: &Survey<'_>, known: MachineResources) -> Inventory {
    let resources = known.resources;
    let disks = disk::disks(survey, &resources.storage.disks);
    let (interfaces, virtual_interfaces) = nic::collect(survey);
    Inventory {
        form: FORM,
        hostname: if survey.host.has_kernel() { known.environment.server_name } else { survey.host.hostname() },
        kernel: if survey.host.has_kernel() {
            known.environment.kernel_version
        } else {
            survey.word("/proc/sys/kernel/osrelease")
        },
        processors: processor::collect(survey),
        memory: MemoryState {
            total: resources.memory.total,
            dimms: memory::dimms(survey),
            controllers: memory::controllers(survey),
        },
        storage_controllers: disk::controllers(survey, &disks),
        disks,
        interfaces,
        virtual_interfaces,
        pci: pcie::collect(survey, &resources.pci.devices),
        usb: resources.usb.devices.into_iter().map(usb).collect(),
        tpms: firmware::tpms(survey),
        secure_boot: firmware::secure_boot(survey),
        bmc: firmware::bmc(survey),
        sensors: sensor::collect(survey),
        system: resources.system,
        sockets: resources.cpu.sockets,
        ..Inventory::default()
    }
}

fn usb(device: UsbDevice) -> UsbNode {
    let ids = format!("{}:{}", device.vendor_id, device.product_id);
    let identity = if device.serial.is_empty() {
        format!("usb:{ids}:at:{}", device.bus_address)
    } else {
        format!("usb:{ids}:{}", device.serial)
    };
    UsbNode { identity, device }
}

/// The JSON Schema of [`Inventory`].
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Inventory);
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_in_docs_is_that_of_the_types() {
        let committed = include_str!("../../../docs/inventory.schema.json");
        assert!(committed == schema(), "write it anew: shakedown inventory --schema > docs/inventory.schema.json");
    }

    #[test]
    fn this_machine_has_an_identity_for_every_device() {
        let inventory = collect_detail(&Host::live());
        assert!(inventory.memory.total > 0 && !inventory.sockets.is_empty());
        let identities = inventory.disks.iter().map(|disk| &disk.identity);
        let identities = identities.chain(inventory.interfaces.iter().map(|nic| &nic.identity));
        let mut all: Vec<&String> = identities.chain(inventory.pci.iter().map(|pci| &pci.identity)).collect();
        let count = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count, "{all:?}");
    }
}
