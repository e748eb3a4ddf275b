//! Reading a BMC's identity, event log and network settings through the kernel's driver (`/dev/ipmiN`). Nothing here can change a BMC:
//! every request is a [`Question`], and no question sets, resets or logs in.

use std::fs::OpenOptions;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::{Duration, Instant};

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::{Deserialize, Serialize};

use super::Host;
use super::ioctl::{ipmi_receive, ipmi_send};

/// Longest wait for one answer. A missing answer ends the session, so that a BMC that hangs is not asked thirty times.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest wait for all answers of a session together.
const ALL_PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait for all answers of a session that reads an event log.
const LOG_PATIENCE: Duration = Duration::from_secs(90);
/// Most records of an event log that are read.
const MOST_RECORDS: usize = 20_000;
/// Channels that a machine's maker may use (IPMI 2.0, 6.3).
const CHANNELS: std::ops::RangeInclusive<u8> = 1..=11;
/// IPv6 addresses of a kind that are read; BMCs have up to 255 places, most of them empty.
const IPV6_ADDRESSES: u8 = 4;

/// The requests that can be sent to a BMC; all of them only read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Get Device ID (IPMI 2.0, 20.1).
    Device,
    /// Get Channel Info (22.24).
    Channel(u8),
    /// Get SEL Info (31.2).
    LogInfo,
    /// Get SEL Entry (31.5), all of it; 0 is the first.
    LogEntry(u16),
    /// Get LAN Configuration Parameters (23.2); some are lists.
    Lan { channel: u8, parameter: LanParameter, place: u8 },
}

/// The LAN parameters that are read; none of them holds a user or a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum LanParameter {
    Address = 3,
    Source = 4,
    Mac = 5,
    Mask = 6,
    Gateway = 12,
    Vlan = 20,
    CipherCount = 22,
    Ciphers = 23,
    Ipv6Enabled = 51,
    Ipv6Static = 56,
    Ipv6Dynamic = 59,
}

impl Question {
    /// Network function, command and data.
    pub(super) fn wire(self) -> (u8, u8, Vec<u8>) {
        const APPLICATION: u8 = 0x06;
        const STORAGE: u8 = 0x0a;
        const TRANSPORT: u8 = 0x0c;
        match self {
            Question::Device => (APPLICATION, 0x01, Vec::new()),
            Question::Channel(channel) => (APPLICATION, 0x42, vec![channel]),
            Question::LogInfo => (STORAGE, 0x40, Vec::new()),
            Question::LogEntry(id) => {
                let [low, high] = id.to_le_bytes();
                (STORAGE, 0x43, vec![0, 0, low, high, 0, 0xff])
            }
            Question::Lan { channel, parameter, place } => (TRANSPORT, 0x02, vec![channel, parameter as u8, place, 0]),
        }
    }
}

/// The identity of a BMC, from its answer to Get Device ID (IPMI 2.0, 20.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BmcDevice {
    /// Its maker's number for the kind of device.
    pub id: u8,
    /// Revision of the device.
    pub revision: u8,
    /// Firmware, `MAJOR.MINOR` as the kernel writes it.
    pub firmware: String,
    /// IPMI version, for example `2.0`.
    pub ipmi_version: String,
    /// IANA enterprise number, `0x` and six hexadecimal digits as the kernel writes it.
    pub manufacturer: String,
    /// Product, `0x` and four hexadecimal digits.
    pub product: String,
}

/// A network connection of a BMC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
#[cfg_attr(test, schemars(!default))]
pub struct BmcLan {
    /// The channel's number.
    pub channel: u8,
    /// IPv4 address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Length of its network's prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<u32>,
    /// Where the address comes from: `static`, `dhcp`, `bios` or `other`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// Router.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub gateway: String,
    /// MAC address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mac_address: String,
    /// VLAN, if it is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// Numbers of the cipher suites that a session may have (IPMI 2.0, table 22-20); 0 is none at all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cipher_suites: Vec<u8>,
    /// IPv6 addresses in use, with the length of their prefix.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ipv6: Vec<String>,
}

impl Host {
    /// The identity of the BMC behind a device node of `/dev`, for example `ipmi0`; `None` if the BMC does not know the command.
    ///
    /// # Errors
    /// The node does not exist or cannot be opened, or the BMC does not answer in time.
    pub fn bmc_device(&self, node: &str) -> io::Result<Option<BmcDevice>> {
        self.ask(&format!("bmc_device {node}"), || device(&mut Session::open(node)?.asker()))
    }

    /// The event log of the BMC behind a device node; `None` if it has none.
    ///
    /// # Errors
    /// As for [`Host::bmc_device`].
    pub fn bmc_log(&self, node: &str) -> io::Result<Option<BmcLog>> {
        self.ask(&format!("bmc_log {node}"), || log(&mut Session::open(node)?.patient().asker()))
    }

    /// The network connections of the BMC behind a device node; empty if it has none or reports none.
    ///
    /// # Errors
    /// As for [`Host::bmc_device`].
    pub fn bmc_lan(&self, node: &str) -> io::Result<Vec<BmcLan>> {
        self.ask(&format!("bmc_lan {node}"), || lans(&mut Session::open(node)?.asker()))
    }
}

/// The event log of a BMC (SEL). Reading leaves the log as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BmcLog {
    /// The records as they are, 16 bytes each (IPMI 2.0, 32.1), the oldest first.
    pub records: Vec<Vec<u8>>,
    /// True if the log is full: later events were not recorded.
    pub is_full: bool,
    /// True if not all records could be read in time.
    pub is_cut: bool,
}

/// An open device node.
struct Session {
    node: std::fs::File,
    number: i32,
    deadline: Instant,
}

impl Session {
    fn open(node: &str) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
        let node = options.open(format!("/dev/{node}"))?;
        Ok(Session { node, number: 0, deadline: Instant::now() + ALL_PATIENCE })
    }

    /// The session with the longer limit of an event log, which takes one question for each record.
    fn patient(self) -> Self {
        Self { deadline: Instant::now() + LOG_PATIENCE, ..self }
    }

    fn asker(mut self) -> impl FnMut(Question) -> io::Result<Vec<u8>> {
        move |question| self.ask(question)
    }

    /// The answer from its completion code on.
    fn ask(&mut self, question: Question) -> io::Result<Vec<u8>> {
        self.number += 1;
        ipmi_send(&self.node, question, self.number)?;
        let deadline = self.deadline.min(Instant::now() + PATIENCE);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // Also where others' events keep coming.
            if left.is_zero() {
                return Err(io::Error::from_raw_os_error(libc::ETIMEDOUT));
            }
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
            let mut waited = [PollFd::new(self.node.as_fd(), PollFlags::POLLIN)];
            match poll(&mut waited, timeout) {
                Ok(0) => return Err(io::Error::from_raw_os_error(libc::ETIMEDOUT)),
                Ok(_) if !waited[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN)) => {
                    return Err(io::Error::from_raw_os_error(libc::EIO));
                }
                Ok(_) => {}
                Err(nix::errno::Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            }
            match ipmi_receive(&self.node) {
                // The late answer to an abandoned question, or an event that another program subscribed to.
                Ok(Some((number, _))) if number != self.number => {}
                Ok(Some((_, answer))) => return Ok(answer),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The bytes after the completion code; `None` if the BMC does not know the command or has no data for it.
fn payload(answer: &[u8]) -> io::Result<Option<&[u8]>> {
    let error = |number| Err(io::Error::from_raw_os_error(number));
    match answer.split_first() {
        Some((0, rest)) => Ok(Some(rest)),
        Some((0xc0, _)) => error(libc::EBUSY),
        Some((0xc3, _)) => error(libc::ETIMEDOUT),
        Some((0xd4, _)) => error(libc::EACCES),
        Some(_) => Ok(None),
        None => error(libc::EIO),
    }
}

/// Reads answers from bytes in place of a BMC, each after a byte with its length. For the fuzzers.
#[doc(hidden)]
pub fn ipmi_answers(bytes: &[u8]) {
    let mut rest = bytes;
    let mut next = |_: Question| -> io::Result<Vec<u8>> {
        let (length, after) = rest.split_first().ok_or_else(|| io::Error::from_raw_os_error(libc::EIO))?;
        let (answer, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        Ok(answer.to_vec())
    };
    let _ = device(&mut next);
    let _ = lans(&mut next);
    let _ = log(&mut next);
}

type Ask<'a> = &'a mut dyn FnMut(Question) -> io::Result<Vec<u8>>;

fn device(ask: Ask<'_>) -> io::Result<Option<BmcDevice>> {
    let answer = ask(Question::Device)?;
    let Some([id, revision, major, minor, version, _, m0, m1, m2, p0, p1, ..]) = payload(&answer)? else {
        return Ok(None);
    };
    Ok(Some(BmcDevice {
        id: *id,
        revision: revision & 0xf,
        firmware: format!("{}.{minor:x}", major & 0x7f),
        ipmi_version: format!("{}.{}", version & 0xf, version >> 4),
        manufacturer: format!("0x{:06x}", u32::from_le_bytes([*m0, *m1, *m2, 0]) & 0xf_ffff),
        product: format!("0x{:04x}", u16::from_le_bytes([*p0, *p1])),
    }))
}

fn log(ask: Ask<'_>) -> io::Result<Option<BmcLog>> {
    const LAST: u16 = 0xffff;
    let answer = ask(Question::LogInfo)?;
    let Some([_, low, high, _, _, _, _, _, _, _, _, _, _, flags, ..]) = payload(&answer)? else { return Ok(None) };
    let mut log = BmcLog { is_full: flags & 0x80 != 0, ..BmcLog::default() };
    let mut next = if (*low, *high) == (0, 0) { LAST } else { 0 };
    while next != LAST {
        let entry = ask(Question::LogEntry(next)).ok();
        let Some([low, high, record @ ..]) = entry.as_deref().and_then(|answer| payload(answer).ok().flatten()) else {
            log.is_cut = true;
            break;
        };
        log.records.push(record.iter().copied().take(16).collect());
        let after = u16::from_le_bytes([*low, *high]);
        // A BMC that names the same record again would be asked for ever.
        if after == next || log.records.len() >= MOST_RECORDS {
            log.is_cut = true;
            break;
        }
        next = after;
    }
    Ok(Some(log))
}

fn lans(ask: Ask<'_>) -> io::Result<Vec<BmcLan>> {
    const ETHERNET: u8 = 4;
    let mut found = Vec::new();
    for channel in CHANNELS {
        let answer = ask(Question::Channel(channel))?;
        if payload(&answer)?.and_then(|info| info.get(1)).is_some_and(|medium| medium & 0x7f == ETHERNET) {
            found.push(lan(channel, ask)?);
        }
    }
    Ok(found)
}

fn lan(channel: u8, ask: Ask<'_>) -> io::Result<BmcLan> {
    use LanParameter as P;
    // The value follows a byte with the revision of the parameters.
    let mut value = |parameter, place| -> io::Result<Vec<u8>> {
        let answer = ask(Question::Lan { channel, parameter, place })?;
        Ok(payload(&answer)?.and_then(|payload| payload.get(1..)).unwrap_or_default().to_vec())
    };
    let source = match value(P::Source, 0)?.first().map(|source| source & 0xf) {
        Some(1) => "static",
        Some(2) => "dhcp",
        Some(3) => "bios",
        Some(_) => "other",
        None => "",
    };
    let vlan = word(&value(P::Vlan, 0)?).filter(|vlan| vlan & 0x8000 != 0).map(|vlan| vlan & 0xfff);
    let count = value(P::CipherCount, 0)?.first().map_or(0, |count| usize::from(count & 0x1f));
    let mut lan = BmcLan {
        channel,
        address: ipv4(&value(P::Address, 0)?),
        prefix: value(P::Mask, 0)?.first_chunk().map(|mask: &[u8; 4]| u32::from_be_bytes(*mask).leading_ones()),
        source: source.to_owned(),
        gateway: ipv4(&value(P::Gateway, 0)?),
        mac_address: mac(&value(P::Mac, 0)?),
        vlan,
        cipher_suites: value(P::Ciphers, 0)?.into_iter().skip(1).take(count).collect(),
        ipv6: Vec::new(),
    };
    if lan.address.is_empty() {
        lan.prefix = None;
    }
    if value(P::Ipv6Enabled, 0)?.first().is_some_and(|enabled| *enabled > 0) {
        for parameter in [P::Ipv6Static, P::Ipv6Dynamic] {
            for place in 0..IPV6_ADDRESSES {
                let answer = value(parameter, place)?;
                if answer.is_empty() {
                    break;
                }
                lan.ipv6.extend(ipv6(&answer));
            }
        }
    }
    Ok(lan)
}

fn word(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

/// An address that is all zeros is none.
fn ipv4(bytes: &[u8]) -> String {
    let address = bytes.first_chunk().map(|bytes: &[u8; 4]| Ipv4Addr::from(*bytes));
    address.filter(|address| !address.is_unspecified()).map(|address| address.to_string()).unwrap_or_default()
}

fn mac(bytes: &[u8]) -> String {
    let bytes: Option<&[u8; 6]> = bytes.first_chunk().filter(|bytes| **bytes != [0; 6]);
    let text = |bytes: &[u8; 6]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":");
    bytes.map(text).unwrap_or_default()
}

/// Place, source, address, length of the prefix, status: 0 is in use (IPMI 2.0, E7, parameters 56 and 59).
fn ipv6(bytes: &[u8]) -> Option<String> {
    let address = Ipv6Addr::from(*bytes.get(2..18)?.first_chunk::<16>()?);
    let (prefix, status) = (bytes.get(18)?, bytes.get(19)?);
    (*status == 0 && !address.is_unspecified()).then(|| format!("{address}/{prefix}"))
}

#[cfg(test)]
mod tests;
