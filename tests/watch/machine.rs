//! A deployed machine in a tree, with the service that watches it and a service manager that listens.

use std::fs;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::symlink;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use shakedown::event::{EventQuery, EventRecord};
use shakedown::journal::Store;
use shakedown::sandbox::{NodeStatus, Sandbox};
use tempfile::TempDir;

use crate::support::program::{Program, Running};
use crate::support::{region, script, until};

/// A script that the region asks of a deployed machine.
const INVENTORY: &str = "commissioning/20-maas-03-machine-resources";

/// The region of a deployed machine.
pub(crate) async fn deployed() -> Sandbox {
    let asked = script("name: 20-maas-03-machine-resources\ntags: [deploy-info]\nscript_type: commissioning", "true");
    region(&[(INVENTORY, asked)], |options| options.status = NodeStatus::Deployed).await
}

pub(crate) struct Machine {
    home: TempDir,
    /// The messages that the service manager received.
    heard: Arc<Mutex<Vec<String>>>,
    manager: String,
}

impl Machine {
    pub(crate) fn new(region: &Sandbox) -> Machine {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let home = tempfile::tempdir().expect("a temporary directory");
        fs::write(home.path().join("creds.yml"), region.deployed_config()).expect("a small file");
        let name = format!("shakedown-watch-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let socket = UnixDatagram::bind_addr(&address).expect("a free name");
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let listener = Arc::clone(&heard);
        std::thread::spawn(move || {
            let mut bytes = [0; 512];
            while let Ok(size) = socket.recv(&mut bytes) {
                listener.lock().expect("no panic").push(String::from_utf8_lossy(&bytes[..size]).into_owned());
            }
        });
        let machine = Machine { home, heard, manager: format!("@{name}") };
        machine.plug("sda", "FIRST");
        machine
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Plugs a disk in, without a kernel event.
    pub(crate) fn plug(&self, name: &str, serial: &str) {
        let minor = u32::from(name.as_bytes()[2] - b'a') * 16;
        let place = self.path(&format!("root/sys/devices/disks/{name}"));
        for directory in ["queue", "device"] {
            fs::create_dir_all(place.join(directory)).expect("a directory");
        }
        let files = [
            ("dev", format!("8:{minor}")),
            ("size", "976773168".to_owned()),
            ("removable", "0".to_owned()),
            ("ro", "0".to_owned()),
            ("device/model", "MODEL".to_owned()),
        ];
        for (file, text) in files {
            fs::write(place.join(file), format!("{text}\n")).expect("a file");
        }
        let udev = self.path("root/run/udev/data");
        fs::create_dir_all(&udev).expect("a directory");
        fs::write(udev.join(format!("b8:{minor}")), format!("E:ID_SERIAL_SHORT={serial}\n")).expect("a file");
        let class = self.path("root/sys/class/block");
        fs::create_dir_all(&class).expect("a directory");
        symlink(format!("/sys/devices/disks/{name}"), class.join(name)).expect("a link");
    }

    /// Pulls a disk out, without a kernel event.
    pub(crate) fn unplug(&self, name: &str) {
        fs::remove_file(self.path(&format!("root/sys/class/block/{name}"))).expect("it was there");
        fs::remove_dir_all(self.path(&format!("root/sys/devices/disks/{name}"))).expect("it was there");
    }

    /// Sends a kernel event to the service.
    pub(crate) fn tell(&self, action: &str, path: &str, subsystem: &str) {
        let message = format!("{action}@{path}\0ACTION={action}\0DEVPATH={path}\0SUBSYSTEM={subsystem}\0");
        let socket = UnixDatagram::unbound().expect("a socket");
        socket.send_to(message.as_bytes(), self.path("news")).expect("the service hears");
    }

    /// Sends a kernel event about a disk.
    pub(crate) fn tell_of_disk(&self, action: &str, name: &str) {
        self.tell(action, &format!("/devices/pci0000:00/0000:00:1f.2/ata1/block/{name}"), "block");
    }

    /// The service as systemd starts it.
    pub(crate) fn service(&self) -> Program {
        Program::new("watch")
            .arg("--config")
            .arg(self.path("creds.yml"))
            .arg("--state-dir")
            .arg(self.path("state"))
            .arg("--storage")
            .arg(self.path("storage"))
            .env("NOTIFY_SOCKET", &self.manager)
            .env("WATCHDOG_USEC", "200000")
    }

    /// Starts the service for the tree and waits until it is ready and took its first inventory. The service queries no drives.
    pub(crate) async fn watch(&self, interval: &str) -> Running {
        self.started(self.service().args(["--interval", interval])).await
    }

    /// Starts the service with further options, and with a smartctl in this machine's folder.
    pub(crate) async fn watch_with(&self, interval: &str, words: &[&str], smartctl: &str) -> Running {
        let service = self.service().args(["--interval", interval]).args(words);
        self.started(service.arg("--smartctl").arg(self.path(smartctl))).await
    }

    async fn started(&self, service: Program) -> Running {
        let looks = self.looks();
        let ready = self.count("READY=1");
        let service = service.arg("--root").arg(self.path("root"));
        let running = service.arg("--news").arg(self.path("news")).start();
        until("the service is ready", || self.count("READY=1") > ready).await;
        until("it has looked", || self.looks() > looks).await;
        running
    }

    /// The output of `shakedown sync --dry-run`.
    pub(crate) async fn preview(&self) -> String {
        let program = Program::new("sync").arg("--dry-run").arg("--config").arg(self.path("creds.yml"));
        let program = program.arg("--state-dir").arg(self.path("state"));
        let ended = program.env("SHAKEDOWN_TEST_ROOT", self.path("root")).finish().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    }

    /// The number of inventories that the service completed.
    pub(crate) fn looks(&self) -> usize {
        self.count("STATUS=")
    }

    /// How often the service manager received a message with this beginning.
    pub(crate) fn count(&self, message: &str) -> usize {
        self.heard.lock().expect("no panic").iter().filter(|heard| heard.starts_with(message)).count()
    }

    /// The local event log.
    pub(crate) fn events(&self) -> Vec<EventRecord> {
        self.events_of(&[("level", "AUDIT"), ("limit", "1000")])
    }

    /// The events of the local log that match a query.
    pub(crate) fn events_of(&self, pairs: &[(&str, &str)]) -> Vec<EventRecord> {
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let query = EventQuery::parse(&pairs).expect("a query");
        Store::read(&self.path("state")).and_then(|store| store.events(&query)).unwrap_or_default()
    }

    /// The texts of the events about hardware, oldest first.
    pub(crate) fn changes(&self) -> Vec<String> {
        let events = self.events().into_iter().filter(|event| event.type_name.starts_with("NODE_HARDWARE_SYNC"));
        let mut texts: Vec<String> = events.map(|event| event.description).collect();
        texts.reverse();
        texts
    }
}
