//! A machine that is larger than any: 10,000 PCI functions, 1,024 threads, 5,000 disks and partitions. The bench makes it, too.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Threads of processors.
pub(crate) const THREADS: u32 = 1024;
/// Disks, each with four partitions.
pub(crate) const DISKS: u32 = 1000;
/// PCI functions.
pub(crate) const FUNCTIONS: u32 = 10_000;

/// Writes a tree. Files with the same content are one file with many names, so that it takes little room and is soon made.
struct Writer<'a> {
    root: &'a Path,
    known: HashMap<String, (PathBuf, u32)>,
}

impl Writer<'_> {
    fn file(&mut self, path: &str, content: &str) {
        /// Some file systems allow 65,000 names of a file.
        const MOST_NAMES: u32 = 60_000;
        let place = self.root.join(path);
        fs::create_dir_all(place.parent().expect("a path in the tree")).expect("a directory in the tree");
        if let Some((known, names)) = self.known.get_mut(content)
            && *names < MOST_NAMES
        {
            *names += 1;
            fs::hard_link(known, &place).expect("another name in the tree");
            return;
        }
        fs::write(&place, format!("{content}\n")).expect("a file in the tree");
        self.known.insert(content.to_owned(), (place, 1));
    }

    fn files(&mut self, directory: &str, files: &[(&str, &str)]) {
        for (name, content) in files {
            self.file(&format!("{directory}/{name}"), content);
        }
    }

    fn link(&self, path: &str, target: &str) {
        let place = self.root.join(path);
        fs::create_dir_all(place.parent().expect("a path in the tree")).expect("a directory in the tree");
        symlink(target, place).expect("a link in the tree");
    }
}

/// Writes the machine below a root.
pub(crate) fn write(root: &Path) {
    let mut writer = Writer { root, known: HashMap::new() };
    writer.file("proc/meminfo", "MemTotal: 1048576 kB\nMemFree: 1024 kB");
    (0..THREADS).for_each(|number| thread(&mut writer, number));
    (0..4).for_each(|node| {
        let place = format!("sys/devices/system/node/node{node}");
        writer.files(&place, &[("numastat", ""), ("meminfo", &format!("Node {node} MemTotal: 262144 kB"))]);
    });
    (0..FUNCTIONS).for_each(|number| function(&mut writer, number));
    (0..DISKS).for_each(|number| disk(&mut writer, number));
    fs::write(root.join("proc/cpuinfo"), cpuinfo()).expect("a file in the tree");
}

fn cpuinfo() -> String {
    let flags = "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht";
    (0..THREADS)
        .map(|number| {
            format!(
                "processor\t: {number}\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon @ 2.10GHz\nflags\t\t: {flags}\n\n"
            )
        })
        .collect()
}

fn thread(writer: &mut Writer<'_>, number: u32) {
    let place = format!("sys/devices/system/cpu/cpu{number}");
    let (socket, core) = (number / 2 % 8, number / 16);
    let topology =
        [("physical_package_id", socket.to_string()), ("core_id", core.to_string()), ("die_id", "0".to_owned())];
    for (name, content) in topology {
        writer.file(&format!("{place}/topology/{name}"), &content);
    }
    writer.files(&place, &[("online", "1"), ("cpufreq/scaling_cur_freq", "2100000")]);
    writer.files(&format!("{place}/cache/index0"), &[("level", "1"), ("type", "Data"), ("size", "32K")]);
    writer.link(&format!("{place}/node{}", socket / 2), &format!("../../node/node{}", socket / 2));
}

/// Every fiftieth function is a network card, whose forty next are its virtual functions.
fn function(writer: &mut Writer<'_>, number: u32) {
    let address = |number: u32| {
        format!("{:04x}:{:02x}:{:02x}.{}", number >> 15, number >> 7 & 0xff, number >> 3 & 15, number & 7)
    };
    let own = address(number);
    let place = format!("sys/devices/pci0000:00/{own}");
    let is_network = number % 50 <= 40;
    let class = if is_network { "0x020000" } else { "0x030000" };
    // As many kinds of devices as no machine has, none of which are next to each other.
    let product = format!("0x{:04x}", number.wrapping_mul(7919) % 0xffff);
    let vendor = if number.is_multiple_of(2) { "0x8086" } else { "0x10de" };
    writer.files(&place, &[("class", class), ("vendor", vendor), ("device", &product), ("numa_node", "1")]);
    writer.link(&format!("{place}/subsystem"), "../../../bus/pci");
    writer.link(&format!("{place}/driver"), "../../../bus/pci/drivers/ice");
    if is_network && number.is_multiple_of(50) {
        writer.files(&place, &[("sriov_numvfs", "40"), ("sriov_totalvfs", "256")]);
    } else if is_network {
        writer.link(&format!("{place}/physfn"), &format!("../{}", address(number - number % 50)));
    }
    writer.link(&format!("sys/bus/pci/devices/{own}"), &format!("../../../devices/pci0000:00/{own}"));
}

fn disk(writer: &mut Writer<'_>, number: u32) {
    let name = format!("sd{}", letters(number));
    let place = format!("sys/devices/disks/{name}");
    let device = format!("{}:{}", 8 + number / 256, number % 256);
    let files =
        [("dev", device.as_str()), ("size", "976773168"), ("ro", "0"), ("removable", "0"), ("queue/rotational", "1")];
    writer.files(&place, &files);
    writer.files(&format!("{place}/device"), &[("model", "MODEL"), ("numa_node", "2")]);
    writer.link(&format!("{place}/device/subsystem"), "../../../../bus/scsi");
    writer.link(&format!("sys/class/block/{name}"), &format!("../../devices/disks/{name}"));
    writer.file(&format!("run/udev/data/b{device}"), "E:ID_MODEL=MODEL\nE:ID_ATA_SATA=1");
    writer.link(&format!("dev/disk/by-id/ata-{number}"), &format!("../../{name}"));
    for partition in 1..=4 {
        let (id, number) = (format!("{name}{partition}"), partition.to_string());
        let part = format!("{place}/{id}");
        writer
            .files(&part, &[("dev", &format!("259:{number}")), ("size", "2048"), ("ro", "0"), ("partition", &number)]);
        writer.link(&format!("sys/class/block/{id}"), &format!("../../devices/disks/{name}/{id}"));
    }
}

/// `a` … `z`, `aa` …, as the kernel names disks.
fn letters(number: u32) -> String {
    let last = char::from(b'a' + u8::try_from(number % 26).expect("a letter"));
    let before = if number < 26 { String::new() } else { letters(number / 26 - 1) };
    format!("{before}{last}")
}
