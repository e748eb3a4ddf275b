//! The JSON by which MAAS knows a machine: what its `machine-resources` prints (contract RESOURCES), from all topics.

use std::collections::BTreeMap;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::mpsc;
use std::time::{Duration, Instant};

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::indented::Indented;
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

/// A topic that takes longer is told as a gap: broken hardware can keep a reader waiting for ever.
const TIME_LIMIT: Duration = Duration::from_secs(20);

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
    let uname = host.uname();
    let kernel = uname.release;
    let release = kernel.clone();
    // The tools that it starts take longer than all else: they come first.
    let system = Thread::start(host, Topic::System, |reading| {
        reading.take(Topic::System, |survey| Part::System(Box::new(system::collect(survey))));
    });
    let cards = Thread::start(host, Topic::Cards, move |reading| {
        let names = names::Names::pci(reading.host);
        let mut functions = Vec::new();
        reading.take(Topic::Pci, |survey| {
            let pci;
            (pci, functions) = pci::collect(survey, &names, &release);
            Part::Pci(pci)
        });
        reading.take(Topic::Gpu, |survey| Part::Gpu(gpu::collect(survey, &names, &functions, &release)));
        reading.take(Topic::Network, |survey| Part::Network(interface::collect(survey, &names, &functions, &release)));
    });
    let usb = Thread::start(host, Topic::Usb, move |reading| {
        let names = names::Names::usb(reading.host);
        reading.take(Topic::Usb, |survey| Part::Usb(usb::collect(survey, &names, &kernel)));
    });
    let storage = Thread::start(host, Topic::Storage, |reading| {
        reading.take(Topic::Storage, |survey| Part::Storage(block::collect(survey)));
    });
    let rest = Thread::start(host, Topic::CpuAndMemory, |reading| {
        reading.take(Topic::Cpu, |survey| Part::Cpu(cpu::collect(survey)));
        reading.take(Topic::Memory, |survey| Part::Memory(memory::collect(survey)));
        reading.take(Topic::Networks, |survey| Part::Networks(networks::collect(survey)));
        reading.take(Topic::Environment, |survey| Part::Environment(environment::collect(survey)));
    });
    let mut collected = Collected { value: MachineResources::nothing(uname.machine), gaps: Vec::new() };
    let deadline = Instant::now() + TIME_LIMIT;
    for thread in [cards, usb, system, storage, rest] {
        thread.finish(deadline, &mut collected);
    }
    collected.gaps.extend(nodes::settle(&mut collected.value.resources));
    collected
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

    fn take(&mut self, part: Part) {
        match part {
            Part::Cpu(cpu) => self.resources.cpu = cpu,
            Part::Memory(memory) => self.resources.memory = memory,
            Part::Gpu(gpu) => self.resources.gpu = gpu,
            Part::Network(network) => self.resources.network = network,
            Part::Storage(storage) => self.resources.storage = storage,
            Part::Usb(usb) => self.resources.usb = usb,
            Part::Pci(pci) => self.resources.pci = pci,
            Part::System(system) => self.resources.system = *system,
            Part::Networks(networks) => self.networks = networks,
            Part::Environment(environment) => self.environment = environment,
        }
    }
}

/// A topic's answer.
enum Part {
    Cpu(Cpu),
    Memory(Memory),
    Gpu(Gpu),
    Network(Network),
    Storage(Storage),
    Usb(Usb),
    Pci(Pci),
    System(Box<System>),
    Networks(BTreeMap<String, NetworkState>),
    Environment(Environment),
}

type Answer = (Option<Part>, Vec<Gap>);

/// Topics being read one after another on one thread.
struct Reading<'a> {
    host: &'a Host,
    send: mpsc::Sender<Answer>,
}

impl Reading<'_> {
    /// Reads a topic. One that panics is a gap and spoils no other.
    fn take(&self, topic: Topic, read: impl FnOnce(&Survey<'_>) -> Part) {
        let survey = Survey::new(self.host, topic);
        let part = std::panic::catch_unwind(AssertUnwindSafe(|| read(&survey))).ok();
        let mut gaps = survey.into_gaps();
        if part.is_none() {
            gaps.push(Gap::of_all(topic, "the reader failed: this is a defect of this program"));
        }
        // Nobody listens any more only when the deadline is over.
        let _ = self.send.send((part, gaps));
    }
}

/// Topics that share a thread.
struct Thread {
    topic: Topic,
    answers: mpsc::Receiver<Answer>,
}

impl Thread {
    fn start(host: &Host, topic: Topic, read: impl FnOnce(&Reading<'_>) + Send + 'static) -> Self {
        let (send, answers) = mpsc::channel();
        let host = host.clone();
        let work = move || read(&Reading { host: &host, send });
        if let Err(error) = std::thread::Builder::new().name(topic.name().to_owned()).spawn(work) {
            tracing::error!(%error, %topic, "no thread for a topic of the inventory");
        }
        Thread { topic, answers }
    }

    /// Takes all answers until the thread has ended, or the deadline.
    fn finish(self, deadline: Instant, collected: &mut Collected<MachineResources>) {
        loop {
            match self.answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((part, gaps)) => {
                    collected.gaps.extend(gaps);
                    if let Some(part) = part {
                        collected.value.take(part);
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let reason =
                        format!("no answer within {} s: some device does not let itself be read", TIME_LIMIT.as_secs());
                    collected.gaps.push(Gap::of_all(self.topic, reason));
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(wait: Duration, read: impl FnOnce(&Reading<'_>) + Send + 'static) -> Collected<MachineResources> {
        let mut collected = Collected { value: MachineResources::nothing(String::new()), gaps: Vec::new() };
        Thread::start(&Host::at("/nowhere"), Topic::Cpu, read).finish(Instant::now() + wait, &mut collected);
        collected
    }

    fn some_cpu() -> Part {
        Part::Cpu(Cpu { total: 7, ..Cpu::default() })
    }

    #[test]
    fn a_topic_that_does_not_answer_is_a_gap() {
        let collected = finished(Duration::from_millis(200), |reading| {
            reading.take(Topic::Cpu, |_| some_cpu());
            std::thread::sleep(Duration::from_secs(5));
            reading.take(Topic::Memory, |_| Part::Memory(Memory { total: 7, ..Memory::default() }));
        });
        assert_eq!(collected.value.resources.cpu.total, 7, "what was told before stays");
        assert_eq!(collected.value.resources.memory.total, 0);
        assert!(collected.gaps[0].reason.starts_with("no answer within"), "{:?}", collected.gaps);
    }

    #[test]
    fn a_reader_that_panics_spoils_no_other() {
        let collected = finished(Duration::from_secs(60), |reading| {
            reading.take(Topic::Memory, |_| panic!("as a defect would"));
            reading.take(Topic::Cpu, |_| some_cpu());
        });
        assert_eq!(collected.value.resources.cpu.total, 7);
        assert!(collected.gaps[0].reason.contains("defect"), "{:?}", collected.gaps);
    }
}
