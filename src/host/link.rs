//! The kernel's news of network links: which interface a message of the routing socket is about, and whether its link is another.

use std::collections::BTreeMap;

use super::Host;

/// `RTM_NEWLINK`; the message of a link that goes is a uevent, too.
const NEW_LINK: u16 = 16;
/// Bytes of `struct nlmsghdr`.
const HEADER: usize = 16;
/// Bytes of `struct ifinfomsg`.
const ABOUT: usize = 16;
/// `IFLA_IFNAME`.
const NAME: u16 = 3;

/// The names of the interfaces that a datagram of the routing socket tells news of. What is not understood is left out.
#[must_use]
pub(super) fn told_of(bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = bytes;
    while let (Some(length), Some(kind)) = (number(rest, 0), half(rest, 4)) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length < HEADER {
            break;
        }
        // A long list of virtual functions may have been cut off; the name comes before it.
        let message = &rest[..length.min(rest.len())];
        if kind == NEW_LINK {
            names.extend(message.get(HEADER + ABOUT..).and_then(name));
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    names
}

/// The attribute with the name.
fn name(attributes: &[u8]) -> Option<String> {
    let mut rest = attributes;
    loop {
        let length = usize::from(half(rest, 0)?);
        let value = rest.get(4..length)?;
        if half(rest, 2)? == NAME {
            let value = value.split(|&byte| byte == 0).next()?;
            return std::str::from_utf8(value).ok().filter(|name| is_name(name)).map(str::to_owned);
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
}

/// It becomes a part of a path.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('/') && name != "." && name != ".."
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The links of a machine as they were last seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Links(BTreeMap<String, String>);

impl Links {
    /// As they are now.
    #[must_use]
    pub(super) fn of(host: &Host) -> Links {
        let mut links = Links::default();
        for interface in host.interfaces() {
            links.is_news(host, &interface.name);
        }
        links
    }

    /// Whether the link of an interface with hardware is not as it was last seen (`operstate`, `carrier`). The kernel tells of links
    /// for many reasons, and of those of containers all the time.
    pub(super) fn is_news(&mut self, host: &Host, name: &str) -> bool {
        let directory = format!("/sys/class/net/{name}");
        if !host.exists(format!("{directory}/device")) {
            self.0.remove(name);
            return false;
        }
        let attribute = |key: &str| host.text(format!("{directory}/{key}")).unwrap_or_default();
        let state = format!("{} {}", attribute("operstate"), attribute("carrier"));
        self.0.insert(name.to_owned(), state.clone()) != Some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len() + 4).expect("short");
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn message(kind: u16, name: &[u8]) -> Vec<u8> {
        let body = [vec![0; ABOUT], attribute(13, &[1, 2, 3, 4, 5]), attribute(NAME, name)].concat();
        let length = u32::try_from(HEADER + body.len()).expect("short");
        [length.to_ne_bytes().to_vec(), kind.to_ne_bytes().to_vec(), vec![0; 10], body].concat()
    }

    #[test]
    fn every_link_of_a_datagram_is_told_by_name() {
        let datagram =
            [message(NEW_LINK, b"eth0\0"), message(20, b"eth1\0"), message(NEW_LINK, b"enp3s0f1\0")].concat();
        assert_eq!(told_of(&datagram), ["eth0", "enp3s0f1"]);
        assert_eq!(told_of(&message(NEW_LINK, b"../../etc\0")), [""; 0]);
    }

    #[test]
    fn only_another_state_of_a_link_with_hardware_is_news() {
        let root = tempfile::tempdir().expect("temporary directory");
        let write = |path: &str, text: &str| {
            let path = root.path().join("sys/class/net").join(path);
            std::fs::create_dir_all(path.parent().expect("parent")).expect("directories");
            std::fs::write(path, text).expect("write");
        };
        for name in ["eth0/device/x", "eth0/address", "veth1/address"] {
            write(name, "\n");
        }
        write("eth0/operstate", "up\n");
        write("veth1/operstate", "up\n");
        let host = Host::at(root.path());
        let mut links = Links::of(&host);
        assert!(!links.is_news(&host, "eth0"), "as it was");
        write("eth0/operstate", "down\n");
        write("veth1/operstate", "down\n");
        assert!(!links.is_news(&host, "veth1"), "nothing is behind it");
        assert!(links.is_news(&host, "eth0"), "another state");
        assert!(!links.is_news(&host, "eth0"), "told already");
    }

    proptest! {
        #[test]
        fn no_bytes_are_a_problem(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..60usize, byte in any::<u8>()) {
            let _ = told_of(&bytes);
            let mut damaged = message(NEW_LINK, b"eth0\0");
            damaged[at % 48] = byte;
            let _ = told_of(&damaged);
            let _ = told_of(&damaged[..at % 48]);
        }
    }
}
