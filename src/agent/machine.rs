//! What a region is told of a machine that it does not know: its addresses and its architecture.

use super::Error;
use crate::host::{Host, Interface};
use crate::region::NewMachine;

/// Some virtual interface has it on every machine: it is nobody's.
const NOBODYS: &str = "02:00:00:00:00:02";

/// This machine.
///
/// # Errors
/// When it has no address that a region could know it by.
pub(super) fn of(host: &Host) -> Result<NewMachine, Error> {
    let mut mac_addresses: Vec<String> = Vec::new();
    for interface in host.interfaces().into_iter().filter(|interface| interface.physical) {
        let address = address(host, &interface);
        if is_mac(&address) && !mac_addresses.contains(&address) {
            mac_addresses.push(address);
        }
    }
    if mac_addresses.is_empty() {
        return Err(Error::NoAddress);
    }
    Ok(NewMachine { architecture: architecture(&own_architecture(host)), mac_addresses })
}

/// `uname -m`. Who enlists a machine runs on it: where its files do not tell, the kernel that runs here is its own.
fn own_architecture(host: &Host) -> String {
    let told = host.uname().machine;
    if told == "unknown" { Host::live().uname().machine } else { told }
}

/// The address that is burnt in: members of a bond all show the bond's.
fn address(host: &Host, interface: &Interface) -> String {
    host.permanent_address(&interface.name).ok().filter(|text| is_mac(text)).unwrap_or(interface.mac_address.clone())
}

fn is_mac(text: &str) -> bool {
    let bytes: Vec<&str> = text.split(':').collect();
    let is_byte = |byte: &&str| byte.len() == 2 && byte.chars().all(|c| c.is_ascii_hexdigit());
    bytes.len() == 6 && bytes.iter().all(is_byte) && bytes.iter().any(|byte| *byte != "00") && text != NOBODYS
}

/// Debian's word for what the kernel calls a machine.
fn architecture(machine: &str) -> String {
    let word = match machine {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "ppc64le" => "ppc64el",
        "armv6l" | "armv7l" | "armv8l" => "armhf",
        "i386" | "i486" | "i586" | "i686" => "i386",
        other => other,
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(interfaces: &[(&str, &str, bool)]) -> Result<NewMachine, Error> {
        let root = tempfile::tempdir().expect("a temporary directory");
        for (name, address, physical) in interfaces {
            let path = root.path().join("sys/class/net").join(name);
            let made = if *physical { path.join("device") } else { path.clone() };
            std::fs::create_dir_all(made).expect("directories");
            std::fs::write(path.join("address"), format!("{address}\n")).expect("a file");
        }
        of(&Host::at(root.path()))
    }

    #[test]
    fn each_address_of_hardware_counts_once_in_small_letters() {
        let machine = machine(&[
            ("eno1", "52:54:00:AA:00:01", true),
            ("eno2", "52:54:00:aa:00:02", true),
            ("eno3", "52:54:00:aa:00:02", true),
            ("docker0", "02:42:00:aa:00:03", false),
            ("usb0", "02:00:00:00:00:02", true),
            ("ib0", "80:00:00:48:fe:80:00:00:00:00:00:00:00:02:c9:03:00:00:0f:b1", true),
            ("wwan0", "00:00:00:00:00:00", true),
        ]);
        assert_eq!(machine.expect("two addresses").mac_addresses, ["52:54:00:aa:00:01", "52:54:00:aa:00:02"]);
    }

    #[test]
    fn a_machine_without_an_address_is_told_so() {
        let error = machine(&[("docker0", "02:42:00:aa:00:03", false)]).expect_err("nothing to be known by");
        assert!(error.to_string().contains("MAC address"), "{error}");
    }

    #[test]
    fn architectures_have_debians_words() {
        let rows = [
            ("x86_64", "amd64"),
            ("aarch64", "arm64"),
            ("ppc64le", "ppc64el"),
            ("s390x", "s390x"),
            ("armv7l", "armhf"),
            ("i686", "i386"),
            ("riscv64", "riscv64"),
        ];
        for (kernel, debian) in rows {
            assert_eq!(architecture(kernel), debian);
        }
    }
}
