//! The JSON by which MAAS knows a machine: what its `machine-resources` prints (contract RESOURCES), from all topics.

use std::collections::BTreeMap;
use std::io;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::indented::Indented;
use super::reading::{Thread, finish};
use super::survey::Survey;
use super::topic::{Gap, Topic};
use super::{
    Cpu, Environment, Gpu, Memory, Network, NetworkState, Pci, Storage, System, Usb, block, cpu, environment, gpu,
    interface, memory, names, networks, nodes, pci, system, usb,
};
use crate::host::Host;

/// What the region asserts of the program that made the inventory, in the reference's order.
const EXTENSIONS: [&str; 16] = [
    "resources",
    "resources_cpu_socket",
    "resources_gpu",
    "resources_numa",
    "resources_v2",
    "resources_disk_sata",
    "resources_network_firmware",
    "resources_disk_id",
    "resources_usb_pci",
    "resources_cpu_threads_numa",
    "resources_cpu_core_die",
    "api_os",
    "resources_system",
    "resources_pci_iommu",
    "resources_network_usb",
    "resources_disk_address",
];

/// The whole object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct MachineResources {
    /// Hardware.
    pub resources: Resources,
    /// Interfaces as they are set up.
    pub networks: BTreeMap<String, NetworkState>,
    /// Kernel and distribution.
    pub environment: Environment,
    /// Version of the form.
    pub api_version: &'static str,
    /// What the form holds.
    pub api_extensions: [&'static str; 16],
}

/// Hardware.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Resources {
    /// Processors.
    pub cpu: Cpu,
    /// Memory.
    pub memory: Memory,
    /// Graphics cards.
    pub gpu: Gpu,
    /// Network cards.
    pub network: Network,
    /// Disks.
    pub storage: Storage,
    /// USB devices.
    pub usb: Usb,
    /// PCI functions.
    pub pci: Pci,
    /// Names of the machine.
    pub system: System,
}

/// Something that was found out, and what was not.
#[derive(Clone, Debug, PartialEq)]
pub struct Collected<T> {
    /// What was found out.
    pub value: T,
    /// What was not.
    pub gaps: Vec<Gap>,
}

/// Inventories a machine, each topic on its own thread and with its own fate.
#[must_use]
pub fn collect(host: &Host) -> Collected<MachineResources> {
    type Part = Thread<MachineResources>;
    let uname = host.uname();
    let kernel = uname.release;
    let release = kernel.clone();
    // The tools that it starts take longer than all else: they come first.
    let system = Part::of(host, Topic::System, system::collect, |all, it| all.resources.system = it);
    let cards = Part::start(host, Topic::Cards, move |reader| {
        let names = names::Names::pci(reader.host);
        let mut functions = Vec::new();
        let pci = |survey: &Survey<'_>| {
            let pci;
            (pci, functions) = pci::collect(survey, &names, &release);
            pci
        };
        reader.take(Topic::Pci, pci, |all, it| all.resources.pci = it);
        let gpu = |survey: &Survey<'_>| gpu::collect(survey, &names, &functions, &release);
        reader.take(Topic::Gpu, gpu, |all, it| all.resources.gpu = it);
        let network = |survey: &Survey<'_>| interface::collect(survey, &names, &functions, &release);
        reader.take(Topic::Network, network, |all, it| all.resources.network = it);
    });
    let usb = move |survey: &Survey<'_>| usb::collect(survey, &names::Names::usb(survey.host), &kernel);
    let usb = Part::of(host, Topic::Usb, usb, |all, it| all.resources.usb = it);
    let storage = Part::of(host, Topic::Storage, block::collect, |all, it| all.resources.storage = it);
    let rest = Part::start(host, Topic::CpuAndMemory, |reader| {
        reader.take(Topic::Cpu, cpu::collect, |all, it| all.resources.cpu = it);
        reader.take(Topic::Memory, memory::collect, |all, it| all.resources.memory = it);
        reader.take(Topic::Networks, networks::collect, |all, it| all.networks = it);
        reader.take(Topic::Environment, environment::collect, |all, it| all.environment = it);
    });
    let mut value = MachineResources::nothing(uname.machine);
    let mut gaps = finish([cards, usb, system, storage, rest], &mut value);
    gaps.extend(nodes::settle(&mut value.resources));
    Collected { value, gaps }
}

impl Default for MachineResources {
    fn default() -> Self {
        MachineResources::nothing(String::new())
    }
}

impl MachineResources {
    fn nothing(architecture: String) -> Self {
        MachineResources {
            resources: Resources {
                cpu: Cpu { architecture, ..Cpu::default() },
                memory: Memory::default(),
                gpu: Gpu::default(),
                network: Network::default(),
                storage: Storage::default(),
                usb: Usb::default(),
                pci: Pci::default(),
                system: System { kind: "unknown".to_owned(), ..System::default() },
            },
            networks: BTreeMap::new(),
            environment: Environment::default(),
            api_version: "1.0",
            api_extensions: EXTENSIONS,
        }
    }

    /// Writes it indented by four blanks with a line feed at the end, as the reference prints it. A large machine's has 15 MB, which
    /// are never held at once.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_json(&self, mut writer: impl io::Write) -> io::Result<()> {
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut writer, Indented::default()))?;
        writer.write_all(b"\n")
    }
}
