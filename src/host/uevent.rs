//! The kernel's news of devices: one message of the uevent socket, and whether it is about hardware.
//!
//! A message of the kernel (multicast group 1 of `NETLINK_KOBJECT_UEVENT`) is `ACTION@DEVPATH` and then `KEY=VALUE` fields, each ended
//! by a NUL byte. That it is only a hint decides its use: who gets one looks at the machine.

use std::collections::BTreeMap;

/// What a device may have changed of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hardware {
    /// A disk, or the adapter that it hangs on.
    Disk,
    /// A network interface with a device behind it, or its link.
    Interface,
    /// A PCI function.
    Pci,
    /// A USB device.
    Usb,
    /// A processor.
    Processor,
    /// Memory.
    Memory,
    /// The baseboard management controller.
    Bmc,
    /// Nobody knows: news was lost.
    Anything,
}

/// One message of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Uevent {
    /// `add`, `remove`, `change`, `move`, `online`, `offline`, `bind`, `unbind`.
    pub action: String,
    /// Where the device is below `/sys`.
    pub path: String,
    /// `SUBSYSTEM`, `DEVTYPE`, `DEVNAME` …
    pub fields: BTreeMap<String, String>,
}

impl Uevent {
    /// Reads a message. `None` when it is none of the kernel's: udev's own begin with `libudev`.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Uevent> {
        let mut parts = bytes.split(|&byte| byte == 0).filter(|part| !part.is_empty());
        let head = std::str::from_utf8(parts.next()?).ok()?;
        let (action, path) = head.split_once('@')?;
        if action.is_empty() || !action.bytes().all(|byte| byte.is_ascii_lowercase()) || !path.starts_with('/') {
            return None;
        }
        let field = |part: &[u8]| {
            let text = String::from_utf8_lossy(part);
            text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()))
        };
        Some(Uevent { action: action.to_owned(), path: path.to_owned(), fields: parts.filter_map(field).collect() })
    }

    fn field(&self, key: &str) -> &str {
        self.fields.get(key).map_or("", String::as_str)
    }

    /// What hardware it is about; `None` for what comes and goes without anybody plugging anything: virtual devices, drivers that
    /// are bound, media that are written to.
    #[must_use]
    pub fn hardware(&self) -> Option<Hardware> {
        let comes_or_goes = matches!(self.action.as_str(), "add" | "remove" | "move");
        match self.field("SUBSYSTEM") {
            "block" => {
                (!self.is_virtual_disk() && (comes_or_goes || self.has_other_medium())).then_some(Hardware::Disk)
            }
            "scsi" if self.field("DEVTYPE") == "scsi_device" => {
                (comes_or_goes || self.action == "change").then_some(Hardware::Disk)
            }
            "nvme" => comes_or_goes.then_some(Hardware::Disk),
            "net" => (comes_or_goes && !self.is_virtual()).then_some(Hardware::Interface),
            "pci" => comes_or_goes.then_some(Hardware::Pci),
            "usb" if self.field("DEVTYPE") == "usb_device" => comes_or_goes.then_some(Hardware::Usb),
            "cpu" => self.is_switched().then_some(Hardware::Processor),
            "memory" | "edac" => self.is_switched().then_some(Hardware::Memory),
            "ipmi" => comes_or_goes.then_some(Hardware::Bmc),
            _ => None,
        }
    }

    fn is_virtual(&self) -> bool {
        self.path.starts_with("/devices/virtual/")
    }

    /// Loop, RAM, device-mapper and md devices. The disk of an NVMe drive with several paths is below `virtual`, too, and real.
    fn is_virtual_disk(&self) -> bool {
        self.is_virtual() && !self.path.starts_with("/devices/virtual/nvme-subsystem/")
    }

    /// A `change` of a disk that can be seen: another size, another disk in the same drive. Any other tells only that somebody
    /// wrote to it, which a database does all day.
    fn has_other_medium(&self) -> bool {
        self.action == "change" && (self.field("RESIZE") == "1" || self.field("DISK_MEDIA_CHANGE") == "1")
    }

    fn is_switched(&self) -> bool {
        matches!(self.action.as_str(), "add" | "remove" | "online" | "offline")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(action: &str, path: &str, fields: &[&str]) -> Vec<u8> {
        let head = [format!("{action}@{path}"), format!("ACTION={action}"), format!("DEVPATH={path}")];
        let parts = head.into_iter().chain(fields.iter().map(|&field| field.to_owned()));
        parts.flat_map(|part| [part.into_bytes(), vec![0]].concat()).collect()
    }

    fn about(action: &str, path: &str, fields: &[&str]) -> Option<Hardware> {
        Uevent::parse(&message(action, path, fields)).expect("a message of the kernel").hardware()
    }

    #[test]
    fn a_message_is_its_action_its_device_and_its_fields() {
        let event = Uevent::parse(&message("add", "/devices/pci0000:00/x", &["SUBSYSTEM=block", "EMPTY=", "A=b=c"]));
        let event = event.expect("a message of the kernel");
        assert_eq!((event.action.as_str(), event.path.as_str()), ("add", "/devices/pci0000:00/x"));
        assert_eq!((event.field("SUBSYSTEM"), event.field("EMPTY"), event.field("A")), ("block", "", "b=c"));
    }

    #[test]
    fn what_is_plugged_is_hardware() {
        let ata = "/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0";
        let disk = format!("{ata}/block/sda");
        let rows: [(&str, &str, &[&str], Hardware); 14] = [
            ("add", &disk, &["SUBSYSTEM=block", "DEVTYPE=disk"], Hardware::Disk),
            ("remove", &format!("{disk}/sda1"), &["SUBSYSTEM=block", "DEVTYPE=partition"], Hardware::Disk),
            ("change", &disk, &["SUBSYSTEM=block", "RESIZE=1"], Hardware::Disk),
            (
                "change",
                ata,
                &["SUBSYSTEM=scsi", "DEVTYPE=scsi_device", "SDEV_UA=CAPACITY_DATA_HAS_CHANGED"],
                Hardware::Disk,
            ),
            ("add", "/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1", &["SUBSYSTEM=block"], Hardware::Disk),
            ("remove", "/devices/pci0000:00/0000:00:04.0/nvme/nvme0", &["SUBSYSTEM=nvme"], Hardware::Disk),
            ("move", "/devices/pci0000:00/0000:00:03.0/net/lan0", &["SUBSYSTEM=net"], Hardware::Interface),
            ("add", "/devices/pci0000:00/0000:00:05.0", &["SUBSYSTEM=pci"], Hardware::Pci),
            ("remove", "/devices/pci0000:00/usb1/1-2", &["SUBSYSTEM=usb", "DEVTYPE=usb_device"], Hardware::Usb),
            ("offline", "/devices/system/cpu/cpu3", &["SUBSYSTEM=cpu"], Hardware::Processor),
            ("online", "/devices/system/memory/memory40", &["SUBSYSTEM=memory"], Hardware::Memory),
            ("add", "/devices/system/edac/mc/mc0", &["SUBSYSTEM=edac"], Hardware::Memory),
            ("add", "/devices/platform/ipmi_si.0/ipmi/ipmi0", &["SUBSYSTEM=ipmi"], Hardware::Bmc),
            ("add", "/devices/LNXSYSTM:00/x/virtio0/block/vda", &["SUBSYSTEM=block"], Hardware::Disk),
        ];
        for (action, path, fields, hardware) in rows {
            assert_eq!(about(action, path, fields), Some(hardware), "{action} {path}");
        }
    }

    #[test]
    fn what_nobody_plugged_is_not() {
        let rows: [(&str, &str, &[&str]); 13] = [
            ("add", "/devices/virtual/block/loop0", &["SUBSYSTEM=block", "DEVTYPE=disk"]),
            ("change", "/devices/virtual/block/loop0", &["SUBSYSTEM=block", "RESIZE=1"]),
            ("add", "/devices/virtual/block/zram0", &["SUBSYSTEM=block"]),
            ("remove", "/devices/virtual/block/dm-3", &["SUBSYSTEM=block"]),
            ("add", "/devices/virtual/block/md127", &["SUBSYSTEM=block"]),
            ("add", "/devices/virtual/net/dummy0", &["SUBSYSTEM=net"]),
            ("remove", "/devices/virtual/net/veth12ab", &["SUBSYSTEM=net"]),
            ("move", "/devices/virtual/net/bond0", &["SUBSYSTEM=net"]),
            ("bind", "/devices/pci0000:00/0000:00:05.0", &["SUBSYSTEM=pci"]),
            ("change", "/devices/pci0000:00/x/block/sda", &["SUBSYSTEM=block", "SYNTH_UUID=0"]),
            ("add", "/devices/pci0000:00/usb1/1-2/1-2:1.0", &["SUBSYSTEM=usb", "DEVTYPE=usb_interface"]),
            ("add", "/devices/pci0000:00/x/net/eth0/queues/rx-0", &["SUBSYSTEM=queues"]),
            ("add", "/module/loop", &["SUBSYSTEM=module"]),
        ];
        for (action, path, fields) in rows {
            assert_eq!(about(action, path, fields), None, "{action} {path}");
        }
    }

    #[test]
    fn what_is_no_message_of_the_kernel_is_none() {
        let foreign: [&[u8]; 7] =
            [b"", b"\0\0", b"libudev\0\xfe\xed\xca\xfe", b"add", b"@/devices", b"add@devices", b"\xff\xfe@/x"];
        for bytes in foreign {
            assert_eq!(Uevent::parse(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_problem(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Uevent::parse(&bytes).map(|event| event.hardware());
        }

        #[test]
        fn nor_is_a_message_that_is_cut_or_damaged(at in 0..80usize, byte in any::<u8>()) {
            let mut bytes = message("add", "/devices/pci0000:00/x/block/sda", &["SUBSYSTEM=block", "DEVTYPE=disk"]);
            bytes[at] = byte;
            let _ = Uevent::parse(&bytes).map(|event| event.hardware());
            let _ = Uevent::parse(&bytes[..at]).map(|event| event.hardware());
        }

        #[test]
        fn no_virtual_interface_or_loop_device_is_ever_hardware(name in "[a-z]{1,8}[0-9]{0,3}", action in "add|remove|change|move") {
            prop_assert_eq!(about(&action, &format!("/devices/virtual/net/{name}"), &["SUBSYSTEM=net"]), None);
            let disk = format!("/devices/virtual/block/{name}");
            prop_assert_eq!(about(&action, &disk, &["SUBSYSTEM=block", "RESIZE=1"]), None);
        }
    }
}
