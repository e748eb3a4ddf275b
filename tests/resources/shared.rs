//! The folder with fixtures that are not part of the project.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Once;

use tempfile::TempDir;

/// What is left out where the folder is missing.
const LEFT_OUT: &str = "58 fixture machines against their references, the virtual machine, six /proc/cpuinfo, damage to \
                        own-firecracker-vm, qemu-q35 and synth-server: SHAKEDOWN_SHARED is not set";

/// The folder that `SHAKEDOWN_SHARED` names.
pub(crate) fn folder() -> Option<PathBuf> {
    static SAID: Once = Once::new();
    let folder = std::env::var_os("SHAKEDOWN_SHARED").filter(|folder| !folder.is_empty());
    if folder.is_none() {
        SAID.call_once(|| crate::left_out::say(LEFT_OUT));
    }
    folder.map(PathBuf::from)
}

/// A temporary directory in memory where there is one: trees are thousands of small files, made and removed at once, which some file
/// systems take minutes for.
pub(crate) fn temporary() -> TempDir {
    let in_memory = Path::new("/dev/shm");
    tempfile::tempdir_in(in_memory).or_else(|_| tempfile::tempdir()).expect("a temporary directory")
}

/// A fixture machine, unpacked.
pub(crate) struct Unpacked {
    _directory: TempDir,
    /// The top of its tree.
    pub(crate) root: PathBuf,
}

/// Unpacks a fixture as it is.
pub(crate) fn unpack(shared: &Path, name: &str) -> Unpacked {
    let directory = temporary();
    let archive = shared.join("fixtures/sysfs").join(name).join("tree.tar.xz");
    let file = File::open(&archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
    let mut tar = tar::Archive::new(lzma_rust2::XzReader::new(file, true));
    tar.unpack(directory.path()).unwrap_or_else(|error| panic!("{}: {error:?}", archive.display()));
    let inner = directory.path().join("tree");
    let root = if inner.is_dir() { inner } else { directory.path().to_owned() };
    Unpacked { _directory: directory, root }
}

/// Unpacks a fixture with what its reference had on top of it: names of devices, Ubuntu 24.04, no virtualization unless it says so.
pub(crate) fn unpack_as_referenced(shared: &Path, name: &str) -> Unpacked {
    let unpacked = unpack(shared, name);
    add_names(shared, &unpacked.root);
    add(&unpacked.root, "etc/os-release", b"ID=ubuntu\nVERSION_ID=\"24.04\"\n");
    add(&unpacked.root, "stub/virt", b"none\n");
    unpacked
}

/// Adds the names of devices to a tree that has none.
pub(crate) fn add_names(shared: &Path, root: &Path) {
    for ids in ["pci.ids", "usb.ids"] {
        let content = fs::read(shared.join("tools/ids").join(ids)).expect("the names of devices");
        add(root, &format!("usr/share/misc/{ids}"), &content);
    }
}

fn add(root: &Path, path: &str, content: &[u8]) {
    let path = root.join(path);
    if !path.exists() {
        fs::create_dir_all(path.parent().expect("a path in the tree")).expect("a directory in the tree");
        fs::write(&path, content).expect("a file in the tree");
    }
}

/// The fixtures in the order of their names.
pub(crate) fn fixtures(shared: &Path) -> Vec<String> {
    let folder = shared.join("fixtures/sysfs");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| folder.join(name).join("tree.tar.xz").is_file()).collect();
    names.sort();
    names
}
