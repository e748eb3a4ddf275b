//! Block devices by the identities that a region knows them by.

use super::udev::decode;
use super::{Host, Origin, Record};

/// A whole disk, as far as finding it again needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Kernel name, for example `sda`.
    pub name: String,
    /// Every spelling of the model that the region may have stored: udev's `ID_MODEL`, the decoded `ID_MODEL_ENC`, sysfs.
    pub models: Vec<String>,
    /// Every serial number that the region may have stored.
    pub serials: Vec<String>,
    /// Links below `/dev/disk`.
    pub links: Vec<String>,
    /// Size in bytes (`/sys/block/NAME/size`, which counts 512-byte sectors).
    pub size: u64,
}

impl Disk {
    /// The device node.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/dev/{}", self.name)
    }

    fn read(host: &Host, name: &str) -> Self {
        let sys = format!("/sys/block/{name}");
        let record = host.text(format!("{sys}/dev")).map_or_else(Record::default, |number| host.udev_block(&number));
        let models = [
            record.get("ID_MODEL").map(str::to_owned),
            record.get("ID_MODEL_ENC").and_then(decode),
            host.text(format!("{sys}/device/model")),
        ];
        let serials = [
            record.get("ID_SERIAL_SHORT").map(str::to_owned),
            record.get("ID_SERIAL").map(str::to_owned),
            record.get("ID_SCSI_SERIAL").map(str::to_owned),
            host.text(format!("{sys}/device/serial")),
            host.text(format!("{sys}/serial")),
        ];
        Disk {
            name: name.to_owned(),
            models: distinct(models),
            serials: distinct(serials),
            links: record.links().to_vec(),
            size: host.text(format!("{sys}/size")).and_then(|size| size.parse::<u64>().ok()).unwrap_or(0) * 512,
        }
    }
}

fn distinct<const N: usize>(values: [Option<String>; N]) -> Vec<String> {
    let mut found = Vec::new();
    for value in values.into_iter().flatten() {
        if !value.is_empty() && !found.contains(&value) {
            found.push(value);
        }
    }
    found
}

impl Host {
    /// The disks of `/sys/block`: nothing that software made, no floppies, no optical drives, no empty readers, none of the paths (`nvme0c0n1`) that make up an NVMe disk and have its model and number, but no device node (`/sys/block/NAME/hidden`).
    #[must_use]
    pub fn disks(&self) -> Vec<Disk> {
        const READERS: [&str; 2] = ["fd", "sr"];
        self.list("/sys/block")
            .iter()
            .filter(|name| !READERS.iter().any(|prefix| name.starts_with(prefix)))
            .filter(|name| self.origin_of_disk(name) != Origin::Software)
            .filter(|name| self.text(format!("/sys/block/{name}/hidden")).as_deref() != Some("1"))
            .map(|name| Disk::read(self, name))
            .filter(|disk| disk.size > 0)
            .collect()
    }

    /// Follows an `id_path` such as `/dev/disk/by-id/…` to the kernel name of its device.
    #[must_use]
    pub fn resolve_device(&self, id_path: &str) -> Option<String> {
        Some(self.real(id_path)?.file_name()?.to_string_lossy().into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_disk_is_known_by_every_spelling_of_its_identity() {
        let root = tempfile::tempdir().expect("temporary directory");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("parent")).expect("directories");
            fs::write(path, text).expect("write");
        };
        write("sys/block/sda/dev", "8:0\n");
        write("sys/block/sda/size", "2048\n");
        write("sys/block/sda/device/model", "MODEL  A \n");
        write("run/udev/data/b8:0", "E:ID_MODEL=MODEL_A\nE:ID_MODEL_ENC=MODEL\\x20A\nE:ID_SERIAL_SHORT=S1\n");
        write("sys/block/loop0/size", "2048\n");
        write("sys/block/sdb/size", "0\n");
        let disks = Host::at(root.path()).disks();
        assert_eq!(disks.len(), 1, "{disks:?}");
        assert_eq!(disks[0].models, ["MODEL_A", "MODEL A", "MODEL  A"]);
        assert_eq!(disks[0].serials, ["S1"]);
        assert_eq!(disks[0].size, 1 << 20);
    }
    #[test]
    fn an_nvme_disk_is_the_one_that_has_a_device_node_and_none_of_its_paths() {
        let root = tempfile::tempdir().expect("temporary directory");
        for (name, hidden) in [("nvme0c0n1", "1\n"), ("nvme0n1", "0\n")] {
            let place = root.path().join("sys/block").join(name);
            fs::create_dir_all(&place).expect("directories");
            fs::write(place.join("size"), "2048\n").expect("write");
            fs::write(place.join("hidden"), hidden).expect("write");
        }
        let names: Vec<String> = Host::at(root.path()).disks().into_iter().map(|disk| disk.name).collect();
        assert_eq!(names, ["nvme0n1"]);
    }
}
