//! A machine that is larger than any: 10,000 PCI functions, 1,024 threads, 5,000 disks, some with partitions. The bench makes it, too.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Threads of processors.
pub(crate) const THREADS: u32 = 1024;
/// Disks: twenty behind each of 200 SAS controllers, and five namespaces of each of 200 NVMe controllers.
pub(crate) const DISKS: u32 = SAS_DISKS + 1000;
const SAS_DISKS: u32 = 4000;
/// Partitions: of four disks in a row the first has two and the second has one.
pub(crate) const PARTITIONS: u32 = DISKS / 4 * 3;
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

/// `DOMAIN:BUS:DEVICE.FUNCTION`
fn address(number: u32) -> String {
    format!("{:04x}:{:02x}:{:02x}.{}", number >> 15, number >> 7 & 0xff, number >> 3 & 15, number & 7)
}

/// Where a function is, below the root.
fn pci(number: u32) -> String {
    format!("sys/devices/pci0000:00/{}", address(number))
}

/// Every fiftieth function is a network card, whose forty next are its virtual functions. After them come seven graphics cards, an
/// NVMe and a SAS controller.
fn function(writer: &mut Writer<'_>, number: u32) {
    let place = pci(number);
    let class = match number % 50 {
        0..=40 => "0x020000",
        41..=47 => "0x030000",
        48 => "0x010802",
        _ => "0x010700",
    };
    // As many kinds of devices as no machine has, none of which are next to each other.
    let product = format!("0x{:04x}", number.wrapping_mul(7919) % 0xffff);
    let vendor = if number.is_multiple_of(2) { "0x8086" } else { "0x10de" };
    writer.files(&place, &[("class", class), ("vendor", vendor), ("device", &product), ("numa_node", "1")]);
    writer.link(&format!("{place}/subsystem"), "../../../bus/pci");
    writer.link(&format!("{place}/driver"), "../../../bus/pci/drivers/ice");
    if number.is_multiple_of(50) {
        writer.files(&place, &[("sriov_numvfs", "40"), ("sriov_totalvfs", "256")]);
    } else if number % 50 <= 40 {
        writer.link(&format!("{place}/physfn"), &format!("../{}", address(number - number % 50)));
    }
    writer.link(&format!("sys/bus/pci/devices/{}", address(number)), &format!("../../../../{place}"));
}

fn disk(writer: &mut Writer<'_>, number: u32) {
    let device = format!("{}:{}", 8 + number / 256, number % 256);
    let (name, place) = if number < SAS_DISKS { sas(writer, number) } else { nvme(writer, number - SAS_DISKS) };
    let files = [("dev", device.as_str()), ("size", "31251759104"), ("ro", "0"), ("removable", "0"), ("stat", "1 0 8")];
    writer.files(&place, &files);
    let queue = [("logical_block_size", "512"), ("physical_block_size", "4096"), ("scheduler", "[none] mq-deadline")];
    writer.files(&format!("{place}/queue"), &queue);
    writer.link(&format!("{place}/subsystem"), &format!("{}class/block", "../".repeat(place.matches('/').count())));
    writer.link(&format!("sys/class/block/{name}"), &format!("../../../{place}"));
    writer.file(&format!("run/udev/data/b{device}"), &record(number));
    for id in [format!("ata-MODEL_S{number}"), format!("wwn-0x5000c500{number:08x}")] {
        writer.link(&format!("dev/disk/by-id/{id}"), &format!("../../{name}"));
    }
    writer.link(&format!("dev/disk/by-path/pci-{number}"), &format!("../../{name}"));
    let infix = if number < SAS_DISKS { "" } else { "p" };
    for partition in 1..=[2, 1, 0, 0][number as usize % 4] {
        let id = format!("{name}{infix}{partition}");
        let (part, device) = (format!("{place}/{id}"), format!("259:{}", number * 2 + partition));
        let files = [("dev", device.as_str()), ("size", "2048"), ("ro", "0"), ("partition", &partition.to_string())];
        writer.files(&part, &files);
        writer.link(&format!("sys/class/block/{id}"), &format!("../../../{part}"));
        writer.file(&format!("run/udev/data/b{device}"), &format!("{}\nE:ID_FS_UUID={number:08x}", record(number)));
    }
}

/// Name and place of a SAS disk.
fn sas(writer: &mut Writer<'_>, number: u32) -> (String, String) {
    let (host, target) = (number / 20, number % 20);
    let device = format!("{}/host{host}/target{host}:0:{target}/{host}:0:{target}:0", pci(host * 50 + 49));
    let files = [("model", "MG08SCA16TE"), ("vendor", "TOSHIBA"), ("rev", "0104"), ("state", "running")];
    writer.files(&device, &files);
    writer.link(&format!("{device}/subsystem"), "../../../../../../bus/scsi");
    let name = format!("sd{}", letters(number));
    let place = format!("{device}/block/{name}");
    writer.file(&format!("{place}/queue/rotational"), "1");
    writer.link(&format!("{place}/device"), &format!("../../../{host}:0:{target}:0"));
    (name, place)
}

/// Name and place of an NVMe namespace.
fn nvme(writer: &mut Writer<'_>, number: u32) -> (String, String) {
    let (controller, space) = (number / 5, number % 5 + 1);
    let function = controller * 50 + 48;
    let device = format!("{}/nvme/nvme{controller}", pci(function));
    let name = format!("nvme{controller}n{space}");
    let place = format!("{device}/{name}");
    writer.files(&place, &[("queue/rotational", "0"), ("wwid", &format!("eui.{number:016x}"))]);
    writer.link(&format!("{place}/device"), &format!("../../nvme{controller}"));
    if space == 1 {
        let files = [("model", "SAMSUNG MZQL23T8HCLS"), ("firmware_rev", "GDC5602Q"), ("numa_node", "1")];
        writer.files(&device, &files);
        writer.link(&format!("{device}/subsystem"), "../../../../../class/nvme");
        writer.link(&format!("{device}/device"), &format!("../../../{}", address(function)));
    }
    (name, place)
}

/// What udev knows of a disk.
fn record(number: u32) -> String {
    format!(
        "S:disk/by-id/ata-MODEL_S{number}\nS:disk/by-path/pci-{number}\nI:123456\nE:ID_ATA=1\nE:ID_TYPE=disk\nE:ID_BUS=ata\n\
         E:ID_MODEL=MODEL\nE:ID_MODEL_ENC=MODEL\\x20X\nE:ID_REVISION=0104\nE:ID_SERIAL=MODEL_S{number}\n\
         E:ID_SERIAL_SHORT=S{number}\nE:ID_ATA_SATA=1\nE:ID_ATA_ROTATION_RATE_RPM=7200\nE:ID_WWN=0x5000c500{number:08x}\n\
         E:ID_PATH=pci-{number}\nE:ID_PART_TABLE_TYPE=gpt\nG:systemd"
    )
}

/// `a` … `z`, `aa` …, as the kernel names disks.
fn letters(number: u32) -> String {
    let last = char::from(b'a' + u8::try_from(number % 26).expect("a letter"));
    let before = if number < 26 { String::new() } else { letters(number / 26 - 1) };
    format!("{before}{last}")
}
