//! Topics of which a copied machine lacks the files. The kernel has these directories whether or not there are devices in them, so a copy
//! without them was not made whole: its devices are unknown, and not absent.

use super::super::Gap;
use super::super::topic::Topic;
use crate::host::Host;

/// Directories that a copied machine must have for a topic to be known.
const PARTS: [(&str, Topic); 4] = [
    ("/sys/class/block", Topic::Disks),
    ("/sys/class/net", Topic::Interfaces),
    ("/sys/bus/pci", Topic::Cards),
    ("/sys/bus/usb", Topic::UsbTree),
];

/// The gaps of topics of which the whole part of `/sys` is missing. A running kernel, and one that answered for a snapshot, has all that it
/// knows. A root without anything of a kernel is no copy of a machine, and has no gaps.
pub(super) fn parts(host: &Host) -> Vec<Gap> {
    let has_devices = ["/sys/devices", "/sys/class", "/sys/bus"].iter().any(|part| !host.list(part).is_empty());
    let is_copy = ["/sys", "/proc/meminfo", "/proc/version"].iter().any(|mark| host.has(mark));
    if !has_devices && is_copy {
        let topics = [Topic::Processors, Topic::Disks, Topic::Interfaces, Topic::Cards, Topic::UsbTree, Topic::Bmc];
        return topics.map(|topic| Gap::of_all(topic, "/sys holds no devices")).into();
    }
    if !has_devices || host.has_kernel() {
        return Vec::new();
    }
    let missing = PARTS.iter().filter(|(part, topic)| !host.has(part) && is_expected(host, *topic));
    missing.map(|(part, topic)| Gap::of_all(*topic, format!("the copy holds no {part}"))).collect()
}

/// True if the rest of a copy shows that the machine has the part. Every kernel has disks and interfaces; some are made without PCI or USB.
fn is_expected(host: &Host, topic: Topic) -> bool {
    let devices = || host.list("/sys/devices");
    match topic {
        Topic::Cards => devices().iter().any(|name| name.starts_with("pci")),
        Topic::UsbTree => host.has("/sys/bus/pci"),
        _ => host.has("/sys/class"),
    }
}
