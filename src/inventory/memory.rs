//! Memory and its NUMA nodes (contract RESOURCES §1.2), from `/proc/meminfo`, memory blocks and node directories.

use std::collections::BTreeMap;
use std::path::Path;

#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::cpu::node_number;
use super::survey::{Survey, is_absence, shortened};

const BLOCKS: &str = "/sys/devices/system/memory";
const NODES: &str = "/sys/devices/system/node";

/// All memory, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Memory {
    /// NUMA nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<MemoryNode>,
    /// In huge pages of the default size.
    pub hugepages_total: u64,
    /// In use of those.
    pub hugepages_used: u64,
    /// Default size of huge pages.
    pub hugepages_size: u64,
    /// In use, including what kernel and firmware keep.
    pub used: u64,
    /// Installed, as far as the kernel counts it in blocks.
    pub total: u64,
}

/// Memory of one NUMA node, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct MemoryNode {
    /// Number of the node.
    pub numa_node: u64,
    /// Used huge pages.
    pub hugepages_used: u64,
    /// Huge pages.
    pub hugepages_total: u64,
    /// The node's own `MemUsed`, with caches.
    pub used: u64,
    /// Installed.
    pub total: u64,
}

pub(super) fn collect(survey: &Survey<'_>) -> Memory {
    let info = meminfo(survey, Path::new("/proc/meminfo"));
    let get = |key: &str| info.get(key).copied().unwrap_or(0);
    let block_size = block_size(survey);
    let total = blocks(survey, Path::new(BLOCKS), block_size).filter(|total| *total > 0).unwrap_or(get("MemTotal"));
    let hugepages_size = get("Hugepagesize");
    Memory {
        nodes: nodes(survey, hugepages_size, block_size),
        hugepages_total: get("HugePages_Total").wrapping_mul(hugepages_size),
        hugepages_used: get("HugePages_Total").wrapping_sub(get("HugePages_Free")).wrapping_mul(hugepages_size),
        hugepages_size,
        used: total.wrapping_sub(get("MemFree")).wrapping_sub(get("Cached")).wrapping_sub(get("Buffers")),
        total,
    }
}

fn nodes(survey: &Survey<'_>, hugepages_size: u64, block_size: Option<u64>) -> Vec<MemoryNode> {
    let mut nodes = Vec::new();
    for name in survey.names(NODES) {
        let place = Path::new(NODES).join(&name);
        if !survey.host.has(place.join("meminfo")) {
            continue;
        }
        let Some(numa_node) = node_number(&name) else {
            survey.gap(&place, "its name has no number");
            continue;
        };
        let info = meminfo(survey, &place.join("meminfo"));
        let get = |key: &str| info.get(key).copied().unwrap_or(0);
        let used = get("HugePages_Total").wrapping_sub(get("HugePages_Free"));
        nodes.push(MemoryNode {
            numa_node,
            hugepages_used: used.wrapping_mul(hugepages_size),
            hugepages_total: get("HugePages_Total").wrapping_mul(hugepages_size),
            used: get("MemUsed"),
            total: blocks(survey, &place, block_size).filter(|total| *total > 0).unwrap_or(get("MemTotal")),
        });
    }
    nodes
}

/// Size of a memory block: hexadecimal without prefix.
fn block_size(survey: &Survey<'_>) -> Option<u64> {
    let path = Path::new(BLOCKS).join("block_size_bytes");
    let text = survey.text(&path)?;
    let size = u64::from_str_radix(&text, 16).ok();
    if size.is_none() {
        survey.gap(path, format!("{:?} is not a hexadecimal number", shortened(&text)));
    }
    size
}

/// Bytes in the online blocks of a directory; `None` when blocks are not counted here, or one cannot be read.
fn blocks(survey: &Survey<'_>, place: &Path, block_size: Option<u64>) -> Option<u64> {
    let size = block_size?;
    let mut count = 0u64;
    let _near = survey.host.enter(place);
    for name in survey.names(place).iter().filter(|name| name.starts_with("memory")) {
        let online = place.join(name).join("online");
        match survey.host.read(&online) {
            Ok(text) => count += u64::from(text.trim_ascii() == b"1"),
            // Then it is no block, or none that could be switched off.
            Err(error) if is_absence(&error) => {}
            Err(error) => {
                survey.gap(online, error);
                return None;
            }
        }
    }
    count.checked_mul(size)
}

/// Values in bytes, counts as they are. A node's lines begin with `Node N`.
fn meminfo(survey: &Survey<'_>, path: &Path) -> BTreeMap<String, u64> {
    let Some(text) = survey.text(path) else {
        // One that is there and cannot be read is a gap already.
        if !survey.host.has(path) {
            survey.gap(path, "it is missing");
        }
        return BTreeMap::new();
    };
    parse_meminfo(&text)
}

fn parse_meminfo(text: &str) -> BTreeMap<String, u64> {
    let mut values = BTreeMap::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let key = key.trim();
        let key = if key.starts_with("Node ") { key.rsplit(' ').next().unwrap_or(key) } else { key };
        let mut words = value.split_whitespace();
        let Some(number) = words.next().and_then(|word| word.parse::<u64>().ok()) else { continue };
        let factor = if words.next() == Some("kB") { 1024 } else { 1 };
        values.insert(key.to_owned(), number.wrapping_mul(factor));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn global_and_node_files_are_read() {
        let values = parse_meminfo("MemTotal:       100 kB\nHugePages_Total:       8\n\nodd line\nX: y\n");
        assert_eq!((values["MemTotal"], values["HugePages_Total"], values.len()), (102_400, 8, 2));
        assert_eq!(parse_meminfo("Node 3 MemUsed: 5 kB\n")["MemUsed"], 5120);
    }
}
