//! What the region keeps of a machine's hardware, as far as the events of hardware sync tell of it (recorded: "hardware sync: what each change of
//! the inventory does").

use serde_json::Value;

use super::machines::Nic;
use super::state::State;
use crate::event::{Event, EventType, Level};

/// The hardware of a deployed machine, by its last inventory.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    /// In MiB.
    memory: u64,
    disks: Vec<Disk>,
    devices: Vec<Device>,
}

/// Known by model and serial, whatever it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Disk {
    name: String,
    model: String,
    serial: String,
    address: Option<String>,
}

impl Disk {
    fn is(&self, other: &Disk) -> bool {
        // Without a serial nothing but the name tells one from another.
        let by_name = self.serial.is_empty() && self.name != other.name;
        !by_name && self.model == other.model && self.serial == other.serial
    }
}

/// A PCI or USB device. Its row goes with the row of the disk or interface that it was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Device {
    is_usb: bool,
    address: String,
    number: u32,
    driver: String,
    part: Option<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Disk { model: String, serial: String },
    Nic(String),
}

#[derive(Clone, Copy)]
enum Change {
    Added,
    Removed,
    Updated,
}

impl Change {
    fn word(self) -> &'static str {
        match self {
            Change::Added => "added",
            Change::Removed => "removed",
            Change::Updated => "updated",
        }
    }
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn list<'a>(resources: &'a Value, of: &str, key: &str) -> impl Iterator<Item = &'a Value> {
    resources.get(of).and_then(|part| part.get(key)).and_then(Value::as_array).into_iter().flatten()
}

fn disks(resources: &Value) -> Vec<Disk> {
    let disk = |disk: &Value| {
        let address = Some(text(disk, "usb_address")).filter(|address| !address.is_empty());
        let address = address.or_else(|| Some(text(disk, "pci_address")).filter(|address| !address.is_empty()));
        Disk { name: text(disk, "id"), model: text(disk, "model"), serial: text(disk, "serial"), address }
    };
    let mut disks: Vec<Disk> = list(resources, "storage", "disks").map(disk).collect();
    disks.sort_by(|a, b| a.name.cmp(&b.name));
    disks
}

fn devices(resources: &Value, disks: &[Disk]) -> Vec<Device> {
    let part = |address: &str| {
        let disk = disks.iter().rfind(|disk| disk.address.as_deref() == Some(address));
        let disk = disk.map(|disk| Part::Disk { model: disk.model.clone(), serial: disk.serial.clone() });
        let is_its_card = |card: &&Value| text(card, "pci_address") == address;
        let card = || list(resources, "network", "cards").find(is_its_card);
        let port = || Some(text(card()?.get("ports")?.get(0)?, "address").to_ascii_lowercase());
        disk.or_else(|| port().map(Part::Nic))
    };
    let pci = list(resources, "pci", "devices").map(|device| {
        let address = text(device, "pci_address");
        let number = address.rsplit(':').next().and_then(|rest| u32::from_str_radix(rest.split('.').next()?, 16).ok());
        let driver = text(device, "driver");
        Device { is_usb: false, number: number.unwrap_or(0), driver, part: part(&address), address }
    });
    let usb = list(resources, "usb", "devices").map(|device| {
        let number =
            |key: &str| device.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        let address = format!("{}:{}", number("bus_address"), number("device_address"));
        let interfaces = device.get("interfaces").and_then(|interfaces| interfaces.get(0));
        let driver = interfaces.map(|interface| text(interface, "driver")).unwrap_or_default();
        Device { is_usb: true, number: number("device_address"), driver, part: part(&address), address }
    });
    pci.chain(usb).collect()
}

/// Mebibytes as the region tells of them: as if they were bytes.
fn size(mebibytes: i128) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
    let value = mebibytes as f64;
    match mebibytes.abs() {
        0..1_000 => format!("{mebibytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", value / 1e3),
        _ => format!("{:.1} MB", value / 1e6),
    }
}

impl State {
    /// Takes an inventory into the tables, with the interfaces of it; a deployed machine that is synchronised is told of.
    pub(super) fn take_hardware(&mut self, resources: &Value, interfaces: &[Nic]) {
        let memory = resources.get("memory").and_then(|memory| memory.get("total")).and_then(Value::as_u64);
        let found = disks(resources);
        let devices = devices(resources, &found);
        let tables = std::mem::take(&mut self.tables);
        self.tell_memory(tables.memory, memory.unwrap_or(0) >> 20);
        self.tell_interfaces(interfaces);
        for disk in &found {
            let is_known = tables.disks.iter().any(|other| other.is(disk));
            let change = if is_known { Change::Updated } else { Change::Added };
            self.tell(EventType::NODE_HARDWARE_SYNC_BLOCK_DEVICE, &format!("block device {}", disk.name), change);
        }
        for gone in tables.disks.iter().filter(|other| !found.iter().any(|disk| disk.is(other))) {
            self.tell(
                EventType::NODE_HARDWARE_SYNC_BLOCK_DEVICE,
                &format!("block device {}", gone.name),
                Change::Removed,
            );
        }
        let kept = self.tell_devices(&tables.devices, devices, &found, interfaces);
        self.tables = Tables { memory: memory.unwrap_or(0) >> 20, disks: found, devices: kept };
    }

    fn tell_memory(&mut self, before: u64, now: u64) {
        let more = i128::from(now) - i128::from(before);
        if more == 0 && self.version.tells_changed_devices_only() {
            return;
        }
        let change = if more > 0 { Change::Added } else { Change::Removed };
        self.tell(EventType::NODE_HARDWARE_SYNC_MEMORY, &format!("{} of memory", size(more)), change);
    }

    /// Interfaces are known by their addresses, those made of others by their names. A bridge comes without a word.
    fn tell_interfaces(&mut self, now: &[Nic]) {
        let before = self.node.interfaces.clone();
        let kind = EventType::NODE_HARDWARE_SYNC_INTERFACE;
        for nic in now {
            let is_known = before.iter().any(|other| other.is(nic));
            let change = if is_known { Change::Updated } else { Change::Added };
            if is_known || !nic.is_bridge() {
                self.tell(kind, &format!("interface {}", nic.name), change);
            }
        }
        for gone in before.iter().filter(|other| !now.iter().any(|nic| nic.is(other))) {
            self.tell(kind, &format!("interface {}", gone.name), Change::Removed);
        }
    }

    fn tell_devices(&mut self, before: &[Device], now: Vec<Device>, disks: &[Disk], nics: &[Nic]) -> Vec<Device> {
        let lives = |device: &&Device| match &device.part {
            None => true,
            Some(Part::Disk { model, serial }) => {
                disks.iter().any(|disk| disk.model == *model && disk.serial == *serial)
            }
            Some(Part::Nic(mac)) => nics.iter().any(|nic| nic.mac == *mac),
        };
        let before: Vec<&Device> = before.iter().filter(lives).collect();
        let mut kept = Vec::new();
        for device in now {
            let known = before.iter().find(|other| other.is_usb == device.is_usb && other.address == device.address);
            let change = match known {
                None => Some(Change::Added),
                Some(other) if other.driver != device.driver || !self.version.tells_changed_devices_only() => {
                    Some(Change::Updated)
                }
                Some(_) => None,
            };
            if let Some(change) = change {
                self.tell_device(&device, change);
            }
            // What it was found to be at first stays.
            let part = known.map_or_else(|| device.part.clone(), |other| other.part.clone());
            kept.push(Device { part, ..device });
        }
        for gone in before {
            if !kept.iter().any(|device: &Device| device.is_usb == gone.is_usb && device.address == gone.address) {
                self.tell_device(gone, Change::Removed);
            }
        }
        kept
    }

    fn tell_device(&mut self, device: &Device, change: Change) {
        let (kind, word) = if device.is_usb {
            (EventType::NODE_HARDWARE_SYNC_USB_DEVICE, "usb")
        } else {
            (EventType::NODE_HARDWARE_SYNC_PCI_DEVICE, "pci")
        };
        self.tell(kind, &format!("{word} device {}", device.number), change);
    }

    fn tell(&mut self, kind: EventType, what: &str, change: Change) {
        if !self.is_synchronised() {
            return;
        }
        let level = if self.version.tells_changed_devices_only() { Level::Info } else { kind.level };
        let description = format!("{what} was {} on node {}", change.word(), self.node.system_id);
        let event = Event::new(EventType { level, ..kind }, description);
        self.log_event(Event { action: change.word().to_owned(), ..event });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a region told of memory that came and went.
    #[test]
    fn memory_is_told_of_as_if_mebibytes_were_bytes() {
        let rows = [(1024, "1.0 kB"), (512, "512 bytes"), (-512, "-512 bytes"), (0, "0 bytes"), (262_144, "262.1 kB")];
        for (mebibytes, text) in rows {
            assert_eq!(size(mebibytes), text);
        }
    }

    #[test]
    fn a_controller_is_the_last_of_its_disks_and_a_card_its_interface() {
        let resources = serde_json::json!({
            "storage": {"disks": [{"id": "sda", "model": "m", "serial": "1", "pci_address": "0000:00:1f.2"},
                {"id": "sdb", "model": "m", "serial": "2", "pci_address": "0000:00:1f.2"}]},
            "network": {"cards": [{"pci_address": "0000:04:00.0", "ports": [{"address": "52:54:EE:00:00:11"}]}]},
            "pci": {"devices": [{"pci_address": "0000:00:1f.2"}, {"pci_address": "0000:04:00.0"}, {"pci_address": "0000:00:03.0"}]},
        });
        let found = devices(&resources, &disks(&resources));
        let parts: Vec<_> = found.iter().map(|device| (device.number, device.part.clone())).collect();
        let disk = Part::Disk { model: "m".into(), serial: "2".into() };
        assert_eq!(parts, [(31, Some(disk)), (0, Some(Part::Nic("52:54:ee:00:00:11".into()))), (3, None)]);
    }
}
