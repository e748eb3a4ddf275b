//! Properties of a disk that the kernel knows without reading it.

use crate::host::Host;

/// The kind of a disk, by what it may take for a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    /// Platters.
    Rotating,
    /// Flash, or what looks like it.
    SolidState,
}

/// Properties of a disk that reading depends on (`/sys/block/NAME/queue`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    /// Platters or flash.
    pub(super) medium: Medium,
    /// Bytes of a block that the drive takes.
    pub(super) logical_block: u64,
    /// Bytes of a block that the drive has.
    pub(super) physical_block: u64,
    /// An NVMe namespace: such a drive says `ENODATA` for more than an unreadable medium.
    pub(super) is_nvme: bool,
    /// Zones that can only be read up to where they were written.
    pub(super) is_host_managed: bool,
    /// Made by a hypervisor, or behind one: rates are those of hardware that others share.
    pub(super) is_virtual: bool,
}

impl Default for Geometry {
    fn default() -> Self {
        Geometry {
            medium: Medium::SolidState,
            logical_block: 512,
            physical_block: 4096,
            is_nvme: false,
            is_host_managed: false,
            is_virtual: false,
        }
    }
}

impl Geometry {
    /// Of the disk with this kernel name.
    #[must_use]
    pub(super) fn of(host: &Host, name: &str) -> Self {
        let queue = |key: &str| host.text(format!("/sys/class/block/{name}/queue/{key}"));
        let block = |key: &str| queue(key).and_then(|text| text.parse::<u64>().ok()).filter(|bytes| *bytes >= 512);
        let logical_block = block("logical_block_size").unwrap_or(512);
        let model = host.text(format!("/sys/class/block/{name}/device/model")).unwrap_or_default();
        let is_emulated = ["QEMU", "VBOX", "Virtual", "VMware"].iter().any(|word| model.contains(word));
        let is_guest = host.text("/proc/cpuinfo").is_some_and(|text| {
            text.lines().any(|line| line.starts_with("flags") && line.split(' ').any(|flag| flag == "hypervisor"))
        });
        Geometry {
            medium: if queue("rotational").as_deref() == Some("1") { Medium::Rotating } else { Medium::SolidState },
            logical_block,
            physical_block: block("physical_block_size").unwrap_or(logical_block).max(logical_block),
            is_nvme: name.starts_with("nvme"),
            is_host_managed: queue("zoned").as_deref() == Some("host-managed"),
            is_virtual: is_guest || is_emulated || ["vd", "xvd"].iter().any(|prefix| name.starts_with(prefix)),
        }
    }
}

/// Sectors of 512 bytes that all programs together read from and wrote to a disk since its start (`/sys/block/NAME/stat`, fields 3
/// and 7).
#[must_use]
pub(super) fn sectors_moved(host: &Host, name: &str) -> Option<(u64, u64)> {
    let text = host.text(format!("/sys/class/block/{name}/stat"))?;
    let fields: Vec<u64> = text.split_ascii_whitespace().map_while(|field| field.parse().ok()).collect();
    Some((*fields.get(2)?, *fields.get(6)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;

    #[test]
    fn the_kernels_attributes_say_what_kind_of_disk_it_is() {
        let (_root, host) = machine_of(&[
            ("sys/class/block/sda/queue/rotational", "1\n"),
            ("sys/class/block/sda/queue/logical_block_size", "512\n"),
            ("sys/class/block/sda/queue/physical_block_size", "4096\n"),
            ("sys/class/block/sda/queue/zoned", "host-managed\n"),
            ("sys/class/block/sda/device/model", "ST20000NM\n"),
            ("sys/class/block/sda/stat", "     100        0     8000   1   5  0  160  2 0 3 4\n"),
            ("sys/class/block/nvme0n1/queue/rotational", "0\n"),
            ("sys/class/block/nvme0n1/queue/logical_block_size", "4096\n"),
        ]);
        let disk = Geometry::of(&host, "sda");
        assert_eq!((disk.medium, disk.logical_block, disk.physical_block), (Medium::Rotating, 512, 4096));
        assert!(disk.is_host_managed && !disk.is_nvme && !disk.is_virtual);
        assert_eq!(sectors_moved(&host, "sda"), Some((8000, 160)));
        let drive = Geometry::of(&host, "nvme0n1");
        assert_eq!((drive.medium, drive.physical_block, drive.is_nvme), (Medium::SolidState, 4096, true));
        assert_eq!(sectors_moved(&host, "nvme0n1"), None);
        assert!(Geometry::of(&host, "vda").is_virtual);
        let (_guest, host) = machine_of(&[("proc/cpuinfo", "processor : 0\nflags\t\t: fpu hypervisor sse\n")]);
        assert!(Geometry::of(&host, "sda").is_virtual, "rates of a disk that is handed through depend on others, too");
    }
}
