//! Contents of a disk before its erasure: partition tables, file systems, members of arrays and pools.

use crate::host::Host;

/// Something that a disk or a partition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// The disk or partition.
    pub(super) place: String,
    /// As people and udev call it: `ext4`, `LVM2_member`.
    pub(super) kind: String,
}

/// Whose data may lie on several disks, so that erasing one destroys what is on others.
const MEMBERS: [&str; 10] = [
    "linux_raid_member",
    "isw_raid_member",
    "ddf_raid_member",
    "LVM2_member",
    "zfs_member",
    "bcache",
    "ceph_bluestore",
    "drbd",
    "VMFS_volume_member",
    "mpath_member",
];

impl Content {
    /// True if the content is a member of an array, volume group or pool.
    pub(super) fn is_member(&self) -> bool {
        MEMBERS.contains(&self.kind.as_str())
    }
}

/// Marks of formats: byte from the start, mark, kind. Sources: include/uapi and the superblocks of each format in the kernel's source.
const MARKS: [(u64, &[u8], &str); 14] = [
    (512, b"EFI PART", "gpt"),
    (4096, b"EFI PART", "gpt"),
    (0x438, b"\x53\xef", "ext2, ext3 or ext4"),
    (0, b"XFSB", "xfs"),
    (0x1_0040, b"_BHRfS_M", "btrfs"),
    (0, b"LUKS\xba\xbe", "crypto_LUKS"),
    (4086, b"SWAPSPACE2", "swap"),
    (3, b"NTFS    ", "ntfs"),
    (54, b"FAT1", "vfat"),
    (82, b"FAT32", "vfat"),
    (0, b"\xfc\x4e\x2b\xa9", "linux_raid_member"),
    (4096, b"\xfc\x4e\x2b\xa9", "linux_raid_member"),
    (4096 + 24, b"\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81", "bcache"),
    (0, b"bluestore block device", "ceph_bluestore"),
];
/// LVM may write its label to any of the first four sectors.
const LVM: &[u8] = b"LABELONE";
/// ZFS keeps 128 records from 128 KiB on; the first word of each that is used, in either order of bytes.
const ZFS: [u64; 2] = [0x00ba_b10c, 0x0cb1_ba00_0000_0000];
/// Bytes of the start that are looked at.
pub(super) const HEAD: usize = 256 << 10;
/// Bytes of the end: version 1.0 of RAID superblocks lies 8 KiB before it, 0.90 64 KiB at most, the second table of GPT in the last block.
pub(super) const TAIL: usize = 256 << 10;

/// Returns the formats whose marks stand in the first and the last bytes of a disk or partition.
pub(super) fn kinds(head: &[u8], tail: &[u8]) -> Vec<&'static str> {
    let has = |at: u64, mark: &[u8]| {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        head.get(at..).is_some_and(|rest| rest.starts_with(mark))
    };
    let mut found: Vec<&'static str> =
        MARKS.iter().filter(|(at, mark, _)| has(*at, mark)).map(|(.., kind)| *kind).collect();
    if (0..4).any(|sector| has(sector * 512, LVM)) {
        found.push("LVM2_member");
    }
    let word = |bytes: &[u8]| bytes.iter().take(8).rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let records = head.get(128 << 10..).unwrap_or_default();
    if records.chunks_exact(1024).any(|record| ZFS.contains(&word(record))) {
        found.push("zfs_member");
    }
    let raid = |back: usize| {
        let at = tail.len().checked_sub(back).map(|at| at / 4096 * 4096);
        at.and_then(|at| tail.get(at..)).is_some_and(|rest| rest.starts_with(b"\xfc\x4e\x2b\xa9"))
    };
    // Version 0.90 begins at a multiple of 64 KiB.
    if raid(8 << 10) || (64 << 10..=128 << 10).step_by(4096).any(raid) {
        found.push("linux_raid_member");
    }
    if tail.len() >= 4096 && [512, 4096].iter().any(|back| tail[tail.len() - back..].starts_with(b"EFI PART")) {
        found.push("gpt");
    }
    // The mark of a partition table is the mark of many a file system's first sector, too.
    if found.is_empty() && has(510, b"\x55\xaa") {
        found.push("dos");
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Names of a disk's partitions.
pub(super) fn partitions(host: &Host, name: &str) -> Vec<String> {
    let directory = format!("/sys/class/block/{name}");
    let is_partition = |part: &String| host.exists(format!("{directory}/{part}/partition"));
    host.list(&directory).into_iter().filter(is_partition).collect()
}

/// Returns the contents that udev has recognised on a disk and its partitions.
pub(super) fn told(host: &Host, name: &str) -> Vec<Content> {
    let mut found = Vec::new();
    for place in std::iter::once(name.to_owned()).chain(partitions(host, name)) {
        let Some(number) = host.text(format!("/sys/class/block/{place}/dev")) else { continue };
        let record = host.udev_block(&number);
        for key in ["ID_PART_TABLE_TYPE", "ID_FS_TYPE"] {
            // A partition's record also says in which table it stands.
            if let Some(kind) =
                record.get(key).filter(|kind| !kind.is_empty() && (place == name || key == "ID_FS_TYPE"))
            {
                found.push(Content { place: place.clone(), kind: kind.to_owned() });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;

    fn with(at: usize, mark: &[u8]) -> Vec<&'static str> {
        let mut head = vec![0; HEAD];
        head[at..at + mark.len()].copy_from_slice(mark);
        kinds(&head, &vec![0; TAIL])
    }

    #[test]
    fn formats_are_known_by_their_marks() {
        assert_eq!(with(0, b""), [""; 0]);
        assert_eq!(with(510, b"\x55\xaa"), ["dos"]);
        assert_eq!(with(512, b"EFI PART"), ["gpt"]);
        assert_eq!(with(0x438, b"\x53\xef"), ["ext2, ext3 or ext4"]);
        assert_eq!(with(512, b"LABELONE"), ["LVM2_member"]);
        assert_eq!(with((128 << 10) + 1024, &0x00ba_b10c_u64.to_le_bytes()), ["zfs_member"]);
        for back in [8 << 10, 64 << 10, 128 << 10] {
            let mut tail = vec![0; TAIL];
            tail[TAIL - back..TAIL - back + 4].copy_from_slice(b"\xfc\x4e\x2b\xa9");
            assert_eq!(kinds(&[0; 4096], &tail), ["linux_raid_member"], "{back}");
        }
        assert_eq!(kinds(&[], &[]), [""; 0], "a disk of no size");
    }

    #[test]
    fn udev_tells_of_partitions_too() {
        let (_root, host) = machine_of(&[
            ("sys/class/block/sda/dev", "8:0\n"),
            ("sys/class/block/sda/sda1/partition", "1\n"),
            ("sys/class/block/sda1/dev", "8:1\n"),
            ("run/udev/data/b8:0", "E:ID_PART_TABLE_TYPE=gpt\n"),
            ("run/udev/data/b8:1", "E:ID_PART_TABLE_TYPE=gpt\nE:ID_FS_TYPE=LVM2_member\n"),
        ]);
        let found = told(&host, "sda");
        let words: Vec<_> = found.iter().map(|one| (one.place.as_str(), one.kind.as_str(), one.is_member())).collect();
        assert_eq!(words, [("sda", "gpt", false), ("sda1", "LVM2_member", true)]);
    }
}
