//! Small Debian packages, and a root of the test's own in which the machine's apt and dpkg install them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::support::{left_out, program::Program};

/// Whether this machine has apt and dpkg; if not, the test says that it was left out.
pub(crate) fn is_here() -> bool {
    let here = ["apt-get", "dpkg", "dpkg-deb"]
        .iter()
        .all(|tool| Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success()));
    if !here {
        left_out::say("software from packages: this machine has no apt-get, dpkg and dpkg-deb");
    }
    here
}

/// A package that is to be built.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// More lines of its description, as `Depends: x`.
    pub(crate) more: &'static str,
    /// `/etc/NAME.conf`, if it has one.
    pub(crate) config: Option<&'static str>,
}

impl Package {
    pub(crate) fn new(name: &'static str, version: &'static str, more: &'static str) -> Package {
        Package { name, version, more, config: None }
    }

    pub(crate) fn file_name(&self) -> String {
        format!("{}_{}_all.deb", self.name, self.version)
    }

    fn control(&self) -> String {
        let more = if self.more.is_empty() { String::new() } else { format!("{}\n", self.more) };
        format!(
            "Package: {}\nVersion: {}\nArchitecture: all\nMaintainer: A Test <test@localhost>\n{more}Description: a test\n",
            self.name, self.version
        )
    }

    /// Builds it. It holds one file, `/usr/share/NAME`, with its version.
    pub(crate) fn build(&self) -> Vec<u8> {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = |name: &str| place.path().join(name);
        fs::create_dir_all(path("tree/DEBIAN")).expect("room");
        fs::create_dir_all(path("tree/usr/share")).expect("room");
        fs::write(path("tree/DEBIAN/control"), self.control()).expect("room");
        fs::write(path("tree/usr/share").join(self.name), self.version).expect("room");
        if let Some(config) = self.config {
            fs::create_dir_all(path("tree/etc")).expect("room");
            fs::write(path("tree/etc").join(format!("{}.conf", self.name)), config).expect("room");
            fs::write(path("tree/DEBIAN/conffiles"), format!("/etc/{}.conf\n", self.name)).expect("room");
        }
        let mut command = Command::new("dpkg-deb");
        command.args(["--root-owner-group", "-Zgzip", "-b"]).arg(path("tree")).arg(path("x.deb"));
        let built = command.env_remove("DPKG_ROOT").output().expect("dpkg-deb runs");
        assert!(built.status.success(), "{built:?}");
        fs::read(path("x.deb")).expect("it is built")
    }

    /// What an archive's list says of it.
    pub(crate) fn listed(&self, deb: &[u8]) -> String {
        let sum: String = Sha256::digest(deb).iter().map(|byte| format!("{byte:02x}")).collect();
        let file = self.file_name();
        format!("{}Filename: ./{file}\nSize: {}\nSHA256: {sum}\n\n", self.control(), deb.len())
    }
}

/// The root. Nothing of this machine is read or written by what runs in it, but for its programs.
pub(crate) struct Root(TempDir);

impl Root {
    /// With a line for `sources.list`.
    pub(crate) fn new(sources: &str) -> Root {
        let root = Root(tempfile::tempdir().expect("a temporary directory"));
        for directory in [
            "etc/apt/sources.list.d",
            "etc/apt/preferences.d",
            "etc/apt/apt.conf.d",
            "etc/apt/trusted.gpg.d",
            "var/lib/apt/lists/partial",
            "var/cache/apt/archives/partial",
            "var/log/apt",
            "var/lib/dpkg/info",
            "var/lib/dpkg/updates",
            "var/lib/dpkg/triggers",
        ] {
            fs::create_dir_all(root.path(directory)).expect("room");
        }
        fs::write(root.path("var/lib/dpkg/status"), "").expect("room");
        fs::write(root.path("etc/apt/sources.list"), sources).expect("room");
        let config = format!(
            "Dir \"{}\";\nDir::Bin::dpkg \"/usr/bin/dpkg\";\nAPT::Sandbox::User \"\";\nAcquire::Languages \"none\";\n",
            root.0.path().display()
        );
        fs::write(root.path("apt.conf"), config).expect("room");
        root
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// The program in whose world this is the root. Who is not root finds a `sudo` that gives nothing.
    pub(crate) fn around(&self, program: Program) -> Program {
        let path = super::fake(&self.path("bin"), "sudo", super::GIVES_NOTHING);
        let program = program.env("APT_CONFIG", self.path("apt.conf")).env("DPKG_ROOT", self.0.path());
        let program = program.env("PATH", path);
        if nix::unistd::geteuid().is_root() { program } else { program.env("DPKG_FORCE", "not-root") }
    }

    /// The version of a package that is installed, by the file that it brought.
    pub(crate) fn version_of(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path("usr/share").join(name)).ok()
    }

    pub(crate) fn write(&self, below: &str, content: &str) {
        let path: &Path = &self.path(below);
        fs::write(path, content).expect("room");
    }
}
