//! Which disks there are to ask: the kernel's list, and behind RAID controllers what smartctl finds there. smartctl's own list is
//! no list of disks: it leaves out virtio disks and unknown USB bridges (contract SMART §2.6).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::Mutex;

use super::smartctl::{Address, Error as SmartctlError, Smartctl};
use crate::host::Host;
use crate::inventory::{Disk, collect_disks};

/// What smartctl calls the disks behind RAID controllers; a comma and the disk's number follow.
const RAID: [&str; 9] = ["megaraid", "cciss", "areca", "3ware", "aacraid", "hpt", "sssraid", "jmb39x", "jmb39x-q"];

/// Kernel drivers of controllers whose drives smartctl asks for by number (`-d cciss,N`) and does not list.
const COUNTED: [&str; 3] = ["hpsa", "cciss", "smartpqi"];
/// Most drives of such a controller.
const MOST_MEMBERS: u32 = 128;

/// A disk that can be asked.
#[derive(Clone, Debug)]
pub struct Target {
    /// As people call it and `shakedown disk test` takes it: `/dev/sda`, `/dev/bus/6:megaraid,8`.
    pub name: String,
    /// The words with which smartctl reaches it.
    pub address: Address,
    /// Facts of the kernel about the disk. The kind of a disk behind a RAID controller is `raid`, and the rest is not known before it is asked.
    pub disk: Disk,
    /// The RAID controller's node that it would hang on, if its SCSI host belongs to one: `/dev/bus/6`.
    pub bus: Option<String>,
    /// The kernel's driver of its SCSI host, such as `megaraid_sas`.
    pub driver: Option<String>,
}

/// A word that names no disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing has this name.
    #[error("there is no {wanted} on this machine; there is {}", listed(.known))]
    Missing {
        /// The word.
        wanted: String,
        /// The disks that there are.
        known: Vec<String>,
    },
    /// A part of a disk.
    #[error("{wanted} is a partition: test the whole disk, {disk}")]
    Partition {
        /// The word.
        wanted: String,
        /// Its disk.
        disk: String,
    },
    /// Something else.
    #[error("{wanted} is no device; there is {}", listed(.known))]
    NoDevice {
        /// The word.
        wanted: String,
        /// The disks that there are.
        known: Vec<String>,
    },
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "no disk at all".to_owned() } else { names.join(", ") }
}

/// The disks of a machine.
#[derive(Debug)]
pub struct Disks {
    host: Host,
    /// In the order of their names; of the namespaces of one NVMe controller, which tests itself, the first.
    pub targets: Vec<Target>,
    known: Vec<Target>,
}

impl Disks {
    /// Those that the kernel knows.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        let disks = collect_disks(host).into_iter().filter(|disk| is_testable(host, disk));
        let known: Vec<Target> = disks.map(|disk| target(host, disk)).collect();
        let mut targets: Vec<Target> = Vec::new();
        for target in &known {
            if !targets.iter().any(|other| other.address.node == target.address.node) {
                targets.push(target.clone());
            }
        }
        Disks { host: host.clone(), targets, known }
    }

    /// All disks of the kernel's list; of an NVMe controller, each namespace.
    #[must_use]
    pub fn every(&self) -> &[Target] {
        &self.known
    }

    /// The disk that a word means: a kernel name, a device node, a link to one, an NVMe controller, a disk behind a RAID controller.
    ///
    /// # Errors
    /// When it is a partition, no device, or not there.
    pub fn find(&self, wanted: &str) -> Result<Target, Error> {
        if let Some((node, kind)) = wanted.rsplit_once(':').filter(|(_, kind)| is_raid(kind)) {
            return Ok(behind(node, kind, &Arc::default()));
        }
        let path = if wanted.contains('/') { wanted.to_owned() } else { format!("/dev/{wanted}") };
        let by_node = |target: &&Target| target.address.node == path;
        let name = self.kernel_name(&path);
        if let Some(target) = self.known.iter().find(|target| target.name == format!("/dev/{name}")) {
            return Ok(target.clone());
        }
        if let Some(target) = self.known.iter().find(by_node) {
            return Ok(target.clone());
        }
        let known = || self.targets.iter().map(|target| target.name.clone()).collect();
        let place = format!("/sys/class/block/{name}");
        if self.host.has(format!("{place}/partition")) {
            let whole = self
                .host
                .real(&place)
                .and_then(|real| Some(real.parent()?.file_name()?.to_string_lossy().into_owned()));
            let disk = format!("/dev/{}", whole.unwrap_or_else(|| "…".to_owned()));
            return Err(Error::Partition { wanted: wanted.to_owned(), disk });
        }
        if self.host.has(&place) || self.is_character_device(&path) {
            return Ok(plain(&path));
        }
        let (wanted, known) = (wanted.to_owned(), known());
        Err(if self.host.has(&path) { Error::NoDevice { wanted, known } } else { Error::Missing { wanted, known } })
    }

    /// The name of a device below `/sys/class/block`, links followed.
    fn kernel_name(&self, path: &str) -> String {
        let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let direct = path.strip_prefix("/dev/").filter(|name| !name.contains('/'));
        match direct.filter(|name| self.host.has(format!("/sys/class/block/{name}"))) {
            Some(name) => name.to_owned(),
            None => self.host.resolve_device(path).unwrap_or_else(|| last(path)),
        }
    }

    fn is_character_device(&self, path: &str) -> bool {
        use std::os::unix::fs::FileTypeExt as _;
        std::fs::metadata(self.host.path(path)).is_ok_and(|data| data.file_type().is_char_device())
    }

    /// The disks behind RAID controllers. One that the kernel shows as well may be among them: see [`Disks::known`].
    ///
    /// # Errors
    /// When smartctl cannot be asked.
    pub async fn behind_controllers(
        &self,
        smartctl: &Smartctl,
        cancel: &tokio_util::sync::CancellationToken,
    ) -> Result<Vec<Target>, SmartctlError> {
        #[derive(Deserialize)]
        struct Scan {
            #[serde(default)]
            devices: Vec<serde_json::Value>,
        }
        let reply = smartctl.scan(cancel).await?;
        let scan: Scan = reply.value()?;
        let mut turns: BTreeMap<String, Arc<Mutex<()>>> = BTreeMap::new();
        let mut found: Vec<Target> = Vec::new();
        for device in &scan.devices {
            let (Some(node), Some(kind)) = (device["name"].as_str(), device["type"].as_str()) else { continue };
            if is_raid(kind) && node.starts_with("/dev/") {
                let target = behind(node, kind, turns.entry(node.to_owned()).or_default());
                if !found.iter().any(|other| other.name == target.name) {
                    found.push(target);
                }
            }
        }
        for (node, bus) in self.silent_controllers() {
            if !found.iter().any(|known| known.address.node == node) {
                found.extend(counted_members(smartctl, &node, &bus, cancel).await);
            }
        }
        Ok(found)
    }

    /// Controllers whose drives no scan lists: the node to ask, and the bus of their volumes. Of several nodes of a controller, its own
    /// (SCSI type 12) is the first.
    fn silent_controllers(&self) -> Vec<(String, String)> {
        let host = &self.host;
        let mut found: Vec<(String, String)> = Vec::new();
        for adapter in host.list("/sys/class/scsi_host") {
            let driver = host.text(format!("/sys/class/scsi_host/{adapter}/proc_name")).unwrap_or_default();
            if !COUNTED.contains(&driver.as_str()) {
                continue;
            }
            let hangs_on = |name: &String| {
                let real = host.real(format!("/sys/class/scsi_generic/{name}/device"));
                real.is_some_and(|real| real.iter().any(|part| part.to_str() == Some(&adapter)))
            };
            let is_controller = |name: &String| {
                host.text(format!("/sys/class/scsi_generic/{name}/device/type")).as_deref() == Some("12")
            };
            let nodes: Vec<String> = host.list("/sys/class/scsi_generic").into_iter().filter(hangs_on).collect();
            let node = nodes.iter().find(|name| is_controller(name)).or_else(|| nodes.first());
            if let Some(node) = node {
                let number = adapter.trim_start_matches("host");
                found.push((format!("/dev/{node}"), format!("/dev/bus/{number}")));
            }
        }
        found
    }

    /// The disk with this serial number that the kernel shows itself.
    #[must_use]
    pub fn known(&self, serial: Option<&str>) -> Option<&Target> {
        let serial = serial.map(str::trim).filter(|serial| !serial.is_empty())?;
        self.known.iter().find(|target| target.disk.serial == serial)
    }
}

/// Asks a controller for its drives by their numbers, from 0 on, until it has no more.
async fn counted_members(
    smartctl: &Smartctl,
    node: &str,
    bus: &str,
    cancel: &tokio_util::sync::CancellationToken,
) -> Vec<Target> {
    let turn = Arc::default();
    let mut found = Vec::new();
    for number in 0..MOST_MEMBERS {
        let target = Target { bus: Some(bus.to_owned()), ..behind(node, &format!("cciss,{number}"), &turn) };
        // Bits 0 and 1: there is no drive with this number. A drive that is there and does not answer is told by its test.
        match smartctl.ask(&target.address, &["-i"], cancel).await {
            Ok(reply) if reply.exit_status & 1 == 0 && reply.exit_status & 2 == 0 => found.push(target),
            Ok(reply) if is_broken(&reply.complaints()) => found.push(target),
            _ => break,
        }
    }
    found
}

/// Whether a drive is there and defective: the controller knows the number then.
fn is_broken(said: &str) -> bool {
    ["Input/output error", "medium or hardware error", "not ready"].iter().any(|words| said.contains(words))
}

/// `megaraid,8`, `sat+megaraid,8`.
fn is_raid(kind: &str) -> bool {
    let kind = kind.strip_prefix("sat+").unwrap_or(kind);
    kind.split_once(',').is_some_and(|(family, number)| RAID.contains(&family) && !number.is_empty())
}

fn is_testable(host: &Host, disk: &Disk) -> bool {
    let is_hidden = host.text(format!("/sys/class/block/{}/hidden", disk.name)).as_deref() == Some("1");
    let is_reader = disk.kind == "cdrom" || ["fd", "sr"].iter().any(|prefix| disk.name.starts_with(prefix));
    // A disk without a size may be broken; a reader of cards without one is empty. NVMe hides the single paths of a multipath disk.
    !is_reader && !is_hidden && (disk.size > 0 || !disk.removable)
}

/// An NVMe disk is asked by its controller: asked about a namespace, smartctl 7.4 reads a log that some drives refuse, and the drive counts
/// that as an error (contract SMART §4).
fn target(host: &Host, mut disk: Disk) -> Target {
    let name = format!("/dev/{}", disk.name);
    let controller = disk.hosts.first().map_or("", String::as_str);
    let adapter = controller.strip_prefix("host");
    let node = if controller.starts_with("nvme") { format!("/dev/{controller}") } else { name.clone() };
    let driver = adapter.and_then(|number| host.text(format!("/sys/class/scsi_host/host{number}/proc_name")));
    let bus = adapter.map(|number| format!("/dev/bus/{number}"));
    disk.model = disk.model.trim().to_owned();
    disk.serial = disk.serial.trim().to_owned();
    Target {
        address: Address::of_node(node),
        bus,
        driver: driver.filter(|driver| !driver.is_empty() && driver != "(null)" && driver != "<NULL>"),
        disk,
        name,
    }
}

pub(super) fn plain(path: &str) -> Target {
    let disk = Disk { identity: format!("disk:name:{path}"), ..Disk::default() };
    Target { name: path.to_owned(), address: Address::of_node(path), disk, bus: None, driver: None }
}

fn behind(node: &str, kind: &str, turn: &Arc<Mutex<()>>) -> Target {
    let name = format!("{node}:{kind}");
    let address = Address { node: node.to_owned(), kind: Some(kind.to_owned()), turn: Arc::clone(turn) };
    let mut target = Target { address, bus: Some(node.to_owned()), ..plain(&name) };
    target.disk.kind = "raid".to_owned();
    // What it is made of is not known before it is asked; a hard disk is given the most time.
    target.disk.rotational = true;
    target
}
