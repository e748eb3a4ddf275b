//! Places of devices, in words that are the same after the next boot.

use std::path::{Path, PathBuf};

use super::super::survey::Survey;

/// What the kernel numbers in the order in which it finds it, and directories that only group.
const COUNTED: [&str; 22] = [
    "virtio",
    "host",
    "target",
    "usb",
    "nvme",
    "nvme-subsys",
    "block",
    "net",
    "port-",
    "end_device-",
    "expander-",
    "rport-",
    "mmc",
    "mmc_host",
    "hwmon",
    "tpm",
    "ipmi",
    "power_supply",
    "card",
    "drm",
    "session",
    "vmbus",
];

/// The way to a device from the root of its bus, without numbers of buses, hosts and the like, which change from boot to boot:
/// `/sys/devices/pci0000:00/0000:00:1f.2/ata2/host3/target3:0:0/3:0:0:0` becomes `0000:00/1f.2/ata2/0:0:0`. `None` when it leads
/// nowhere.
pub(super) fn way(survey: &Survey<'_>, device: &Path) -> Option<String> {
    way_of(survey, &survey.host.real(device)?)
}

/// The way to a device of which the real path is known: finding that takes as long as reading several files.
pub(super) fn way_of(survey: &Survey<'_>, real: &Path) -> Option<String> {
    let mut above = PathBuf::from("/sys/devices");
    let parts = real.strip_prefix("/sys/devices").ok()?.components();
    let steps = parts.filter_map(|part| {
        let step = step(survey, &above, &part.as_os_str().to_string_lossy());
        above.push(part);
        step
    });
    let way = steps.collect::<Vec<_>>().join("/");
    (!way.is_empty()).then_some(way)
}

/// The step of one directory below `above`; `None` for one whose name is counted or only groups.
fn step(survey: &Survey<'_>, above: &Path, name: &str) -> Option<String> {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(root) = name.strip_prefix("pci").filter(|root| root.contains(':')) {
        return Some(root.to_owned());
    }
    if is_pci_address(name) {
        return name.rsplit_once(':').map(|(_, function)| function.to_owned());
    }
    if let Some(number) = name.strip_prefix("ata").filter(|number| !number.is_empty() && is_number(number)) {
        // Counted over all controllers; the controller's own number is in a file, and else the number among its neighbours.
        let own = survey.host.text(format!("/sys/class/ata_port/{name}/port_no"));
        return Some(format!("ata{}", own.unwrap_or_else(|| among_neighbours(survey, above, number))));
    }
    if name.split_once(':').is_some_and(|(host, _)| host.strip_prefix("mmc").is_some_and(is_number)) {
        // `HOST:ADDRESS` of a card, which gives itself the address anew whenever it is started; `HOST:ADDRESS:FUNCTION` of a part of it.
        return name.splitn(3, ':').nth(2).map(str::to_owned);
    }
    if let Some((host, rest)) = name.split_once(':').filter(|(host, rest)| is_number(host) && !rest.is_empty()) {
        // `HOST:CHANNEL:TARGET:LUN`
        return if is_number(host) { Some(rest.to_owned()) } else { None };
    }
    if let Some((_, ports)) = name.split_once('-').filter(|(bus, _)| !bus.is_empty() && is_number(bus)) {
        // A USB device is `BUS-PORT.PORT`, an interface of it has a colon.
        return if ports.contains(':') { None } else { Some(ports.to_owned()) };
    }
    let stem =
        name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, ':' | 'n' | 'c') && name.starts_with("nvme"));
    let is_counted =
        COUNTED.iter().any(|counted| stem == *counted || counted.ends_with('-') && name.starts_with(counted));
    let is_target = name.starts_with("target");
    (!is_counted && !is_target).then(|| name.to_owned())
}

/// The number of a port among those of its controller, counted from 1 as `port_no` is: ports of one controller have numbers in a row. The
/// number itself where it cannot be told.
fn among_neighbours(survey: &Survey<'_>, controller: &Path, number: &str) -> String {
    let own: Option<u64> = number.parse().ok();
    let names = survey.host.list(controller);
    let numbers = names.iter().filter_map(|name| name.strip_prefix("ata")?.parse::<u64>().ok());
    let before = numbers.filter(|other| own.is_some_and(|own| *other <= own)).count();
    if before == 0 { number.to_owned() } else { before.to_string() }
}

/// `DOMAIN:BUS:DEVICE.FUNCTION`
pub(in super::super) fn is_pci_address(name: &str) -> bool {
    let parts: Vec<&str> = name.split([':', '.']).collect();
    parts.len() == 4
        && name.contains('.')
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The nearest PCI function that a path leads through.
pub(super) fn nearest_pci(survey: &Survey<'_>, device: &Path) -> Option<String> {
    nearest_pci_of(&survey.host.real(device)?)
}

/// The address of the PCI function next above a device, by the real path of the device.
pub(super) fn nearest_pci_of(real: &Path) -> Option<String> {
    let mut names = real.ancestors().filter_map(|above| Some(above.file_name()?.to_string_lossy().into_owned()));
    names.find(|name| is_pci_address(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;

    #[test]
    fn a_way_has_no_numbers_that_change() {
        let root = tempfile::tempdir().expect("temporary directory");
        let port = root.path().join("sys/class/ata_port/ata12");
        std::fs::create_dir_all(&port).expect("directories");
        std::fs::write(port.join("port_no"), "2\n").expect("write");
        let rows = [
            ("pci0000:00/0000:00:1f.2/ata12/host3/target3:0:0/3:0:0:0/block/sda", "0000:00/1f.2/ata2/0:0:0/sda"),
            ("pci0000:00/0000:00:06.0/0000:01:00.0/nvme/nvme0/nvme0n1", "0000:00/06.0/00.0"),
            ("pci0000:00/0000:00:12.0/usb2/2-3/2-3.1/2-3.1:1.0", "0000:00/12.0/3/3.1"),
            ("pci0000:00/0000:00:05.0/virtio4/net/eth0", "0000:00/05.0/eth0"),
            (
                "pci0000:00/0000:00:02.0/0000:01:00.0/host0/port-0:3/end_device-0:3/target0:0:3/0:0:3:0",
                "0000:00/02.0/00.0/0:3:0",
            ),
            ("platform/soc/18000000.wifi", "platform/soc/18000000.wifi"),
            ("platform/fe31.mmc/mmc_host/mmc1/mmc1:aaaa/block/mmcblk1", "platform/fe31.mmc/mmcblk1"),
            ("platform/fe32.mmc/mmc_host/mmc0/mmc0:0001/mmc0:0001:2/net/wlan0", "platform/fe32.mmc/2/wlan0"),
            // Without the file, the number is the one among the ports of the controller.
            ("pci0000:00/0000:00:17.0/ata7/host6/target6:0:0/6:0:0:0", "0000:00/17.0/ata1/0:0:0"),
            ("pci0000:00/0000:00:17.0/ata9/host8/target8:0:0/8:0:0:0", "0000:00/17.0/ata2/0:0:0"),
        ];
        let host = Host::at(root.path());
        let survey = Survey::new(&host, super::super::Topic::Disks);
        for (path, expected) in rows {
            let path = Path::new("/sys/devices").join(path);
            std::fs::create_dir_all(host.path(&path)).expect("directories");
            assert_eq!(way(&survey, &path).as_deref(), Some(expected), "{}", path.display());
        }
        assert_eq!(way(&survey, Path::new("/sys/devices/nowhere")), None);
    }
}
