//! Processors (contract RESOURCES §1.1), from `/sys/devices/system/cpu` and `/proc/cpuinfo`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::smbios;
use super::survey::{Survey, is_zero};

const CPUS: &str = "/sys/devices/system/cpu";

/// All processors.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Cpu {
    /// `uname -m`.
    pub architecture: String,
    /// Packages by number.
    pub sockets: Vec<Socket>,
    /// Threads.
    pub total: u64,
}

/// A package.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Socket {
    /// Model name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Vendor.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vendor: String,
    /// `physical_package_id`.
    pub socket: u64,
    /// Caches of the socket's first thread.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache: Vec<Cache>,
    /// Cores by number, then die.
    pub cores: Vec<Core>,
    /// Mean of the cores' frequencies in MHz.
    #[serde(skip_serializing_if = "is_zero")]
    pub frequency: u64,
    /// Lowest frequency in MHz.
    #[serde(skip_serializing_if = "is_zero")]
    pub frequency_minimum: u64,
    /// Highest frequency in MHz.
    #[serde(skip_serializing_if = "is_zero")]
    pub frequency_turbo: u64,
}

/// A cache as one thread sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Cache {
    /// 1, 2, 3 …
    pub level: u64,
    /// `Data`, `Instruction`, `Unified` or `Unknown`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Bytes.
    pub size: u64,
}

/// A core.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Core {
    /// `core_id`.
    pub core: u64,
    /// `die_id`.
    pub die: u64,
    /// Its threads in byte-wise order of their names.
    pub threads: Vec<Thread>,
    /// Current frequency of its first thread in MHz.
    #[serde(skip_serializing_if = "is_zero")]
    pub frequency: u64,
}

/// A thread.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Thread {
    /// The kernel's number.
    pub id: i64,
    /// NUMA node.
    pub numa_node: u64,
    /// Place in its core.
    pub thread: u64,
    /// In use.
    pub online: bool,
    /// Kept free of ordinary work (`isolcpus`).
    pub isolated: bool,
}

pub(super) fn collect(survey: &Survey<'_>) -> Cpu {
    let names = names_by_processor(survey);
    let isolated = survey.text(format!("{CPUS}/isolated")).map(|text| ranges(&text)).unwrap_or_default();
    let mut sockets: BTreeMap<u64, Socket> = BTreeMap::new();
    let mut cpu = Cpu { architecture: super::environment::machine(), ..Cpu::default() };
    for name in survey.names(CPUS) {
        let place = Path::new(CPUS).join(&name);
        if !survey.host.has(place.join("topology")) {
            continue;
        }
        let Some(id) = name.strip_prefix("cpu").and_then(|number| number.parse::<i64>().ok()) else {
            survey.gap(&place, "its name has no number");
            continue;
        };
        let topology = |key: &str| {
            let number: Option<i64> = survey.number(place.join("topology").join(key));
            u64::try_from(number.unwrap_or(0)).unwrap_or(0)
        };
        let number = topology("physical_package_id");
        let socket = sockets.entry(number).or_insert_with(|| new_socket(survey, number, &place, &names));
        add_thread(survey, socket, (topology("core_id"), topology("die_id")), id, &place, &isolated);
        cpu.total += 1;
    }
    cpu.sockets = sockets.into_values().map(finished).collect();
    cpu
}

fn new_socket(survey: &Survey<'_>, number: u64, place: &Path, names: &BTreeMap<i64, Names>) -> Socket {
    let known = names.get(&i64::try_from(number).unwrap_or(-1)).cloned().unwrap_or_default();
    let (mut name, mut vendor) = (known.model, known.vendor);
    if (name.is_empty() || vendor.is_empty())
        && let Some(processor) = smbios::processor(survey)
    {
        (vendor, name) = processor;
    }
    let frequency = |files: [&str; 2]| {
        let place = place.join("cpufreq");
        let file = files.into_iter().map(|file| place.join(file)).find(|file| survey.host.has(file));
        file.and_then(|file| survey.number::<u64>(file)).unwrap_or(0) / 1000
    };
    Socket {
        name,
        vendor,
        socket: number,
        cache: caches(survey, &place.join("cache")),
        frequency_minimum: frequency(["cpuinfo_min_freq", "scaling_min_freq"]),
        frequency_turbo: frequency(["cpuinfo_max_freq", "scaling_max_freq"]),
        ..Socket::default()
    }
}

fn caches(survey: &Survey<'_>, place: &Path) -> Vec<Cache> {
    let mut caches = Vec::new();
    for name in survey.names(place) {
        let place = place.join(name);
        let Some(level) = survey.number(place.join("level")) else { continue };
        let size = survey.text(place.join("size"));
        caches.push(Cache {
            level,
            kind: survey.text(place.join("type")).unwrap_or_else(|| "Unknown".to_owned()),
            size: size.map_or(0, |text| {
                cache_size(&text).unwrap_or_else(|| {
                    survey.gap(place.join("size"), format!("{text:?} is not a size"));
                    0
                })
            }),
        });
    }
    caches
}

/// `32K`, or plain bytes.
fn cache_size(text: &str) -> Option<u64> {
    match text.strip_suffix('K') {
        Some(number) => number.parse::<u64>().ok()?.checked_mul(1024),
        None => text.parse().ok(),
    }
}

fn add_thread(
    survey: &Survey<'_>,
    socket: &mut Socket,
    (core, die): (u64, u64),
    id: i64,
    place: &Path,
    isolated: &BTreeSet<i64>,
) {
    let index = socket.cores.iter().position(|known| known.core == core && known.die == die).unwrap_or_else(|| {
        let frequency = survey.number::<u64>(place.join("cpufreq/scaling_cur_freq")).unwrap_or(0) / 1000;
        socket.cores.push(Core { core, die, threads: Vec::new(), frequency });
        socket.cores.len() - 1
    });
    let threads = &mut socket.cores[index].threads;
    threads.push(Thread {
        id,
        numa_node: numa_node(survey, place),
        thread: threads.len() as u64,
        online: survey.number::<u64>(place.join("online")).is_none_or(|online| online != 0),
        isolated: isolated.contains(&id),
    });
}

fn numa_node(survey: &Survey<'_>, place: &Path) -> u64 {
    let names = survey.names(place);
    let node = names.iter().find_map(|name| {
        let number = name.strip_prefix("node")?.parse().ok()?;
        survey.host.has(place.join(name).join("numastat")).then_some(number)
    });
    node.unwrap_or(0)
}

/// Sorts the cores: by number, then die, where the reference leaves the order of equal numbers to chance.
fn finished(mut socket: Socket) -> Socket {
    socket.cores.sort_by_key(|core| (core.core, core.die));
    let known: Vec<u64> = socket.cores.iter().map(|core| core.frequency).filter(|frequency| *frequency > 0).collect();
    socket.frequency = known.iter().sum::<u64>().checked_div(known.len() as u64).unwrap_or(0);
    socket
}

/// Vendor and model of one block of `/proc/cpuinfo`.
#[derive(Clone, Debug, Default, PartialEq)]
struct Names {
    vendor: String,
    model: String,
}

fn names_by_processor(survey: &Survey<'_>) -> BTreeMap<i64, Names> {
    let path = PathBuf::from("/proc/cpuinfo");
    let Some(text) = survey.text(&path) else {
        survey.gap(&path, "it is missing, so processors have no names unless the firmware has them");
        return BTreeMap::new();
    };
    parse_cpuinfo(&text, |line| survey.gap(&path, format!("{line:?} cannot be understood")))
}

/// Blocks begin with a `processor` line and end with a blank one.
fn parse_cpuinfo(text: &str, mut odd: impl FnMut(&str)) -> BTreeMap<i64, Names> {
    let mut blocks: BTreeMap<i64, Names> = BTreeMap::new();
    let mut current = None;
    for line in text.lines() {
        let (key, value) = match line.split_once(':') {
            Some((key, value)) => (key.trim(), value.trim()),
            None => (line.trim(), ""),
        };
        if key.is_empty() {
            current = None;
        } else if line.starts_with("processor") {
            // s390x writes "processor 0: version = …", everyone else "processor : 0".
            let number = value.parse().ok().or_else(|| key.rsplit(' ').next()?.parse().ok());
            current = number;
            match number {
                Some(number) => {
                    blocks.entry(number).or_default();
                }
                None => odd(line),
            }
        } else if let Some(block) = current.and_then(|number| blocks.get_mut(&number)) {
            match key {
                "vendor_id" => value.clone_into(&mut block.vendor),
                "model name" | "cpu" => value.clone_into(&mut block.model),
                _ => {}
            }
        }
    }
    blocks
}

/// A list such as `2-3,7`; any trouble means nobody.
fn ranges(text: &str) -> BTreeSet<i64> {
    let mut all = BTreeSet::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) else { return BTreeSet::new() };
        if first < 0 || last - first > 1 << 16 {
            return BTreeSet::new();
        }
        all.extend(first..=last);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpuinfo_of_every_architecture_is_read() {
        let parse = |text: &str| {
            let mut odd = 0;
            let blocks = parse_cpuinfo(text, |_| odd += 1);
            (blocks.get(&0).cloned(), odd)
        };
        let names = |vendor: &str, model: &str| Some(Names { vendor: vendor.into(), model: model.into() });
        assert_eq!(
            parse("processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon : X\n\nprocessor: 1\nmodel name: Y\n"),
            (names("GenuineIntel", "Xeon : X"), 0)
        );
        assert_eq!(parse("processor\t: 0\ncpu\t\t: POWER7\n"), (names("", "POWER7"), 0));
        assert_eq!(parse("vendor_id : IBM/S390\nprocessor 0: version = FF, machine = 2964\n"), (names("", ""), 0));
        assert_eq!(parse("processor x\nmodel name: Y\n"), (None, 1));
    }

    #[test]
    fn lists_of_processors_are_read() {
        assert_eq!(ranges("2-3,7").into_iter().collect::<Vec<_>>(), [2, 3, 7]);
        assert!(ranges("").is_empty() && ranges("1,x").is_empty() && ranges("0-99999999").is_empty());
    }

    #[test]
    fn cache_sizes_are_bytes() {
        assert_eq!((cache_size("32K"), cache_size("512"), cache_size("1M")), (Some(32768), Some(512), None));
    }
}
