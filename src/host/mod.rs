//! The machine underneath: files below a root, its disks, its network interfaces, its udev records, its kernel's answers and news, its
//! service manager.
//!
//! Knows nothing of a region. Everything is read below a root, so that a copied tree reads like a live machine.

mod disk;
mod interface;
mod ioctl;
mod ipmi;
mod kernel_log;
mod link;
mod load;
mod near;
mod news;
mod notes;
mod origin;
mod resolve;
mod sampler;
mod service;
mod tree;
mod udev;
mod uevent;
mod uname;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub use disk::Disk;
pub use interface::{HardwareAddress, Interface, InterfaceAddress};
pub use ioctl::LinkSettings;
#[doc(hidden)]
pub use ipmi::ipmi_answers;
pub use ipmi::{BmcDevice, BmcLan, BmcLog};
pub use kernel_log::KernelLog;
pub use load::{Load, LoadSample, LoadSpan, MOST_SAMPLES};
pub use near::Inside;
pub use news::News;
pub use notes::{Answer, Notes, Recorder, Seen};
pub use origin::{Origin, is_representor};
pub use sampler::{OwnTime, Sampler, USER_HZ};
pub use service::Service;
pub use udev::{Record, decode as decode_udev};
pub use uevent::{Hardware, Uevent};
pub use uname::Uname;

/// A machine, live or copied.
#[derive(Clone, Debug)]
pub struct Host {
    root: PathBuf,
    is_live: bool,
    /// The top of a copied tree, opened when it is first wanted.
    top: Arc<OnceLock<tree::Root>>,
    /// What a copied machine's kernel once answered.
    notes: Option<Arc<Notes>>,
    /// Takes down what is read.
    recorder: Option<Arc<Recorder>>,
    near: near::Near,
}

impl Default for Host {
    fn default() -> Self {
        Host::live()
    }
}

impl Host {
    /// This machine.
    #[must_use]
    pub fn live() -> Self {
        Host::at("/")
    }

    /// A copy of a machine's `/sys`, `/proc`, `/run/udev` … below a directory.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        let is_live = root == Path::new("/");
        Host { root, is_live, top: Arc::default(), notes: None, recorder: None, near: near::Near::default() }
    }

    /// Whether it is this machine, whose kernel can be asked, and not a copy.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.is_live
    }

    /// The place of an absolute path below the root.
    #[must_use]
    pub fn path(&self, absolute: impl AsRef<Path>) -> PathBuf {
        let absolute = absolute.as_ref();
        self.root.join(absolute.strip_prefix("/").unwrap_or(absolute))
    }

    /// A small text file, trimmed; `None` when it is absent, unreadable or empty, as sysfs attributes often are.
    #[must_use]
    pub fn text(&self, absolute: impl AsRef<Path>) -> Option<String> {
        let bytes = self.read(absolute).ok()?;
        let text = String::from_utf8_lossy(&bytes).trim_matches(|c: char| c.is_whitespace() || c == '\0').to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// The names in a directory, sorted; empty when it is absent.
    #[must_use]
    pub fn list(&self, absolute: impl AsRef<Path>) -> Vec<String> {
        self.names(absolute).unwrap_or_default()
    }

    /// Whether a path exists below the root.
    #[must_use]
    pub fn exists(&self, absolute: impl AsRef<Path>) -> bool {
        self.real(absolute).is_some()
    }

    /// The machine's host name, from `/proc/sys/kernel/hostname`.
    #[must_use]
    pub fn hostname(&self) -> String {
        self.text("/proc/sys/kernel/hostname").unwrap_or_else(|| "unknown".to_owned())
    }
}

/// A machine of a few files, for tests; they go with the folder.
#[cfg(test)]
pub(crate) fn machine_of(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
    let root = tempfile::tempdir().expect("temporary directory");
    for (path, text) in files {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("directories");
        std::fs::write(path, text).expect("write");
    }
    let host = Host::at(root.path());
    (root, host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_path_stays_below_the_root() {
        let host = Host::at("/some/tree");
        assert_eq!(host.path("/sys/block"), Path::new("/some/tree/sys/block"));
    }

    #[test]
    fn absent_and_empty_files_are_none() {
        let root = tempfile::tempdir().expect("temporary directory");
        std::fs::write(root.path().join("empty"), "\n").expect("write");
        let host = Host::at(root.path());
        assert_eq!(host.text("/empty"), None);
        assert_eq!(host.text("/absent"), None);
        assert!(host.list("/absent").is_empty());
    }
}
