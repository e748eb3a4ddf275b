//! A machine without credentials, and the regions that it meets.

use std::fs;
use std::path::{Path, PathBuf};

use shakedown::sandbox::{Acquaintance, NodeStatus, Options, Sandbox};
use shakedown::script::Status;
use tempfile::TempDir;

use crate::support::program::{Finished, Program};
use crate::support::{plain, region, script, table};

/// What the region's built-in scripts are called, in the order in which they run: two alone, then one beside others.
pub(crate) const FIRST: &str = "20-maas-01-first";
pub(crate) const SECOND: &str = "30-maas-02-second";
pub(crate) const BESIDE: &str = "maas-beside";

/// A machine's files: its tree, its state directory, the storage directory of its runs.
pub(crate) struct Machine {
    home: TempDir,
}

impl Machine {
    /// With so many network interfaces, and virtual ones besides.
    pub(crate) fn new(interfaces: usize) -> Machine {
        let machine = Machine { home: tempfile::tempdir().expect("a temporary directory") };
        for number in 1..=interfaces {
            machine.write(&format!("root/sys/class/net/eno{number}/address"), &format!("{}\n", mac(number)));
            machine.write(&format!("root/sys/class/net/eno{number}/device/vendor"), "0x8086\n");
        }
        machine.write("root/sys/class/net/docker0/address", "02:42:ac:11:00:02\n");
        machine.write("root/sys/class/net/usb0/address", "02:00:00:00:00:02\n");
        machine.write("root/sys/class/net/usb0/device/vendor", "0x0000\n");
        machine.write("root/proc/sys/kernel/hostname", "new-machine\n");
        machine.reboot(1);
        machine
    }

    /// What tells one boot from another becomes another.
    pub(crate) fn reboot(&self, boot: u32) {
        self.write("root/proc/sys/kernel/random/boot_id", &format!("boot-{boot}\n"));
    }

    /// A file of this machine.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it has a parent")).expect("directories");
        fs::write(path, text).expect("room for a small file");
    }

    /// What was written to a file; nothing if it is not there.
    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Where credentials are kept until enlisting is over.
    pub(crate) fn credentials(&self) -> PathBuf {
        self.path("state/enlisted.yaml")
    }

    /// `shakedown run` with nothing but the region's address.
    pub(crate) fn run(&self, url: &str) -> Program {
        self.options(Program::new("run")).args(["--url", url]).arg(self.path("storage"))
    }

    /// `shakedown deliver` with nothing but the region's address.
    pub(crate) fn deliver(&self, url: &str) -> Program {
        let program = Program::new("deliver").env("SHAKEDOWN_TEST_ROOT", self.path("root"));
        program.arg("--state-dir").arg(self.path("state")).args(["--url", url, "-vv"])
    }

    /// What every call has to be told to be this machine.
    pub(crate) fn options(&self, program: Program) -> Program {
        let program = program.env("SHAKEDOWN_TEST_ROOT", self.path("root")).arg("--state-dir").arg(self.path("state"));
        program.args(["--retry-wait", "0.01", "-vv"])
    }

    /// A script that leaves a line in a file of this machine each time it runs, and prints a word.
    pub(crate) fn counted(&self, name: &str, body: &str) -> String {
        format!("echo {name} >> '{}'\necho 'output of {name}'\n{body}", self.path("ran").display())
    }

    /// How often a script ran.
    pub(crate) fn ran(&self, name: &str) -> usize {
        self.text("ran").lines().filter(|line| *line == name).count()
    }

    /// Whether the agent has what a script printed.
    pub(crate) fn captured(&self, name: &str) -> bool {
        let mut folders = vec![self.path("storage")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if fs::read(&path).is_ok_and(|text| text.starts_with(format!("output of {name}\n").as_bytes())) {
                    return true;
                }
            }
        }
        false
    }

    /// A line of shell that waits until a file of this machine is there.
    pub(crate) fn wait_for(&self, name: &str) -> String {
        format!("while [ ! -e '{}' ]; do sleep 0.02; done", self.path(name).display())
    }

    /// The three scripts, of which two have something to do.
    pub(crate) fn scripts(&self, first: &str, second: &str) -> Vec<(String, String)> {
        let beside = script("parallel: any", &self.counted(BESIDE, ""));
        vec![
            (format!("commissioning/{FIRST}"), plain(&self.counted(FIRST, first))),
            (format!("commissioning/{SECOND}"), plain(&self.counted(SECOND, second))),
            (format!("commissioning/{BESIDE}"), beside),
        ]
    }

    /// A region that does not know this machine, with the three scripts.
    pub(crate) async fn region(&self, first: &str, second: &str) -> Sandbox {
        region(&self.scripts(first, second), stranger).await
    }

    /// Everything about this machine that is not a secret of its owner: every file below its home, as text.
    pub(crate) fn everything(&self) -> Vec<(PathBuf, String)> {
        let mut found = Vec::new();
        let mut folders = vec![self.home.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.is_file() {
                    let text = String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned();
                    found.push((path, text));
                }
            }
        }
        found
    }
}

/// The address of an interface.
pub(crate) fn mac(number: usize) -> String {
    format!("52:54:00:aa:86:{number:02x}")
}

/// The region does not know the machine.
pub(crate) fn stranger(options: &mut Options) {
    options.acquaintance = Acquaintance::Stranger;
}

/// How often somebody asked for a page with a method, whatever came of it.
pub(crate) fn asked(region: &Sandbox, method: &str, page: &str) -> usize {
    let is_it = |request: &&serde_json::Value| {
        request["method"] == method && request["path"].as_str().is_some_and(|path| path.contains(page))
    };
    region.requests().iter().filter(is_it).count()
}

/// The machine has enlisted: it is New and the only one, every script passed, and nothing is kept any longer.
pub(crate) fn assert_enlisted(machine: &Machine, region: &Sandbox, finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{} {}", finished.stdout, finished.stderr);
    assert_eq!((region.node_status(), region.machines()), (NodeStatus::New, 1), "{}", finished.stderr);
    let passed = (Status::Passed, Some(0));
    assert!(table(region).values().all(|row| *row == passed), "{:?}", table(region));
    let said = format!("the region calls it {}", region.system_id());
    assert!(finished.stdout.contains(&said), "{}", finished.stdout);
    assert!(!exists(&machine.credentials()), "the credentials are not needed any longer");
}

pub(crate) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
