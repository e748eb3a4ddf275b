//! Claim of a disk for erasure: nobody may use the disk, and its contents are reported first.

use std::path::Path;

use nix::errno::Errno;

use super::super::course::Disk;
use super::super::medium::{Buffer, Device, Medium as _, OwnWait};
use super::signature::{self, Content, partitions};
use crate::host::Host;

/// Why a disk is not erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A file system on it is mounted.
    Mounted { what: String, at: String },
    /// Swap space.
    Swap(String),
    /// Something is stacked on it.
    Held { what: String, by: String },
    /// Member of an array, volume group or pool that has data on other disks, too.
    Member(Content),
    /// A program writes to it.
    Open { what: String, program: String },
    /// The kernel says that it is in use, and by nothing that this program knows.
    Busy,
    /// The disk is write-protected.
    ReadOnly,
    /// The kernel's reason.
    Errno(Errno),
    /// Another path to the disk may not be erased: its name and the reason.
    OtherPath(String, Box<Refusal>),
}

impl Refusal {
    /// One sentence.
    pub(super) fn words(&self) -> String {
        match self {
            Refusal::Mounted { what, at } if at == "/" => format!("this system runs from {what}"),
            Refusal::Mounted { what, at } => format!("{what} is mounted at {at}"),
            Refusal::Swap(what) => format!("{what} is swap space in use"),
            Refusal::Held { what, by } => format!("{by} uses {what}"),
            Refusal::Member(Content { place, kind }) => format!("{place} is a part of something larger ({kind})"),
            Refusal::Open { what, program } => format!("{program} has {what} open to write"),
            Refusal::Busy => "the kernel says that it is in use".to_owned(),
            Refusal::ReadOnly => "it cannot be written".to_owned(),
            Refusal::Errno(errno) => format!("it cannot be opened ({errno})"),
            Refusal::OtherPath(name, refusal) => format!("{name} is the same disk, and {}", refusal.words()),
        }
    }

    /// Returns the next step for the operator, in one sentence.
    pub(super) fn next(&self) -> String {
        match self {
            Refusal::Mounted { at, .. } if at == "/" => "Start the machine from somewhere else.".to_owned(),
            Refusal::Mounted { at, .. } => format!("Unmount it, if nobody needs it: umount {at}."),
            Refusal::Swap(what) => format!("Take it out of use: swapoff /dev/{what}."),
            Refusal::Held { by, .. } => format!("Stop {by} first (lsblk shows what it is)."),
            Refusal::Member(Content { place, .. }) => {
                format!("If nobody needs its data on any disk, remove the mark: wipefs --all /dev/{place}.")
            }
            Refusal::Open { program, .. } => format!("End {program}, if nobody needs it."),
            Refusal::Busy => "Look who uses it: lsblk, fuser.".to_owned(),
            Refusal::ReadOnly => "Remove its write protection.".to_owned(),
            Refusal::Errno(_) => "List the disks: shakedown disk list. Run as root outside of a container.".to_owned(),
            Refusal::OtherPath(_, refusal) => refusal.next(),
        }
    }
}

/// A disk that this program alone has open, and what was on it.
pub(super) struct Claimed {
    pub(super) device: Device,
    pub(super) held: Vec<Content>,
}

/// Opens a disk to be erased.
///
/// # Errors
/// Why it may not be.
pub(super) fn claim(host: &Host, disk: &Disk) -> Result<Claimed, Refusal> {
    let name = kernel_name(disk);
    in_use(host, disk, name)?;
    let mut held = name.map(|name| signature::told(host, name)).unwrap_or_default();
    // Its own marks are read before the claim: a member that is not in use can be opened.
    match Device::open(&disk.path) {
        Ok(device) => look(host, &device, disk, &mut held),
        Err(errno) => return Err(Refusal::Errno(errno)),
    }
    if let Some(member) = held.iter().find(|content| content.is_member()) {
        return Err(Refusal::Member(member.clone()));
    }
    let device = Device::claim(&disk.path).map_err(|errno| match errno {
        Errno::EBUSY => Refusal::Busy,
        Errno::EROFS => Refusal::ReadOnly,
        errno => Refusal::Errno(errno),
    })?;
    Ok(Claimed { device, held })
}

/// Lists the contents of a disk, whoever uses them.
pub(super) fn content(host: &Host, disk: &Disk) -> Vec<Content> {
    let mut held = kernel_name(disk).map(|name| signature::told(host, name)).unwrap_or_default();
    if let Ok(device) = Device::open(&disk.path) {
        look(host, &device, disk, &mut held);
    }
    held
}

/// The name in `/sys/class/block`; files have none.
fn kernel_name(disk: &Disk) -> Option<&str> {
    (!disk.name.contains('/')).then_some(disk.name.as_str())
}

/// Adds what the bytes of the disk and of its partitions say and udev did not.
fn look(host: &Host, device: &Device, disk: &Disk, held: &mut Vec<Content>) {
    let number = |path: String| host.text(path).and_then(|text| text.parse::<u64>().ok());
    let mut places = vec![(disk.name.clone(), 0, device.size())];
    for part in kernel_name(disk).map(|name| partitions(host, name)).unwrap_or_default() {
        let key = |key: &str| number(format!("/sys/class/block/{part}/{key}"));
        if let (Some(start), Some(size)) = (key("start"), key("size")) {
            places.push((part, start * 512, size * 512));
        }
    }
    for (place, start, size) in places {
        let end = start.saturating_add(size).min(device.size());
        let first = bytes(device, start, end.min(start + signature::HEAD as u64));
        let tail = bytes(device, start.max(end.saturating_sub(signature::TAIL as u64)), end);
        for kind in signature::kinds(&first, &tail) {
            if !held.iter().any(|one| one.place == place && kind.contains(one.kind.as_str())) {
                held.push(Content { place: place.clone(), kind: kind.to_owned() });
            }
        }
    }
}

/// Reads a part of a disk; empty if the read fails.
fn bytes(device: &Device, start: u64, end: u64) -> Vec<u8> {
    // Both ends at whole blocks of the largest disks, as far as the disk goes.
    let (from, to) = (start / 4096 * 4096, end.div_ceil(4096) * 4096);
    let to = to.min(device.size());
    let length = usize::try_from(to.saturating_sub(from)).unwrap_or(0);
    let mut buffer = Buffer::new(length);
    let read = device.read(from, buffer.first(length), &mut OwnWait::of_this_thread());
    if read.result != Ok(length) {
        return Vec::new();
    }
    let inside = |at: u64| usize::try_from(at.saturating_sub(from)).unwrap_or(0);
    buffer.first(length).get(inside(start)..inside(end)).unwrap_or_default().to_vec()
}

fn in_use(host: &Host, disk: &Disk, name: Option<&str>) -> Result<(), Refusal> {
    let parts: Vec<String> =
        name.map(|name| std::iter::once(name.to_owned()).chain(partitions(host, name)).collect()).unwrap_or_default();
    if name.is_some_and(|name| host.text(format!("/sys/class/block/{name}/ro")).as_deref() == Some("1")) {
        return Err(Refusal::ReadOnly);
    }
    let path = host.real(&disk.path).unwrap_or_else(|| disk.path.clone());
    mounted(host, &parts)?;
    swap(host, &parts, &path)?;
    for part in &parts {
        if let Some(by) = host.list(format!("/sys/class/block/{part}/holders")).into_iter().next() {
            return Err(Refusal::Held { what: part.clone(), by });
        }
    }
    if name.is_none() {
        for by in host.list("/sys/block") {
            let file = host.text(format!("/sys/block/{by}/loop/backing_file"));
            if file.is_some_and(|file| Path::new(&file) == path) {
                return Err(Refusal::Held { what: disk.name.clone(), by });
            }
        }
    }
    let nodes: Vec<_> = parts.iter().map(|part| Path::new("/dev").join(part)).chain([path]).collect();
    open_by_others(host, &nodes)
}

fn mounted(host: &Host, parts: &[String]) -> Result<(), Refusal> {
    // Those of the first process: a container may see less of them.
    for list in ["/proc/1/mountinfo", "/proc/self/mountinfo"] {
        let text = host.text(list).unwrap_or_default();
        let mut found: Vec<(&String, &str)> = Vec::new();
        for line in text.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let (Some(number), Some(at)) = (fields.get(2), fields.get(4)) else { continue };
            // A file system over several disks has a number of its own; its source names one of them.
            let source = fields.iter().position(|field| *field == "-").and_then(|dash| fields.get(dash + 2));
            let source = source.and_then(|source| source.strip_prefix("/dev/"));
            let of = |part: &&String| {
                host.text(format!("/sys/class/block/{part}/dev")).as_deref() == Some(number)
                    || source == Some(part.as_str())
            };
            found.extend(parts.iter().find(of).map(|part| (part, *at)));
        }
        // The root says most.
        found.sort_by_key(|(_, at)| at.len());
        if let Some((what, at)) = found.first() {
            return Err(Refusal::Mounted { what: (*what).clone(), at: at.replace("\\040", " ") });
        }
    }
    Ok(())
}

fn swap(host: &Host, parts: &[String], path: &Path) -> Result<(), Refusal> {
    for line in host.text("/proc/swaps").unwrap_or_default().lines().skip(1) {
        let Some(file) = line.split([' ', '\t']).next() else { continue };
        let name = host.resolve_device(file).unwrap_or_default();
        if Path::new(file) == path || parts.contains(&name) || parts.iter().any(|part| file == format!("/dev/{part}")) {
            return Err(Refusal::Swap(file.trim_start_matches("/dev/").to_owned()));
        }
    }
    Ok(())
}

/// A program that has one of these open to write, such as a virtual machine whose disk it is: not everybody claims what they use.
fn open_by_others(host: &Host, nodes: &[std::path::PathBuf]) -> Result<(), Refusal> {
    let own = std::process::id().to_string();
    for pid in host.list("/proc").into_iter().filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()) && *pid != own)
    {
        for number in host.list(format!("/proc/{pid}/fd")) {
            let Some(target) = host.link(format!("/proc/{pid}/fd/{number}")) else { continue };
            let Some(node) = nodes.iter().find(|node| **node == target) else { continue };
            let info = host.text(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).map(str::trim);
            let flags = flags.and_then(|flags| u32::from_str_radix(flags, 8).ok()).unwrap_or(0);
            // O_WRONLY and O_RDWR (fcntl.h); udev and others that only look are gone soon.
            if flags & 3 != 0 {
                let word = host.text(format!("/proc/{pid}/comm")).unwrap_or_default();
                let what = node.to_string_lossy().into_owned();
                return Err(Refusal::Open { what, program: format!("{word} ({pid})") });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;

    const DISK: [(&str, &str); 4] = [
        ("sys/class/block/sda/dev", "8:0\n"),
        ("sys/class/block/sda/ro", "0\n"),
        ("sys/class/block/sda/sda2/partition", "2\n"),
        ("sys/class/block/sda2/dev", "8:2\n"),
    ];

    fn refused(files: &[(&str, &str)]) -> Option<Refusal> {
        let (_root, host) = machine_of(&[DISK.as_slice(), files].concat());
        let disk = Disk { name: "sda".to_owned(), path: "/dev/sda".into() };
        in_use(&host, &disk, Some("sda")).err()
    }

    #[test]
    fn a_disk_that_nobody_uses_is_free() {
        assert_eq!(refused(&[("proc/self/mountinfo", "22 1 8:17 / / rw - ext4 /dev/sdb1 rw\n")]), None);
    }

    #[test]
    fn every_use_of_a_disk_or_of_its_partitions_is_a_reason() {
        let mounted = |at: &str| Refusal::Mounted { what: "sda2".to_owned(), at: at.to_owned() };
        let info = "30 22 8:2 /x /srv rw - ext4 /dev/sda2 rw\n22 1 8:2 / / rw - ext4 /dev/sda2 rw\n";
        assert_eq!(refused(&[("proc/self/mountinfo", info)]), Some(mounted("/")), "the root says most");
        assert!(mounted("/").words().contains("runs from sda2"));
        let elsewhere = "22 1 0:41 / /data rw shared:1 - btrfs /dev/sda2 rw\n";
        assert_eq!(
            refused(&[("proc/1/mountinfo", elsewhere)]),
            Some(mounted("/data")),
            "of the machine, not of a container"
        );
        let swaps = "Filename\tType\tSize\tUsed\tPriority\n/dev/sda2                partition\t1\t0\t-2\n";
        assert_eq!(refused(&[("proc/swaps", swaps)]), Some(Refusal::Swap("sda2".to_owned())));
        let held = Refusal::Held { what: "sda2".to_owned(), by: "md0".to_owned() };
        assert_eq!(refused(&[("sys/class/block/sda2/holders/md0/x", "")]), Some(held));
        let held = Refusal::Held { what: "sda".to_owned(), by: "dm-0".to_owned() };
        assert_eq!(refused(&[("sys/class/block/sda/holders/dm-0/x", "")]), Some(held));
        assert_eq!(refused(&[("sys/class/block/sda/ro", "1\n")]), Some(Refusal::ReadOnly));
    }

    #[test]
    fn a_program_that_writes_to_a_disk_is_named() {
        let (root, host) = machine_of(
            &[
                DISK.as_slice(),
                &[("proc/77/fdinfo/5", "pos:\t0\nflags:\t02100002\n"), ("proc/77/comm", "qemu\n"), ("dev/sda", "")],
            ]
            .concat(),
        );
        std::fs::create_dir_all(root.path().join("proc/77/fd")).expect("a folder");
        std::os::unix::fs::symlink("/dev/sda2", root.path().join("proc/77/fd/5")).expect("a link");
        let disk = Disk { name: "sda".to_owned(), path: "/dev/sda".into() };
        let refusal = in_use(&host, &disk, Some("sda")).expect_err("in use");
        assert_eq!(refusal, Refusal::Open { what: "/dev/sda2".to_owned(), program: "qemu (77)".to_owned() });
        std::fs::write(root.path().join("proc/77/fdinfo/5"), "flags:\t02100000\n").expect("write");
        assert_eq!(in_use(&host, &disk, Some("sda")), Ok(()), "who only reads disturbs nobody");
    }
}
