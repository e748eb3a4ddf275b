//! Questions that only a kernel answers: ethtool, MTU and block sizes, and those that it hands on to a BMC. **The only module with
//! `unsafe` code**: the calls, and one look at an answer.
#![expect(unsafe_code, reason = "these calls take pointers inside structures; no crate wraps them safely")]

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::libc;
use rustix::fs::{Mode, OFlags};
use rustix::ioctl::{Opcode, Updater, opcode};
use serde::{Deserialize, Serialize};

use super::Host;
use super::ipmi::Question;

const SIOCGIFMTU: libc::Ioctl = 0x8921;
const SIOCETHTOOL: libc::Ioctl = 0x8946;
const GSET: u32 = 0x01;
const GDRVINFO: u32 = 0x03;
const GLINK: u32 = 0x0a;
const GPERMADDR: u32 = 0x20;
const GLINKSETTINGS: u32 = 0x4c;
const GSTRINGS: u32 = 0x1b;
const GSTATS: u32 = 0x1d;
const GSSET_INFO: u32 = 0x37;

/// The set of names of a driver's counters (`ETH_SS_STATS`).
const STATS: u32 = 1;
/// Words of a name (`ETH_GSTRING_LEN`, 32 bytes).
const NAME_WORDS: usize = 8;
/// More counters than any driver has, even with a set for each of hundreds of queues.
const MOST_COUNTERS: usize = 65_536;

/// Words of `struct ethtool_drvinfo`.
const DRVINFO_WORDS: usize = 49;
/// Words of `struct ethtool_link_settings` before its masks.
const SETTINGS_WORDS: usize = 12;
/// More words of link modes than any kernel has.
const MOST_MASK_WORDS: usize = 127;

/// What a driver says of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSettings {
    /// Mbit/s; all ones is unknown.
    pub speed: u32,
    /// 0 half, 1 full.
    pub duplex: u8,
    /// Connector, by ethtool's numbers.
    pub port: u8,
    /// 1 is on.
    pub autoneg: u8,
    /// 0 internal, 1 external.
    pub transceiver: u8,
    /// Supported link modes, a bit each, 32 a word.
    pub supported: Vec<u32>,
}

impl Host {
    /// The physical block size of a disk in bytes (`BLKPBSZGET`); `None` when it cannot be opened, or in a copied tree.
    ///
    /// # Errors
    /// When the disk can be opened and does not answer.
    pub fn physical_block_size(&self, disk: &str) -> io::Result<Option<u64>> {
        if !self.has_kernel() {
            return Ok(None);
        }
        self.ask(&format!("physical_block_size {disk}"), || {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let Ok(file) = rustix::fs::open(format!("/dev/{disk}"), flags, Mode::empty()) else { return Ok(None) };
            Ok(Some(rustix::fs::ioctl_blkpbszget(file)?.into()))
        })
    }

    /// Whether an interface has a link (`ETHTOOL_GLINK`).
    ///
    /// # Errors
    /// When the driver does not answer; always in a copied tree.
    pub fn link_detected(&self, interface: &str) -> io::Result<bool> {
        self.ask(&format!("link_detected {interface}"), || {
            let mut data = [GLINK, 0];
            ethtool(interface, &mut data)?;
            Ok(data[1] == 1)
        })
    }

    /// The MAC address that is burnt in (`ETHTOOL_GPERMADDR`).
    ///
    /// # Errors
    /// As for [`Host::link_detected`].
    pub fn permanent_address(&self, interface: &str) -> io::Result<String> {
        self.ask(&format!("permanent_address {interface}"), || {
            let mut data = [0u32; 2 + 8];
            (data[0], data[1]) = (GPERMADDR, 32);
            ethtool(interface, &mut data)?;
            let size = usize::try_from(data[1]).unwrap_or(0).min(32);
            let bytes: Vec<u8> = data[2..].iter().flat_map(|word| word.to_ne_bytes()).take(size).collect();
            Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"))
        })
    }

    /// Driver, its version, and the firmware's (`ETHTOOL_GDRVINFO`).
    ///
    /// # Errors
    /// As for [`Host::link_detected`].
    pub fn driver_info(&self, interface: &str) -> io::Result<[String; 3]> {
        self.ask(&format!("driver_info {interface}"), || {
            let mut data = [0u32; DRVINFO_WORDS];
            data[0] = GDRVINFO;
            ethtool(interface, &mut data)?;
            let bytes: Vec<u8> = data.iter().flat_map(|word| word.to_ne_bytes()).collect();
            let text = |place: usize| {
                let field = &bytes[4 + 32 * place..4 + 32 * (place + 1)];
                let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
                String::from_utf8_lossy(&field[..end]).into_owned()
            };
            Ok([text(0), text(1), text(2)])
        })
    }

    /// Speed, connector and modes (`ETHTOOL_GLINKSETTINGS`, else the older `ETHTOOL_GSET`).
    ///
    /// # Errors
    /// The error of the older question when both fail.
    pub fn link_settings(&self, interface: &str) -> io::Result<LinkSettings> {
        let question = format!("link_settings {interface}");
        self.ask(&question, || new_link_settings(interface).or_else(|_| old_link_settings(interface)))
    }

    /// The counters of a driver by the driver's own names (`ethtool -S`: `ETHTOOL_GSSET_INFO`, `ETHTOOL_GSTRINGS`, `ETHTOOL_GSTATS`).
    ///
    /// # Errors
    /// As for [`Host::link_detected`]; also when the driver has none.
    pub fn driver_counters(&self, interface: &str) -> io::Result<Vec<(String, u64)>> {
        self.ask(&format!("driver_counters {interface}"), || driver_counters(interface))
    }

    /// The largest packet of an interface in bytes (`SIOCGIFMTU`).
    ///
    /// # Errors
    /// When there is no such interface; always in a copied tree.
    pub fn mtu(&self, interface: &str) -> io::Result<u64> {
        self.ask(&format!("mtu {interface}"), || {
            let mut request = request(interface, libc::__c_anonymous_ifr_ifru { ifru_mtu: 0 })?;
            ask(SIOCGIFMTU, &mut request)?;
            // SAFETY: the union was filled as a number and the kernel answers this question with one.
            let mtu = unsafe { request.ifr_ifru.ifru_mtu };
            Ok(u64::try_from(mtu).unwrap_or(0))
        })
    }
}

fn driver_counters(interface: &str) -> io::Result<Vec<(String, u64)>> {
    let [low, high] = two_words(1 << STATS);
    let mut info = [GSSET_INFO, 0, low, high, 0];
    ethtool(interface, &mut info)?;
    let count = usize::try_from(info[4]).ok().filter(|count| (1..=MOST_COUNTERS).contains(count));
    let count = count.ok_or_else(|| io::Error::other("the driver has no counters of its own"))?;
    // The kernel writes as many as the driver has at that moment, whatever was asked. A driver whose queues are changed meanwhile has
    // more, but not ten times as many and a thousand besides.
    let room = count * 10 + 1000;
    let mut names = vec![0u32; 3 + NAME_WORDS * room];
    (names[0], names[1], names[2]) = (GSTRINGS, STATS, info[4]);
    ethtool(interface, &mut names)?;
    let mut values = vec![0u32; 2 + 2 * room];
    (values[0], values[1]) = (GSTATS, info[4]);
    ethtool(interface, &mut values)?;
    if names[2] != info[4] || values[1] != info[4] {
        return Err(io::Error::other("the driver's counters changed while they were read"));
    }
    let name = |words: &[u32]| {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).take_while(|byte| *byte != 0).collect();
        String::from_utf8_lossy(&bytes).trim().to_owned()
    };
    let names = names[3..].chunks_exact(NAME_WORDS).map(name);
    let values = values[2..].chunks_exact(2).map(|words| {
        let mut bytes = [0; 8];
        for (half, word) in bytes.chunks_exact_mut(4).zip(words) {
            half.copy_from_slice(&word.to_ne_bytes());
        }
        u64::from_ne_bytes(bytes)
    });
    Ok(names.zip(values).take(count).collect())
}

/// A number of 64 bits as the two words that it is in memory.
#[expect(clippy::cast_possible_truncation, reason = "half of it is meant")]
fn two_words(number: u64) -> [u32; 2] {
    let words = [number as u32, (number >> 32) as u32];
    if cfg!(target_endian = "big") { [words[1], words[0]] } else { words }
}

fn new_link_settings(interface: &str) -> io::Result<LinkSettings> {
    let mut data = vec![0u32; SETTINGS_WORDS + 3 * MOST_MASK_WORDS];
    data[0] = GLINKSETTINGS;
    // The first answer tells, negated, how many words a mask has here.
    ethtool(interface, &mut data)?;
    let words = data[3].to_ne_bytes()[3].cast_signed();
    let words = usize::try_from(-i32::from(words)).ok().filter(|words| (1..=MOST_MASK_WORDS).contains(words));
    let words = words.ok_or_else(|| io::Error::other("the driver does not tell the size of its masks"))?;
    data.fill(0);
    data[0] = GLINKSETTINGS;
    let mut head = data[3].to_ne_bytes();
    head[3] = u8::try_from(words).unwrap_or(0);
    data[3] = u32::from_ne_bytes(head);
    ethtool(interface, &mut data)?;
    let [duplex, port, _, autoneg] = data[2].to_ne_bytes();
    Ok(LinkSettings {
        speed: data[1],
        duplex,
        port,
        autoneg,
        transceiver: data[4].to_ne_bytes()[0],
        supported: data[SETTINGS_WORDS..SETTINGS_WORDS + words].to_vec(),
    })
}

fn old_link_settings(interface: &str) -> io::Result<LinkSettings> {
    let mut data = [0u32; 11];
    data[0] = GSET;
    ethtool(interface, &mut data)?;
    let [low, high, duplex, port] = data[3].to_ne_bytes();
    let [_, transceiver, autoneg, _] = data[4].to_ne_bytes();
    let [high_low, high_high, ..] = data[7].to_ne_bytes();
    let speed = u32::from(u16::from_ne_bytes([low, high])) | u32::from(u16::from_ne_bytes([high_low, high_high])) << 16;
    let speed = if speed == u32::from(u16::MAX) { u32::MAX } else { speed };
    Ok(LinkSettings { speed, duplex, port, autoneg, transceiver, supported: vec![data[1]] })
}

/// Asks the driver of an interface; `data` begins with the question and takes the answer. Every caller's `data` is at least as
/// long as the structure of its question, with the sizes that the question itself states filled in.
fn ethtool(interface: &str, data: &mut [u32]) -> io::Result<()> {
    let data = libc::__c_anonymous_ifr_ifru { ifru_data: data.as_mut_ptr().cast() };
    ask(SIOCETHTOOL, &mut request(interface, data)?)
}

fn ask(question: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
    let socket = nix::sys::socket::socket(
        nix::sys::socket::AddressFamily::Inet,
        nix::sys::socket::SockType::Datagram,
        nix::sys::socket::SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    // SAFETY: the socket is open for the whole call. `request` is a valid `ifreq` with a terminated name. A data pointer
    // in it comes from `ethtool`, whose caller's buffer is borrowed mutably until after the call and long enough.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), question, request) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn request(interface: &str, value: libc::__c_anonymous_ifr_ifru) -> io::Result<libc::ifreq> {
    let mut name: [libc::c_char; libc::IFNAMSIZ] = [0; libc::IFNAMSIZ];
    if interface.len() >= name.len() {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (place, byte) in name.iter_mut().zip(interface.bytes()) {
        *place = libc::c_char::from_ne_bytes([byte]);
    }
    Ok(libc::ifreq { ifr_name: name, ifr_ifru: value })
}

/// `IPMICTL_SEND_COMMAND` (linux/ipmi.h).
const IPMI_SEND: Opcode = opcode::read::<IpmiRequest>(b'i', 13);
/// `IPMICTL_RECEIVE_MSG_TRUNC`: what is too long is cut, and leaves the queue.
const IPMI_RECEIVE: Opcode = opcode::read_write::<IpmiReceived>(b'i', 11);
/// `IPMI_SYSTEM_INTERFACE_ADDR_TYPE`: the BMC of this machine, and `IPMI_BMC_CHANNEL`.
const IPMI_OWN_BMC: IpmiAddress = IpmiAddress { kind: 0x0c, channel: 0xf, lun: 0 };
/// `IPMI_RESPONSE_RECV_TYPE`.
const IPMI_RESPONSE: libc::c_int = 1;
/// The longest answer (`IPMI_MAX_MSG_LENGTH`).
const IPMI_LONGEST: usize = 272;

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct IpmiAddress {
    kind: libc::c_int,
    channel: libc::c_short,
    lun: u8,
}

#[repr(C)]
struct IpmiMessage {
    function: u8,
    command: u8,
    length: u16,
    data: *mut u8,
}

#[repr(C)]
struct IpmiRequest {
    address: *mut IpmiAddress,
    address_length: libc::c_uint,
    number: libc::c_long,
    message: IpmiMessage,
}

#[repr(C)]
struct IpmiReceived {
    kind: libc::c_int,
    address: *mut IpmiAddress,
    address_length: libc::c_uint,
    number: libc::c_long,
    message: IpmiMessage,
}

/// Sends a question to the BMC behind a device node; the answer will bear the same number.
pub(super) fn ipmi_send(device: impl AsFd, question: Question, number: i32) -> io::Result<()> {
    let (function, command, mut data) = question.wire();
    let mut address = IPMI_OWN_BMC;
    let mut request = IpmiRequest {
        address: &raw mut address,
        address_length: size(size_of::<IpmiAddress>()),
        number: number.into(),
        message: IpmiMessage {
            function,
            command,
            length: u16::try_from(data.len()).unwrap_or(0),
            data: data.as_mut_ptr(),
        },
    };
    // SAFETY: the structure is the one of this question (linux/ipmi.h). Both pointers in it lead to values on this stack that live
    // until after the call, with their sizes; the kernel only reads them.
    unsafe { rustix::ioctl::ioctl(device, Updater::<IPMI_SEND, _>::new(&mut request)) }.map_err(io::Error::from)
}

/// Takes what has come from a BMC: the number of the question, and the answer from its completion code on; `None` for anything else
/// than an answer.
pub(super) fn ipmi_receive(device: impl AsFd) -> io::Result<Option<(i32, Vec<u8>)>> {
    let mut address = [IpmiAddress::default(); 8];
    let mut data = vec![0; IPMI_LONGEST];
    let mut received = IpmiReceived {
        kind: 0,
        address: address.as_mut_ptr(),
        address_length: size(size_of_val(&address)),
        number: 0,
        message: IpmiMessage { function: 0, command: 0, length: size(IPMI_LONGEST), data: data.as_mut_ptr() },
    };
    // SAFETY: as above; the kernel writes at most as many bytes as the sizes say, which are those of the two buffers.
    unsafe { rustix::ioctl::ioctl(device, Updater::<IPMI_RECEIVE, _>::new(&mut received)) }?;
    data.truncate(received.message.length.into());
    Ok((received.kind == IPMI_RESPONSE).then_some((i32::try_from(received.number).unwrap_or(-1), data)))
}

/// A size of ours, which fits.
fn size<T: TryFrom<usize> + Default>(bytes: usize) -> T {
    T::try_from(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn the_structures_of_ipmi_are_the_kernels() {
        assert_eq!((size_of::<IpmiAddress>(), size_of::<IpmiRequest>(), size_of::<IpmiReceived>()), (8, 40, 48));
        #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
        assert_eq!((IPMI_SEND, IPMI_RECEIVE), (0x8028_690d, 0xc030_690b));
    }

    #[test]
    fn the_loopback_answers_and_nobody_else_is_asked() {
        let host = Host::live();
        assert_eq!(host.link_detected("lo").ok(), Some(true));
        assert!(host.mtu("lo").is_ok_and(|mtu| mtu >= 1500));
        assert!(host.driver_counters("lo").is_err(), "the loopback has none");
        assert!(host.link_detected("no-such-interface-at-all").is_err());
        assert!(host.link_detected("nosuch0").is_err());
        assert!(Host::at("/tmp").link_detected("lo").is_err(), "a copied tree has no kernel");
        assert_eq!(host.physical_block_size("no-such-disk").ok(), Some(None));
        assert!(host.physical_block_size("null").is_err(), "a device that is no disk does not answer");
    }
}
