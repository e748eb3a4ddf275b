//! The one decision whether a device of the kernel is hardware of this machine, made by software, or in another machine.
//!
//! Kernels show many devices that software made: mirrors of a switch's ports, areas of a disk, disks over the network. Every part of
//! the program that needs the difference asks here, except the document for a region, which shows what the reference shows.
//!
//! A virtual bus does not make a device virtual: platform devices, guests' disks and the drivers that stand in for a device have one.
//! `scsi_debug` answers like a disk, the reference lists it, and an operator who loads it wants it tested, so it stays hardware.
//! Only a device that is known to be made from another one, by a program, or by a driver that feigns it, is software.

use std::path::Path;

use super::Host;

/// The origin of a device: hardware, software, or another machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The device is plugged into this machine or built into its board.
    Hardware,
    /// Software of this machine made the device; no hardware comes or goes with it.
    Software,
    /// The device is in another machine and reached over this network or bus: `iscsi`, `nvme-tcp`, `usbip` …
    Network(&'static str),
}

/// Beginnings of the names of block devices that drivers make of other devices, of memory, or of what a program serves (Linux,
/// `Documentation/admin-guide/devices.txt`, and the drivers' own documents).
const SOFTWARE_DISKS: [&str; 14] =
    ["ram", "loop", "dm-", "md", "zram", "nbd", "rbd", "ublk", "bcache", "mtdblock", "drbd", "zd", "nullb", "ubiblock"];
/// Block devices below `/sys/devices/virtual/block` that are hardware all the same: their driver gives them no parent (Fusion-io's).
const HARDWARE_WITHOUT_PARENT: [&str; 1] = ["fio"];
/// Subsystems of devices that carry an interface and are no hardware: sub-functions of a card, the other end of a guest's interface, and
/// another computer at the other end of a Thunderbolt cable (Linux, `drivers/net/thunderbolt`).
const SOFTWARE_CARRIERS: [&str; 3] = ["auxiliary", "xen-backend", "thunderbolt"];
/// Devices of drivers that feign a network card, a wireless card, a USB port or a SCSI port (Linux, `drivers/net/netdevsim`,
/// `drivers/net/wireless/virtual`, `drivers/usb/gadget/udc/dummy_hcd.c`, `drivers/target/loopback`). A program makes the devices behind
/// them.
const FEIGNED: [&str; 4] = ["netdevsim", "mac80211_hwsim", "dummy_hcd", "tcm_loop"];

/// Devices of drivers that feign a display, or draw into a frame buffer that the firmware left (Linux, `drivers/gpu/drm/vkms`,
/// `drivers/gpu/drm/vgem`, `drivers/gpu/drm/sysfb`, `drivers/firmware/sysfb_simplefb.c`; evdi is the driver of displays over USB, whose
/// hardware is the USB device). The frame buffer's own card is a PCI function beside it.
const FEIGNED_DISPLAYS: [&str; 7] =
    ["vkms", "vgem", "evdi", "simple-framebuffer", "efi-framebuffer", "vesa-framebuffer", "vga-framebuffer"];

/// True if a device's path in sysfs leads through a feigned device, or through the USB gadget that this machine is for another machine
/// (`gadget.0`).
fn is_feigned(way: &Path) -> bool {
    let is_it = |part: &str| FEIGNED.iter().any(|stem| part.starts_with(stem)) || part.starts_with("gadget.");
    way.iter().any(|part| is_it(&part.to_string_lossy()))
}

impl Host {
    /// The origin of a block device, by its kernel name.
    #[must_use]
    pub fn origin_of_disk(&self, name: &str) -> Origin {
        if is_software_disk(name) {
            return Origin::Software;
        }
        let place = Path::new("/sys/class/block").join(name);
        let real = self.real(&place).unwrap_or_default();
        let way = real.to_string_lossy();
        // A driver with a device of its own makes it the parent of its block device.
        let is_orphan = way.starts_with("/sys/devices/virtual/block/");
        if is_orphan && !HARDWARE_WITHOUT_PARENT.iter().any(|stem| name.starts_with(stem)) {
            return Origin::Software;
        }
        if is_feigned(&real) {
            return Origin::Software;
        }
        if way.contains("/vhci_hcd") {
            return Origin::Network("usbip");
        }
        let has_part = |is_it: fn(&str) -> bool| real.iter().any(|part| is_it(&part.to_string_lossy()));
        if has_part(|part| is_numbered(part, "session")) {
            return Origin::Network("iscsi");
        }
        // A port at the other end of Fibre Channel (Linux, `drivers/scsi/scsi_transport_fc.c`).
        if has_part(|part| part.starts_with("rport-")) {
            return Origin::Network("fc");
        }
        if self.is_srp(&real) {
            return Origin::Network("srp");
        }
        self.fabric(&real, &place).map_or(Origin::Hardware, Origin::Network)
    }

    /// True if a disk is reached by SRP over InfiniBand, by the driver of its SCSI host (Linux, `drivers/infiniband/ulp/srp`). The class
    /// `srp_host` is no sign: a partition of POWER reaches its own disks by the same protocol.
    fn is_srp(&self, real: &Path) -> bool {
        let names = real.iter().map(|part| part.to_string_lossy());
        let mut hosts = names.filter(|name| is_numbered(name, "host"));
        hosts.any(|host| {
            let driver = self.text(Path::new("/sys/class/scsi_host").join(&*host).join("proc_name"));
            driver.is_some_and(|driver| driver.trim() == "ib_srp")
        })
    }

    /// The network over which an NVMe namespace is reached; `None` if it is local or also has a path on this machine's bus.
    fn fabric(&self, real: &Path, place: &Path) -> Option<&'static str> {
        let parts: Vec<String> = real.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        let subsystem = parts.iter().any(|part| part.starts_with("nvme-subsys"));
        let controllers: Vec<String> = if subsystem {
            let names = self.list(place.join("device"));
            names.into_iter().filter(|name| is_numbered(name, "nvme")).collect()
        } else {
            parts.into_iter().filter(|part| is_numbered(part, "nvme")).collect()
        };
        let transport = |name: &String| self.text(format!("/sys/class/nvme/{name}/transport"));
        let transports: Vec<String> = controllers.iter().filter_map(transport).collect();
        if transports.iter().any(|transport| transport == "pcie") {
            return None;
        }
        match transports.first().map(String::as_str) {
            Some("tcp") => Some("nvme-tcp"),
            Some("rdma") => Some("nvme-rdma"),
            Some("fc") => Some("nvme-fc"),
            Some("loop") => Some("nvme-loop"),
            Some(_) => None,
            None => real.to_string_lossy().contains("/nvme-fabrics/").then_some("nvme-fabrics"),
        }
    }

    /// The origin of a network interface that has a device, by its directory in sysfs.
    #[must_use]
    pub fn origin_of_interface(&self, place: &Path) -> Origin {
        if is_representor(&self.text(place.join("phys_port_name")).unwrap_or_default()) {
            return Origin::Software;
        }
        let carrier = self.link_name(place.join("device/subsystem")).unwrap_or_default();
        let real = self.real(place).unwrap_or_default();
        let way = real.to_string_lossy();
        let is_virtual = way.starts_with("/sys/devices/virtual/net/");
        if SOFTWARE_CARRIERS.contains(&carrier.as_str()) || is_virtual || way.contains("/vhci_hcd") || is_feigned(&real)
        {
            return Origin::Software;
        }
        Origin::Hardware
    }

    /// The origin of a graphics card, by its name below `/sys/class/drm`.
    #[must_use]
    pub fn origin_of_display(&self, name: &str) -> Origin {
        let real = self.real(Path::new("/sys/class/drm").join(name)).unwrap_or_default();
        let is_feigned = |part: &str| {
            let stem = part.split_once('.').map_or(part, |(stem, _)| stem);
            FEIGNED_DISPLAYS.contains(&stem)
        };
        // The faux bus has only devices of drivers without hardware (Linux, `drivers/base/faux.c`).
        let is_virtual = ["/sys/devices/virtual", "/sys/devices/faux"].iter().any(|bus| real.starts_with(bus));
        if is_virtual || real.iter().any(|part| is_feigned(&part.to_string_lossy())) {
            Origin::Software
        } else {
            Origin::Hardware
        }
    }

    /// The origin of a USB device, by its directory in sysfs.
    #[must_use]
    pub fn origin_of_usb(&self, place: &Path) -> Origin {
        let real = self.real(place).unwrap_or_default();
        if is_feigned(&real) {
            return Origin::Software;
        }
        if real.to_string_lossy().contains("/vhci_hcd") { Origin::Network("usbip") } else { Origin::Hardware }
    }
}

/// True if a port of a card's switch stands for something other than the card's own connector. Names are those of devlink:
/// `[cCONTROLLER]pfFUNCTION`, then `vfNUMBER`, `sfNUMBER` or nothing; a connector's own is `pNUMBER` (Linux,
/// `Documentation/networking/devlink/devlink-port.rst`).
#[must_use]
pub fn is_representor(port: &str) -> bool {
    let after = |text: &str, word: &str| -> Option<String> {
        let rest = text.strip_prefix(word)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        (digits > 0).then(|| rest[digits..].to_owned())
    };
    let inside = after(port, "c").unwrap_or_else(|| port.to_owned());
    after(&inside, "pf").is_some_and(|rest| rest.is_empty() || rest.starts_with("vf") || rest.starts_with("sf"))
}

fn is_software_disk(name: &str) -> bool {
    // `mmcblk0boot0`, `mmcblk0rpmb`, `mmcblk0gp0`: areas of the disk before it.
    let area = name.strip_prefix("mmcblk").map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    let is_area = area.is_some_and(|rest| ["boot", "rpmb", "gp"].iter().any(|area| rest.starts_with(area)));
    is_area || SOFTWARE_DISKS.iter().any(|stem| is_followed_by_number(name, stem))
}

/// `md0`, `dm-3`, `md_d1`, `ublkb0`, `md127p1`; no `mdraid`.
fn is_followed_by_number(name: &str, stem: &str) -> bool {
    name.strip_prefix(stem).is_some_and(|rest| {
        let rest = rest.strip_prefix("_d").or_else(|| rest.strip_prefix('b')).unwrap_or(rest);
        rest.starts_with(|c: char| c.is_ascii_digit())
    })
}

fn is_numbered(name: &str, stem: &str) -> bool {
    name.strip_prefix(stem).is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A machine with one class link to a device below `/sys/devices`.
    fn machine(class: &str, way: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().expect("temporary directory");
        let device = root.path().join("sys/devices").join(way);
        std::fs::create_dir_all(&device).expect("directories");
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            std::fs::write(path, text).expect("write");
        }
        let link = root.path().join("sys/class").join(class);
        std::fs::create_dir_all(&link).expect("directories");
        let name = device.file_name().expect("a name").to_owned();
        symlink(Path::new("/sys/devices").join(way), link.join(name)).expect("link");
        let host = Host::at(root.path());
        (root, host)
    }

    #[test]
    fn a_disk_is_what_its_way_and_its_name_say() {
        let ata = "pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block";
        let rows = [
            (format!("{ata}/sda"), Origin::Hardware),
            ("vbd-51712/block/xvda".to_owned(), Origin::Hardware),
            ("pci0000:00/0000:00:04.0/virtio1/block/vda".to_owned(), Origin::Hardware),
            ("platform/soc/fe31.mmc/mmc_host/mmc0/mmc0:0001/block/mmcblk0".to_owned(), Origin::Hardware),
            ("platform/soc/fe31.mmc/mmc_host/mmc0/mmc0:0001/block/mmcblk0/mmcblk0boot0".to_owned(), Origin::Software),
            ("platform/soc/fe31.mmc/mmc_host/mmc0/mmc0:0001/block/mmcblk0/mmcblk0rpmb".to_owned(), Origin::Software),
            ("platform/1c00000.nor/mtd/mtd0/mtdblock0".to_owned(), Origin::Software),
            ("virtual/block/bcache0".to_owned(), Origin::Software),
            ("virtual/block/anything0".to_owned(), Origin::Software),
            ("rbd/0/block/rbd0".to_owned(), Origin::Software),
            ("tcm_loop_0/tcm_loop_adapter_0/host6/target6:0:1/6:0:1:0/block/sdx".to_owned(), Origin::Software),
            ("platform/dummy_hcd.0/usb3/3-1/3-1:1.0/host6/target6:0:0/6:0:0:0/block/sdy".to_owned(), Origin::Software),
            ("virtual/block/fioa".to_owned(), Origin::Hardware),
            ("pseudo_0/adapter0/host9/target9:0:0/9:0:0:0/block/sdz".to_owned(), Origin::Hardware),
            ("platform/host5/session1/target5:0:0/5:0:0:1/block/sdb".to_owned(), Origin::Network("iscsi")),
            (
                "pci0000:00/0000:00:05.0/host4/rport-4:0-2/target4:0:0/4:0:0:1/block/sde".to_owned(),
                Origin::Network("fc"),
            ),
            (
                "platform/vhci_hcd.0/usb3/3-1/3-1:1.0/host6/target6:0:0/6:0:0:0/block/sdc".to_owned(),
                Origin::Network("usbip"),
            ),
            ("virtual/nvme-fabrics/ctl/nvme/nvme0/nvme0n1".to_owned(), Origin::Network("nvme-fabrics")),
            ("pci0000:00/0000:00:06.0/nvme/nvme0/nvme0n1".to_owned(), Origin::Hardware),
        ];
        for (way, expected) in rows {
            let (_root, host) = machine("block", &way, &[]);
            let name = way.rsplit('/').next().unwrap_or_default();
            assert_eq!(host.origin_of_disk(name), expected, "{way}");
        }
        let srp = "pci0000:00/0000:00:07.0/host8/target8:0:0/8:0:0:0/block/sdb";
        for (driver, expected) in [("ib_srp", Origin::Network("srp")), ("ibmvscsi", Origin::Hardware)] {
            let (_root, host) = machine("block", srp, &[("sys/class/scsi_host/host8/proc_name", driver)]);
            assert_eq!(host.origin_of_disk("sdb"), expected, "{driver}");
        }
        let tcp = [("sys/class/nvme/nvme0/transport", "tcp\n")];
        let (_root, host) = machine("block", "virtual/nvme-fabrics/ctl/nvme/nvme0/nvme0n1", &tcp);
        assert_eq!(host.origin_of_disk("nvme0n1"), Origin::Network("nvme-tcp"));
    }

    #[test]
    fn a_display_that_a_driver_feigns_or_the_firmware_left_is_software() {
        let rows = [
            ("pci0000:00/0000:00:02.0/drm/card0", Origin::Hardware),
            ("platform/gpu/1000000.gpu/drm/card0", Origin::Hardware),
            ("pci0000:00/0000:00:02.0/simple-framebuffer.0/drm/card0", Origin::Software),
            ("platform/simple-framebuffer.0/drm/card0", Origin::Software),
            ("platform/evdi.0/drm/card1", Origin::Software),
            ("platform/vkms/drm/card2", Origin::Software),
            ("faux/vkms/drm/card2", Origin::Software),
            ("virtual/drm/card3", Origin::Software),
        ];
        for (way, expected) in rows {
            let (_root, host) = machine("drm", way, &[]);
            assert_eq!(host.origin_of_display(way.rsplit('/').next().unwrap_or_default()), expected, "{way}");
        }
    }

    #[test]
    fn a_representor_is_told_from_a_connector_by_the_name_of_the_port() {
        for port in ["pf0", "pf0vf3", "pf1sf88", "c1pf0", "c1pf0vf0", "c12pf1sf2"] {
            assert!(is_representor(port), "{port}");
        }
        for port in ["", "p0", "p0s1", "c1", "pfx", "uplink", "c1p0"] {
            assert!(!is_representor(port), "{port}");
        }
    }

    #[test]
    fn interfaces_and_usb_devices_of_emulated_controllers_are_software() {
        let rows = [
            ("net", "pci0000:00/0000:03:00.0/net/eth0", Origin::Hardware),
            ("net", "virtual/net/br0", Origin::Software),
            ("net", "platform/vhci_hcd.0/usb3/3-1/3-1:1.0/net/usb0", Origin::Software),
            ("net", "platform/dummy_hcd.0/usb3/3-1/3-1:1.0/net/usb0", Origin::Software),
            ("net", "platform/fe980000.usb/gadget.0/net/usb0", Origin::Software),
            ("net", "netdevsim1/net/eni1np1", Origin::Software),
            ("net", "virtual/mac80211_hwsim/hwsim0/net/wlan0", Origin::Software),
        ];
        for (class, way, expected) in rows {
            let (_root, host) = machine(class, way, &[]);
            let name = way.rsplit('/').next().unwrap_or_default();
            assert_eq!(host.origin_of_interface(&Path::new("/sys/class/net").join(name)), expected, "{way}");
        }
        let (_root, host) = machine("x", "platform/vhci_hcd.0/usb3/3-1", &[]);
        assert_eq!(host.origin_of_usb(Path::new("/sys/class/x/3-1")), Origin::Network("usbip"));
        let (_root, host) = machine("x", "platform/dummy_hcd.0/usb3/3-1", &[]);
        assert_eq!(host.origin_of_usb(Path::new("/sys/class/x/3-1")), Origin::Software);
        let (root, host) = machine("net", "pci0000:00/0000:03:00.0/mlx5_core.sf.4/net/enp3s0f0s88", &[]);
        let device = root.path().join("sys/devices/pci0000:00/0000:03:00.0/mlx5_core.sf.4");
        symlink("../..", device.join("net/enp3s0f0s88/device")).expect("link");
        symlink("/sys/bus/auxiliary", device.join("subsystem")).expect("link");
        assert_eq!(host.origin_of_interface(Path::new("/sys/class/net/enp3s0f0s88")), Origin::Software);
    }
}
