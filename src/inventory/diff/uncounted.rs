//! Devices that are present and do not count as hardware, but are on record as hardware: an earlier release recorded everything that the
//! kernel listed, and a site may have had other settings. A comparison must not report them as removed.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Inventory, NetworkVolumes};
use super::item::{Item, Items, Kind};

/// Devices that are present and do not count as hardware.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uncounted {
    /// Identities of volumes in other machines.
    volumes: BTreeSet<String>,
    /// The names under which an earlier release recorded them: kernel names, and `VENDOR:PRODUCT` of USB devices.
    names: BTreeMap<Kind, BTreeSet<String>>,
}

impl Uncounted {
    /// The devices of an inventory that do not count.
    #[must_use]
    pub fn of(inventory: &Inventory, volumes: NetworkVolumes) -> Self {
        let (document, shown) = (&inventory.machine_resources.resources, &inventory.machine_resources.networks);
        let own: BTreeSet<&String> = inventory.own_disks(volumes).map(|disk| &disk.name).collect();
        let disks = document.storage.disks.iter().map(|disk| &disk.id).filter(|name| !own.contains(name));
        let hardware: BTreeSet<&String> = inventory.interfaces.iter().map(|nic| &nic.name).collect();
        let interfaces = shown.keys().filter(|name| !hardware.contains(name));
        let plugged: BTreeSet<&String> = inventory.usb.iter().map(|device| &device.address).collect();
        let usb = document.usb.devices.iter();
        let usb = usb.filter(|usb| !plugged.contains(&format!("{}:{}", usb.bus_address, usb.device_address)));
        let away = inventory.disks.iter().filter(|disk| !own.contains(&disk.name));
        Uncounted {
            volumes: away.map(|disk| disk.identity.clone()).collect(),
            names: BTreeMap::from([
                (Kind::BlockDevice, disks.cloned().collect()),
                (Kind::Interface, interfaces.cloned().collect()),
                (Kind::UsbDevice, usb.map(|usb| format!("{}:{}", usb.vendor_id, usb.product_id)).collect()),
            ]),
        }
    }

    /// The recorded items without these devices. Names are compared only in a record of an earlier release: in a newer one, another disk
    /// may have had the name that a volume has now.
    #[must_use]
    pub fn taken_from(&self, recorded: &Items, is_of_an_earlier_release: bool) -> Items {
        let counts = |kind: Kind, item: &Item| {
            let name = if kind == Kind::UsbDevice { item.fields.get("id") } else { Some(&item.name) };
            let is_named = name.is_some_and(|name| self.names.get(&kind).is_some_and(|names| names.contains(name)));
            !(is_of_an_earlier_release && is_named
                || kind == Kind::BlockDevice && self.volumes.contains(&item.identity))
        };
        let kept = |(kind, items): (&Kind, &Vec<Item>)| {
            (*kind, items.iter().filter(|item| counts(*kind, item)).cloned().collect())
        };
        recorded.iter().map(kept).collect()
    }
}
