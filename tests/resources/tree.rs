//! Small trees, made by the tests that read them.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;
use shakedown::host::Host;
use shakedown::inventory::{Collected, MachineResources, collect};
use tempfile::TempDir;

use crate::{document, shared};

/// A copied machine in the making.
pub(crate) struct Tree {
    directory: TempDir,
}

impl Tree {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let tree = Tree { directory: shared::temporary() };
        fs::create_dir(tree.root().join("sys")).expect("the mark of a copied machine");
        tree
    }

    /// Its top.
    pub(crate) fn root(&self) -> &Path {
        self.directory.path()
    }

    fn place(&self, path: &str) -> PathBuf {
        let place = self.root().join(path);
        fs::create_dir_all(place.parent().expect("a path in the tree")).expect("a directory in the tree");
        place
    }

    /// Writes a file, with the directories above it.
    pub(crate) fn file(&self, path: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.place(path), content).expect("a file in the tree");
        self
    }

    /// Writes several files below a directory, each as the kernel does with a line feed at its end.
    pub(crate) fn files(&self, directory: &str, files: &[(&str, &str)]) -> &Self {
        for (name, content) in files {
            self.file(&format!("{directory}/{name}"), format!("{content}\n"));
        }
        self
    }

    /// Makes a directory.
    pub(crate) fn directory(&self, path: &str) -> &Self {
        fs::create_dir_all(self.root().join(path)).expect("a directory in the tree");
        self
    }

    /// Makes a link with a target as it stands there, absolute below the top.
    pub(crate) fn link(&self, path: &str, target: &str) -> &Self {
        symlink(target, self.place(path)).expect("a link in the tree");
        self
    }

    /// Removes a file or a directory.
    pub(crate) fn remove(&self, path: &str) -> &Self {
        let place = self.root().join(path);
        let removed = if place.is_dir() { fs::remove_dir_all(place) } else { fs::remove_file(place) };
        removed.expect("it was in the tree");
        self
    }

    /// A PCI function at `/sys/devices/pci0000:00/ADDRESS`, with its link on the bus.
    pub(crate) fn pci_function(&self, address: &str, class: &str, vendor: &str, product: &str) -> &Self {
        let place = format!("sys/devices/pci0000:00/{address}");
        self.files(&place, &[("class", class), ("vendor", vendor), ("device", product), ("numa_node", "0")]);
        self.link(&format!("{place}/subsystem"), "/sys/bus/pci");
        self.link(&format!("sys/bus/pci/devices/{address}"), &format!("/{place}"))
    }

    /// A disk at `/sys/devices/NAME`, with a device below a subsystem; without one the device belongs to none.
    pub(crate) fn disk(&self, name: &str, number: &str, subsystem: Option<&str>) -> &Self {
        let place = format!("sys/devices/disks/{name}");
        let files =
            [("dev", number), ("size", "976773168"), ("ro", "0"), ("removable", "0"), ("queue/rotational", "0")];
        self.files(&place, &files);
        self.files(&format!("{place}/device"), &[("model", "MODEL"), ("numa_node", "0")]);
        if let Some(subsystem) = subsystem {
            self.link(&format!("{place}/device/subsystem"), &format!("/sys/bus/{subsystem}"));
        }
        self.link(&format!("sys/class/block/{name}"), &format!("/{place}"))
    }

    /// A partition of a disk.
    pub(crate) fn partition(&self, disk: &str, name: &str, number: &str) -> &Self {
        let place = format!("sys/devices/disks/{disk}/{name}");
        self.files(&place, &[("dev", number), ("size", "2048"), ("ro", "0"), ("partition", "1")]);
        self.link(&format!("sys/class/block/{name}"), &format!("/{place}"))
    }

    /// A USB device, with a name such as `1-3`.
    pub(crate) fn usb_device(&self, name: &str, files: &[(&str, &str)]) -> &Self {
        let place = format!("sys/devices/pci0000:00/usb1/{name}");
        self.files(&place, &[("busnum", "1"), ("devnum", "4"), ("idVendor", "0781"), ("idProduct", "5581")]);
        self.files(&place, files);
        self.link(&format!("sys/bus/usb/devices/{name}"), &format!("/{place}"))
    }

    /// A thread of a processor.
    pub(crate) fn thread(&self, number: u32, package: &str, die: &str, core: &str) -> &Self {
        let place = format!("sys/devices/system/cpu/cpu{number}/topology");
        self.files(&place, &[("physical_package_id", package), ("die_id", die), ("core_id", core)])
    }

    /// What is found out.
    pub(crate) fn collect(&self) -> Collected<MachineResources> {
        collect(&Host::at(self.root()))
    }

    /// What is printed, and what is not known: one line for each gap.
    pub(crate) fn told(&self) -> (Value, Vec<String>) {
        let collected = self.collect();
        (document::printed(&collected), collected.gaps.iter().map(ToString::to_string).collect())
    }
}
