//! The hardware behind a device name of a log: the disk at `ata3` with its serial number and bay, the interface at a PCI address.

use super::judge::Incident;
use super::name::family;
use crate::host::{Disk, Host};

/// The disks and network interfaces of a machine, found by the names that logs use.
#[derive(Debug, Default)]
pub struct Parts {
    disks: Vec<Place>,
    /// Interfaces with the path of their device.
    interfaces: Vec<(String, String)>,
}

#[derive(Debug)]
struct Place {
    name: String,
    words: String,
    /// The disk's path in sysfs, through buses and controllers.
    path: String,
    /// The SCSI address: host, channel, target and unit.
    address: String,
}

impl Parts {
    /// Reads the machine's disks and interfaces with their paths in sysfs.
    #[must_use]
    pub fn read(host: &Host) -> Self {
        let path = |link: String| host.real(link).map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        let disks = host.disks().into_iter().map(|disk| {
            let directory = format!("/sys/block/{}", disk.name);
            let device = format!("{directory}/device");
            let bay = host
                .list(&device)
                .into_iter()
                .find_map(|name| Some(name.strip_prefix("enclosure_device:")?.to_owned()));
            let address = host.link_name(&device).unwrap_or_default();
            Place { words: words(&disk, bay.as_deref()), path: path(directory), name: disk.name, address }
        });
        let interfaces = host.list("/sys/class/net").into_iter().map(|name| {
            let path = path(format!("/sys/class/net/{name}/device"));
            (name, path)
        });
        Self { disks: disks.collect(), interfaces: interfaces.filter(|(_, path)| !path.is_empty()).collect() }
    }

    /// Sets [`Incident::part`] of each incident.
    pub fn name(&self, incidents: &mut [Incident]) {
        for incident in incidents {
            incident.part = self.of(&incident.device);
        }
    }

    /// True if the device of a log is the disk or interface called `name`, a part of it, or a controller on its path.
    #[must_use]
    pub fn belongs(&self, device: &str, name: &str) -> bool {
        if device.is_empty() {
            return false;
        }
        let interface = self.interfaces.iter().any(|(known, path)| known == name && on_way(path, device));
        device == name || interface || self.disks.iter().any(|disk| disk.name == name && disk.is(device))
    }

    /// The disks and interfaces behind a device name, in words; `None` if the machine has none for it.
    fn of(&self, device: &str) -> Option<String> {
        if device.is_empty() {
            return None;
        }
        let disks: Vec<&str> =
            self.disks.iter().filter(|disk| disk.is(device)).map(|disk| disk.words.as_str()).collect();
        let interfaces = self.interfaces.iter().filter(|(_, path)| on_way(path, device)).map(|(name, _)| name.as_str());
        let parts: Vec<&str> = disks.into_iter().chain(interfaces).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

impl Place {
    fn is(&self, device: &str) -> bool {
        self.name == device
            || family(&self.name) == family(device)
            || self.address == device
            || on_way(&self.path, device)
    }
}

/// True if a device is a step of a path in sysfs.
fn on_way(path: &str, device: &str) -> bool {
    path.split('/').any(|step| step == device)
}

fn words(disk: &Disk, bay: Option<&str>) -> String {
    let mut words = vec![disk.name.clone()];
    words.extend(disk.models.first().cloned());
    words.extend(disk.serials.first().map(|serial| format!("serial {serial}")));
    words.extend(bay.map(|bay| format!("bay {bay}")));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::machine_of;
    use std::os::unix::fs::symlink;

    #[test]
    fn ports_and_addresses_of_a_log_are_told_as_the_disk_behind_them() {
        let device = "sys/devices/pci0000:00/0000:00:17.0/ata3/host2/target2:0:0/2:0:0:0";
        let block = format!("{device}/block/sdb");
        let (root, host) = machine_of(&[
            (&format!("{block}/size"), "2048"),
            (&format!("{device}/model"), "EXAMPLE"),
            (&format!("{block}/serial"), "S1"),
            (&format!("{device}/enclosure_device:Slot 04/slot"), "4"),
        ]);
        std::fs::create_dir_all(root.path().join("sys/block")).expect("a folder");
        symlink(format!("../{}", block.trim_start_matches("sys/")), root.path().join("sys/block/sdb")).expect("a link");
        symlink("../../../2:0:0:0", root.path().join(&block).join("device")).expect("a link");
        let parts = Parts::read(&host);
        let words = Some("sdb, EXAMPLE, serial S1, bay Slot 04".to_owned());
        for device in ["sdb", "sdb1", "ata3", "2:0:0:0", "0000:00:17.0"] {
            assert_eq!(parts.of(device), words, "{device}");
        }
        for device in ["sdb", "sdb1", "ata3", "2:0:0:0", "0000:00:17.0"] {
            assert!(parts.belongs(device, "sdb") && !parts.belongs(device, "sdc"), "{device}");
        }
        assert_eq!(parts.of("ata30"), None);
        assert_eq!(parts.of(""), None);
    }
}
