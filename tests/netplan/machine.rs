//! A machine whose network is a folder of files, and fake programs that change it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shakedown::event::EventQuery;
use shakedown::journal::Store;
use shakedown::sandbox::{Device, NodeStatus, Sandbox};
use tempfile::TempDir;

use crate::support::program::{Program, Running};
use crate::support::{LIMIT, Node, region, script, until};

/// What the machine's own networking is, and what the region gives.
const OWN: &str = "network: {version: 2, ethernets: {eth0: {dhcp4: true}}}\n# eth0 192.0.2.1\n# bond0 192.0.2.2\n";
pub(crate) const GIVEN: &str = "network: {version: 2, ethernets: {nic: {match: {macaddress: '52:54:00:00:00:01'}, \
    set-name: lan0, dhcp4: true}}}\n# eth0 198.51.100.1\n# eth1 198.51.100.2\n# vlan7 198.51.100.7\n";
const HEADER: &str = "script_type: testing\nhardware_type: network\napply_configured_networking: true\n";

/// A script for the network that tells what it sees of it.
pub(crate) fn networking(more: &str, body: &str) -> (String, String) {
    let see = "cd \"$MACHINE\"; (cd tree/etc/netplan; echo *); (cd addresses; for link in *; do echo $link $(cat $link); done)";
    ("testing/net".to_owned(), script(&format!("{HEADER}{more}"), &format!("{see}\n{body}")))
}

/// A region in testing that hands out these scripts, with a configuration or without one.
pub(crate) async fn handing_out(scripts: &[(String, String)], netplan: Option<&str>) -> Sandbox {
    let nic = serde_json::json!({"id": 1, "name": "eth0", "mac_address": "52:54:00:00:00:01", "vendor": null, "product": null});
    let nic: Device = nic.as_object().cloned().expect("an object");
    region(scripts, |options| {
        options.status = NodeStatus::Testing;
        options.netplan = netplan.map(|text| text.as_bytes().to_vec());
        options.interfaces = vec![nic];
    })
    .await
}

/// Files by name: number, mode, content or target.
pub(crate) type Files = BTreeMap<String, (u64, u32, Vec<u8>)>;

pub(crate) struct Machine {
    home: TempDir,
    node: Node,
}

impl Machine {
    pub(crate) fn new(region: &Sandbox) -> Machine {
        let machine = Machine { home: tempfile::tempdir().expect("a temporary directory"), node: Node::of(region) };
        machine.write("tree/etc/netplan/50-cloud-init.yaml", OWN);
        machine.write("tree/etc/netplan/README", "not for netplan\n");
        machine.write("tree/etc/site.yaml", "network: {version: 2}\n");
        symlink("../site.yaml", machine.netplan().join("90-site.yaml")).expect("a link");
        let own = machine.netplan().join("50-cloud-init.yaml");
        fs::set_permissions(own, fs::Permissions::from_mode(0o600)).expect("one's own file");
        for (link, address) in [
            ("lo", "00:00:00:00:00:00"),
            ("eth0", "52:54:00:00:00:01"),
            ("eth1", "52:54:00:00:00:02"),
            ("bond0", "52:54:00:00:00:01"),
            ("sit0", "00:00:00:00"),
        ] {
            machine.write(&format!("tree/sys/class/net/{link}/address"), address);
            machine.write(&format!("tree/sys/class/net/{link}/operstate"), "up");
            machine
                .write(&format!("tree/sys/class/net/{link}/flags"), if link == "eth1" { "0x1002" } else { "0x1003" });
            if link.starts_with("eth") {
                machine.write(&format!("tree/sys/class/net/{link}/device/vendor"), "0x1af4");
            }
        }
        machine.write("networkd", "active\n");
        machine.write("addresses/eth0", "192.0.2.1\n");
        machine.write("addresses/bond0", "192.0.2.2\n");
        machine.write("calls", "");
        let fake = include_str!("programs.sh");
        for program in ["netplan", "ip", "systemctl"] {
            machine.write(&format!("bin/{program}"), fake);
            let path = machine.home.path().join("bin").join(program);
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("one's own file");
        }
        machine
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("directories");
        fs::write(path, text).expect("a small file");
    }

    pub(crate) fn netplan(&self) -> PathBuf {
        self.path("tree/etc/netplan")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// A verb on this machine, with the fake programs.
    pub(crate) fn verb(&self, verb: &str) -> Program {
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        let program = Program::new(verb).arg("--config").arg(self.node.config()).env("PATH", path);
        let program = program.env("MACHINE", self.home.path()).env("SHAKEDOWN_TEST_ROOT", self.path("tree"));
        program.env("SHAKEDOWN_STATE_DIR", self.state())
    }

    pub(crate) fn run(&self) -> Program {
        self.verb("run").args(["--networking-wait", "20", "--farewell", "50"]).arg(self.node.storage())
    }

    pub(crate) fn output(&self, region: &Sandbox) -> String {
        String::from_utf8(self.node.output(&crate::support::row(region, "net"), "")).expect("UTF-8")
    }

    pub(crate) fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("calls")).expect("the list of calls");
        text.lines().map(str::to_owned).collect()
    }

    pub(crate) fn count(&self, call: &str) -> usize {
        self.calls().iter().filter(|line| *line == call).count()
    }

    /// All of `/etc/netplan`, and which addresses the interfaces have. The agent may be changing them meanwhile: what goes while this
    /// looks is left out.
    pub(crate) fn network(&self) -> (Files, BTreeMap<String, String>) {
        let files = fs::read_dir(self.netplan()).expect("a directory").flatten().filter_map(|entry| {
            let meta = entry.path().symlink_metadata().ok()?;
            let target = fs::read_link(entry.path()).map(|path| path.into_os_string().into_encoded_bytes());
            let content = target.or_else(|_| fs::read(entry.path())).unwrap_or_default();
            Some((entry.file_name().into_string().expect("UTF-8"), (meta.ino(), meta.mode(), content)))
        });
        let links = fs::read_dir(self.path("addresses")).expect("a directory").flatten().filter_map(|entry| {
            let address = fs::read_to_string(entry.path()).ok()?;
            Some((entry.file_name().into_string().expect("UTF-8"), address.trim().to_owned()))
        });
        (files.collect(), links.collect())
    }

    /// Lets the call with that number wait, and what follows be done meanwhile.
    pub(crate) fn hold(&self, number: usize) {
        self.write("hold", &number.to_string());
    }

    pub(crate) async fn held(&self) {
        until("a program waits", || self.path("held").exists()).await;
    }

    pub(crate) fn release(&self) {
        let _ = fs::remove_file(self.path("hold"));
        let _ = fs::remove_file(self.path("held"));
    }

    /// Kills the agent, and the program that waits, as a loss of power does.
    pub(crate) async fn kill(&self, agent: Running) {
        agent.signal(Signal::SIGKILL);
        agent.finish(LIMIT).await;
        if let Ok(held) = fs::read_to_string(self.path("held")) {
            let waiting = held.trim().parse().expect("a number");
            kill(Pid::from_raw(waiting), Signal::SIGKILL).expect("it waits");
        }
        self.release();
    }

    /// What the journal holds, newest first.
    pub(crate) fn log(&self, level: &str) -> Vec<String> {
        let store = Store::read(&self.state()).expect("a journal");
        let query = EventQuery::parse(&[("level".to_owned(), level.to_owned())]).expect("a query");
        store.events(&query).expect("events").into_iter().map(|event| event.description).collect()
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    pub(crate) fn bin(&self, name: &str) -> PathBuf {
        Path::new(&self.path("bin")).join(name)
    }
}
