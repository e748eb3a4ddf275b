//! The machine's hardware, one topic a file: types on top, reader below. Partial truth beats none: what cannot be found out is
//! a [`Gap`], and everything else is told.

mod block;
mod cpu;
mod detail;
mod diff;
mod environment;
mod gpu;
mod indented;
mod infiniband;
mod interface;
mod link_mode;
mod memory;
mod names;
mod networks;
mod nodes;
mod pci;
mod reading;
mod resources;
mod smbios;
mod snapshot;
mod survey;
mod system;
mod topic;
mod usb;

pub use block::{BlockDevice, Partition, Storage};
pub use cpu::{Cache, Core, Cpu, Socket, Thread};
pub use detail::{
    Array, ArrayMember, Bmc, CacheInstance, Content, DeviceTree, Dimm, Disk, DiskPath, Finding, FirmwareVersion,
    GpuDevice, Inventory, MappedVolume, MemoryBoard, MemoryController, MemoryState, ModuleErrors, Multipath,
    NetworkVolumes, Nic, Package, PciErrors, PciFunction, PciLink, PowerSupply, ProcessorState, RedfishService, Sensor,
    StorageController, Tpm, Trust, UsbNode, VirtualFunctions, VirtualInterface, Volume, collect_bmc, collect_detail,
    collect_disks, schema,
};
pub use diff::{
    Change, DiskPlace, Item, Items, Kind, Uncounted, What, changes, changes_of_the_whole, compare, describe, device,
    is_of_an_earlier_form, items, items_with, uncompared,
};
pub use environment::Environment;
pub use gpu::{Drm, Gpu, GpuCard, GpuSriov, Mdev, Nvidia};
pub use infiniband::Infiniband;
pub use interface::{Network, NetworkCard, Port, Sriov, Vdpa};
pub use link_mode::fastest as fastest_link;
pub use memory::{Memory, MemoryNode};
pub use networks::{Address, Bond, Bridge, Counters, NetworkState, Vlan};
pub use pci::{Pci, PciDevice, Vpd};
pub use resources::{Collected, MachineResources, Resources, collect};
pub use snapshot::{Opened, Snapshot, SnapshotError, open};
pub use system::{Chassis, Firmware, Motherboard, System};
pub use topic::{Gap, Missing, Topic};
pub use usb::{Usb, UsbDevice, UsbInterface};
