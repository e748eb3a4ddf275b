//! Processors (contract RESOURCES §1.1), from `/sys/devices/system/cpu` and `/proc/cpuinfo`.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::smbios;
use super::survey::{Survey, is_zero, shortened, storable};

const CPUS: &str = "/sys/devices/system/cpu";

/// All processors.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Cpu {
    /// `uname -m`.
    pub architecture: String,
    /// Packages by number.
    pub sockets: Vec<Socket>,
    /// Threads.
    pub total: u64,
}

/// A package.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
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

/// A socket in the making: its cores by number, then die, where the reference leaves the order of equal numbers to chance.
struct Found {
    socket: Socket,
    cores: BTreeMap<(u64, u64), Core>,
}

pub(super) fn collect(survey: &Survey<'_>) -> Cpu {
    if !survey.host.is_directory(CPUS) {
        survey.gap(CPUS, "it is missing");
    }
    let names = KnownNames::new(survey);
    let isolated = survey.text(format!("{CPUS}/isolated")).map(|text| ranges(&text)).unwrap_or_default();
    let mut sockets: BTreeMap<u64, Found> = BTreeMap::new();
    let mut cpu = Cpu { architecture: survey.host.uname().machine, ..Cpu::default() };
    for name in survey.names(CPUS) {
        let place = Path::new(CPUS).join(&name);
        let _near = survey.host.enter(&place);
        if !survey.host.has(place.join("topology")) {
            continue;
        }
        let Some(id) = name.strip_prefix("cpu").and_then(|number| number.parse::<i64>().ok()) else {
            survey.gap(&place, "its name has no number");
            continue;
        };
        let _near_topology = survey.host.enter(place.join("topology"));
        let topology = |key: &str| {
            let number: Option<i64> = survey.number(place.join("topology").join(key));
            u64::try_from(number.unwrap_or(0)).unwrap_or(0)
        };
        let number = topology("physical_package_id");
        let found = sockets
            .entry(number)
            .or_insert_with(|| Found { socket: new_socket(survey, number, &place, &names), cores: BTreeMap::new() });
        let (core, die) = (topology("core_id"), topology("die_id"));
        let core = found.cores.entry((core, die)).or_insert_with(|| new_core(survey, core, die, &place));
        core.threads.push(Thread {
            id,
            numa_node: numa_node(survey, &place),
            thread: core.threads.len() as u64,
            online: survey.number::<u64>(place.join("online")).is_none_or(|online| online != 0),
            isolated: isolated.contains(&id),
        });
        cpu.total += 1;
    }
    cpu.sockets = sockets.into_values().map(finished).collect();
    cpu
}

fn new_socket(survey: &Survey<'_>, number: u64, place: &Path, names: &KnownNames) -> Socket {
    let Names { vendor, model: name } = names.of(survey, number);
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
        let size = survey.attribute(place.join("size"));
        caches.push(Cache {
            level,
            kind: survey.attribute(place.join("type")).unwrap_or_else(|| "Unknown".to_owned()),
            size: size.map_or(0, |text| {
                cache_size(&text).unwrap_or_else(|| {
                    survey.gap(place.join("size"), format!("{:?} is not a size", shortened(&text)));
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

fn new_core(survey: &Survey<'_>, core: u64, die: u64, place: &Path) -> Core {
    let frequency = survey.number::<u64>(place.join("cpufreq/scaling_cur_freq")).unwrap_or(0) / 1000;
    Core { core, die, threads: Vec::new(), frequency }
}

fn numa_node(survey: &Survey<'_>, place: &Path) -> u64 {
    let names = survey.names(place);
    let node = names.iter().find_map(|name| {
        let number = node_number(name)?;
        survey.host.has(place.join(name).join("numastat")).then_some(number)
    });
    node.unwrap_or(0)
}

/// The number in the name of a NUMA node; no kernel has more than 1,024.
pub(super) fn node_number(name: &str) -> Option<u64> {
    name.strip_prefix("node")?.parse::<u16>().ok().map(u64::from)
}

fn finished(found: Found) -> Socket {
    let cores: Vec<Core> = found.cores.into_values().collect();
    let known: Vec<u64> = cores.iter().map(|core| core.frequency).filter(|frequency| *frequency > 0).collect();
    let sum = known.iter().fold(0, |sum: u64, frequency| sum.saturating_add(*frequency));
    let frequency = sum.checked_div(known.len() as u64).unwrap_or(0);
    Socket { cores, frequency, ..found.socket }
}

/// Vendor and model of one block of `/proc/cpuinfo`.
#[derive(Clone, Debug, Default, PartialEq)]
struct Names {
    vendor: String,
    model: String,
}

/// What the kernel calls the processors, and the firmware where it does not.
struct KnownNames {
    by_processor: BTreeMap<i64, Names>,
    firmware: OnceCell<Option<Names>>,
}

impl KnownNames {
    fn new(survey: &Survey<'_>) -> Self {
        let path = Path::new("/proc/cpuinfo");
        let by_processor = survey.text(path).map_or_else(
            || {
                survey.gap(path, "it is missing, so processors have no names unless the firmware has them");
                BTreeMap::new()
            },
            |text| parse_cpuinfo(&text, |line| survey.gap(path, format!("{:?} cannot be understood", shortened(line)))),
        );
        KnownNames { by_processor, firmware: OnceCell::new() }
    }

    /// The names of the processor whose number is the socket's: that is how the reference finds them.
    fn of(&self, survey: &Survey<'_>, socket: u64) -> Names {
        let known = i64::try_from(socket).ok().and_then(|number| self.by_processor.get(&number)).cloned();
        let known = known.unwrap_or_default();
        if !known.vendor.is_empty() && !known.model.is_empty() {
            return known;
        }
        let processor = || smbios::processor(survey).map(|(vendor, model)| Names { vendor, model });
        self.firmware.get_or_init(processor).clone().unwrap_or(known)
    }
}

/// Vendor and model by number of the processor, from `/proc/cpuinfo`.
pub(super) fn names_by_processor(survey: &Survey<'_>) -> BTreeMap<i64, (String, String)> {
    let text = survey.host.text("/proc/cpuinfo").unwrap_or_default();
    parse_cpuinfo(&text, |_| {}).into_iter().map(|(number, names)| (number, (names.vendor, names.model))).collect()
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
            current = number.filter(|number| !blocks.contains_key(number));
            match current {
                Some(number) => {
                    blocks.insert(number, Names::default());
                }
                _ => odd(line),
            }
        } else if let Some(block) = current.and_then(|number| blocks.get_mut(&number)) {
            if !line.contains(':') {
                odd(line);
            }
            match key {
                "vendor_id" => block.vendor = storable(value),
                "model name" | "cpu" => block.model = storable(value),
                _ => {}
            }
        }
    }
    blocks
}

/// A list such as `2-3,7`; any trouble means nobody.
pub(super) fn ranges(text: &str) -> BTreeSet<i64> {
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
        assert_eq!(parse("processor: 0\n\nprocessor: 0\n"), (names("", ""), 1), "told twice");
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
