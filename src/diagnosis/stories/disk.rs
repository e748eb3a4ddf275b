//! Disks: sense data, ATA exceptions, NVMe status, block layer, RAID.

use std::collections::{BTreeMap, BTreeSet};

use super::command::{is_abort_alone, may_be_declined};
use super::sense::{additional, result};
use super::{State as All, Story};
use crate::diagnosis::book::{At, Book, Entry, Found, Now};
use crate::diagnosis::code::{Code, Kind};
use crate::diagnosis::name;
use crate::diagnosis::pattern::word;
use crate::diagnosis::rules::Name;

/// An iSCSI connection that ends within so many seconds after its host appeared has not carried a disk yet.
const LOGIN: f64 = 5.0;
/// A drive loses its capacity within so many seconds after the link of its slot.
const SLOT: f64 = 60.0;

#[derive(Debug, Default)]
pub(super) struct State {
    /// The sense key of the last line, with its disk.
    key: (String, String),
    /// Drives without a medium: a failed request there is no fault.
    empty: BTreeSet<String>,
    /// The ATA port of the last line about a port.
    port: String,
    /// The last command of a port, and true if a drive may decline it.
    command: (String, bool),
    /// Ports that had an exception.
    faulty: BTreeSet<String>,
    /// Ports that did not answer a reset, without an exception before: a disk that spins up takes its time.
    slow: BTreeMap<String, Vec<(At, String)>>,
    /// Ports of optical drives and tapes: they are no disks.
    packet: BTreeSet<String>,
    /// Ports whose link went down and did not come back.
    gone: BTreeMap<String, (At, String)>,
    /// An abort of `mptscsih`, with its controller, until the line that names the disk.
    abort: Option<(String, At, String)>,
    /// The time of the newest iSCSI host, in seconds.
    iscsi: Option<f64>,
    /// NVMe controllers whose namespaces lost their capacity.
    emptied: BTreeMap<String, (At, String)>,
}

impl State {
    /// Forgets which ports have no disk: after another start they may be numbered otherwise.
    pub(super) fn restarted(&mut self) {
        self.packet.clear();
    }
}

/// Handles lines of the SCSI layer.
pub(super) fn scsi(story: Story, now: &Now<'_>, book: &mut Book, all: &mut All) -> bool {
    let disk = name::disk(now.text);
    if disk.is_empty() || disk.starts_with("sr") || disk.starts_with("st") {
        return true;
    }
    belongs_to_port(&disk, now, book, all);
    let state = &mut all.disk;
    let code = match story {
        Story::SenseKey => {
            let key = now
                .text
                .split_once("Sense Key : ")
                .map_or("", |(_, rest)| rest.split(" [").next().unwrap_or(rest).trim());
            state.key = (disk.clone(), key.to_string());
            match key {
                "Medium Error" | "0x3" => Some(Code::DiskMediumError),
                "Hardware Error" | "0x4" => Some(Code::DiskHardwareError),
                _ => None,
            }
        }
        Story::AddSense => {
            let sense = now.text.split_once("Add. Sense: ").map_or("", |(_, rest)| rest.trim());
            let key = if state.key.0 == disk { state.key.1.as_str() } else { "" };
            if sense.starts_with("Medium not present") {
                state.empty.insert(disk.clone());
            }
            additional(key, &sense.to_ascii_lowercase())
        }
        Story::DiskLeft if !now.text.contains("hostbyte=DID_OK") => Some(Code::DiskOffline),
        Story::ScsiResult => result(now.text),
        _ => None,
    };
    if let Some(code) = code {
        let found = Found::new(code, disk);
        book.note(if code == Code::DiskIoError { found.weak() } else { found }, now);
    }
    true
}

/// False for devices without hardware behind them, and for those whose errors come from a missing medium.
fn counts(device: &str, state: &State) -> bool {
    let none = ["loop", "fd", "ram", "zram", "sr", "nbd", "rbd", "drbd"].iter().any(|start| device.starts_with(start));
    !none && !device.is_empty() && !state.empty.contains(name::family(device))
}

/// `critical medium error, dev sda, sector 1 op 0x0:(READ)`, with the prefixes of four generations.
pub(super) fn block(story: Story, part: &str, now: &Now<'_>, book: &mut Book, all: &mut All) -> bool {
    let device = word(part).to_string();
    if !counts(&device, &all.disk) {
        return true;
    }
    if story == Story::BufferError {
        book.note(Found::new(Code::DiskIoError, device).weak(), now);
        return true;
    }
    let Some((kind, rest)) = now.text.split_once(" error, dev ") else { return false };
    let kind = kind.rsplit(": ").next().unwrap_or(kind);
    let frees = ["(DISCARD)", "(WRITE_ZEROES)", "(SECURE_ERASE)", "(ZONE_"].iter().any(|op| rest.contains(op));
    let code = match kind {
        "critical medium" => Code::DiskMediumError,
        "critical nexus" | "reservation conflict" => Code::DiskReservationConflict,
        "protection" => Code::DiskProtectionError,
        "timeout" => Code::DiskTimeout,
        "device offline" => Code::DiskOffline,
        "recoverable transport" => Code::DiskPathFailed,
        "I/O" => Code::DiskIoError,
        "critical target" if !frees => Code::DiskIoError,
        _ => return true,
    };
    belongs_to_port(&device, now, book, all);
    let found = Found::new(code, device);
    book.note(if code == Code::DiskIoError { found.weak() } else { found }, now);
    true
}

/// A disk that fails right after an ATA port did is the disk at that port: hosts of libata have one disk each, `3:0:0:0` for `ata4`
/// on most machines.
fn belongs_to_port(disk: &str, now: &Now<'_>, book: &Book, all: &mut All) {
    if all.disk.port.is_empty() || !disk.starts_with("sd") {
        return;
    }
    let (address, _) = name::scsi(now.text);
    let host = address
        .filter(|address| address.ends_with(":0:0"))
        .and_then(|address| address.split(':').next()?.parse::<u32>().ok());
    let mut near = book.entries.iter().filter(|entry| {
        let recent = now.stamp.zip(entry.last.seconds).is_none_or(|(stamp, last)| stamp.seconds - last < 60.0);
        entry.device.starts_with("ata") && recent
    });
    let port = match host {
        Some(host) => near.find(|entry| entry.device == format!("ata{}", host + 1)).or_else(|| near.next()),
        None => near.next().filter(|_| near.next().is_none()),
    };
    if let Some(port) = port.map(|entry| entry.device.clone()) {
        all.names.is_called(&port, disk);
    }
}

/// An exception of an ATA port: result, SATA errors, error register.
pub(super) fn ata_fault(story: Story, part: &str, now: &Now<'_>, book: &mut Book, all: &mut All) -> bool {
    let state = &mut all.disk;
    let own = name::ata(now.text.split(':').next().unwrap_or(""));
    if story == Story::AtaResult && own.is_empty() && !now.text.starts_with("res ") {
        return false;
    }
    if !own.is_empty() {
        state.port = own;
    }
    if state.port.is_empty() || (name::ata(part).is_empty() && story != Story::AtaResult) {
        return story == Story::AtaResult;
    }
    if story == Story::AtaPacket || now.text.contains("failed command: PACKET") {
        book.withdraw(|entry| entry.device == state.port);
        state.packet.insert(state.port.clone());
    }
    if state.packet.contains(&state.port) {
        return true;
    }
    if let Some(declinable) = may_be_declined(now.text) {
        state.command = (state.port.clone(), declinable);
    }
    // The drive knows the command and not this use of it, or not the command: nothing was lost.
    let declined = state.command == (state.port.clone(), true) && is_abort_alone(now.text);
    if declined && matches!(story, Story::AtaResult | Story::AtaError) {
        return true;
    }
    let braces = now.text.split_once('{').map_or("", |(_, rest)| rest);
    let has = |word: &str| braces.split_ascii_whitespace().any(|one| one == word);
    let code = match story {
        Story::AtaException => {
            state.faulty.insert(state.port.clone());
            return true;
        }
        Story::AtaResult => {
            match now.text.rsplit_once('(').map_or("", |(_, rest)| rest.split(')').next().unwrap_or(rest)) {
                "timeout" => Code::DiskTimeout,
                "media error" => Code::DiskMediumError,
                "ATA bus error" | "host bus error" | "HSM violation" | "internal error" => Code::DiskLinkError,
                "device error" | "invalid argument" | "unknown error" => Code::DiskIoError,
                _ => return true,
            }
        }
        Story::AtaSerror => {
            const DAMAGE: [&str; 8] =
                ["BadCRC", "10B8B", "Dispar", "Handshk", "LinkSeq", "TrStaTrns", "UnrecovData", "Proto"];
            if DAMAGE.iter().any(|word| has(word)) { Code::DiskLinkError } else { Code::DiskLinkReset }
        }
        _ if has("UNC") || has("AMNF") => Code::DiskMediumError,
        _ if has("ICRC") => Code::DiskLinkError,
        _ => Code::DiskIoError,
    };
    book.note(Found::new(code, state.port.clone()), now);
    true
}

/// Handles a line of libata about a port: link lost or back, timeout, reduced speed, reset, port given up.
pub(super) fn ata_port(story: Story, given: &str, now: &Now<'_>, book: &mut Book, all: &mut All) -> bool {
    let state = &mut all.disk;
    let port = name::ata(given);
    if port.is_empty() || state.packet.contains(&port) {
        return !port.is_empty();
    }
    let code = match story {
        Story::AtaLinkGone => {
            if state.faulty.contains(&port) {
                state.gone.insert(port, (now.at(), now.line()));
            }
            return true;
        }
        Story::AtaLinkBack => {
            state.gone.remove(&port);
            state.slow.remove(&port);
            return true;
        }
        Story::AtaSlow if !state.faulty.contains(&port) => {
            state.slow.entry(port).or_default().push((now.at(), now.line()));
            return true;
        }
        Story::AtaTimeout => Code::DiskTimeout,
        Story::AtaSlower => Code::DiskLinkSpeedReduced,
        Story::AtaReset | Story::AtaSlow => Code::DiskLinkReset,
        _ => Code::DiskOffline,
    };
    state.port.clone_from(&port);
    book.note(Found::new(code, port), now);
    true
}

/// iSCSI: a connection that ends, unless it was still logging in.
pub(super) fn iscsi(story: Story, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    let seconds = now.at().seconds;
    if story == Story::IscsiHost {
        state.iscsi = seconds;
        return true;
    }
    let logging_in = state.iscsi.zip(seconds).is_some_and(|(from, seconds)| (0.0..LOGIN).contains(&(seconds - from)));
    if !logging_in {
        book.note(Found::new(Code::DiskPathFailed, name::of(Name::Prefix, "", now.text)), now);
    }
    true
}

/// Handles aborts of `mptscsih` and of `mpt2sas` before 4.x: its line names only the controller; the disk stands in the line that shows the command.
pub(super) fn fusion(story: Story, part: &str, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    let mut told = |device: String, (at, line): (At, String), last: At| {
        book.note_lines(Found::new(Code::DiskTaskAbort, device), at, last, vec![line]);
    };
    match story {
        Story::Command => {
            let disk = name::disk(now.text);
            if let Some((_, at, line)) = state.abort.take_if(|_| !disk.is_empty()) {
                told(disk, (at, line), now.at());
            }
        }
        Story::FusionAbort => {
            let controller = if part.is_empty() { name::prefix(now.text) } else { part };
            let abort = (controller.to_string(), now.at(), now.line());
            if let Some((controller, at, line)) = state.abort.replace(abort) {
                told(controller, (at.clone(), line), at);
            }
        }
        _ => {
            if let Some((controller, at, line)) = state.abort.take() {
                told(controller, (at, line), now.at());
            }
            book.more(&[Code::DiskTaskAbort], now);
        }
    }
    true
}

/// A namespace without capacity is one that was removed, or one whose drive is gone.
pub(super) fn nvme_empty(part: &str, now: &Now<'_>, state: &mut State) -> bool {
    let digits: String = part.chars().take_while(char::is_ascii_digit).collect();
    if !digits.is_empty() {
        state.emptied.entry(format!("nvme{digits}")).or_insert_with(|| (now.at(), now.line()));
    }
    true
}

/// NVMe: status type and code of a command. Source: NVMe base specification 2.0 figures 96-103.
pub(super) fn nvme(story: Story, part: &str, now: &Now<'_>, book: &mut Book) -> bool {
    if story == Story::FrozenState {
        book.note(Found::new(Code::DiskControllerReset, part).weak(), now);
        return true;
    }
    let number = |mark: &str| {
        let rest = now.text.split_once(mark)?.1;
        let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        u32::from_str_radix(&rest[..end], 16).ok()
    };
    let (Some(kind), Some(code)) = (number("sct 0x"), number("/ sc 0x")) else { return false };
    let (code, weak) = match (kind, code) {
        (2, 0x80 | 0x81) => (Code::DiskMediumError, false),
        (2, 0x82..=0x84) => (Code::DiskProtectionError, false),
        (3, 0x01..=0x03) => (Code::DiskPathFailed, false),
        // Invalid opcode, field or range: a fault of the request, not of the drive.
        (0, 0x01 | 0x02 | 0x0b | 0x80) => return true,
        _ => (Code::DiskIoError, true),
    };
    let found = Found::new(code, part);
    book.note(if weak { found.weak() } else { found }, now);
    true
}

/// Concludes at the end of the log: a link that did not come back is a disk that is gone.
pub(super) fn end(state: &mut State, book: &mut Book) {
    if let Some((controller, at, line)) = state.abort.take() {
        book.note_lines(Found::new(Code::DiskTaskAbort, controller), at.clone(), at, vec![line]);
    }
    for (port, mut tries) in std::mem::take(&mut state.slow) {
        if let (Some((last, _)), true) = (tries.last().cloned(), tries.len() > 1) {
            let first = tries[0].0.clone();
            let found = Found::new(Code::DiskLinkReset, port).times(tries.len() as u64);
            book.note_lines(found, first, last, tries.drain(..).map(|(_, line)| line).collect());
        }
    }
    for (drive, (at, line)) in std::mem::take(&mut state.emptied) {
        let near = |from: Option<f64>, to: Option<f64>| match (from, to, at.seconds) {
            (Some(from), Some(to), Some(seconds)) => (from - SLOT..=to + SLOT).contains(&seconds),
            _ => true,
        };
        let link = |code: Code| matches!(code, Code::PcieLinkDown | Code::PcieDpcContained);
        let lost = book.entries.iter().any(|one| link(one.code) && near(one.first.seconds, one.last.seconds));
        if lost {
            book.note_lines(Found::new(Code::DiskOffline, drive), at.clone(), at, vec![line]);
        }
    }
    for (port, (at, line)) in std::mem::take(&mut state.gone) {
        let known = book.entries.iter().any(|entry| entry.code.kind() == Kind::Disk && entry.device == port);
        // Presence without communication: the drive is there, and its link does not come up even when it is slower.
        let slower = |entry: &Entry| entry.code == Code::DiskLinkSpeedReduced && entry.device == port;
        let there = line.contains("(SStatus 1 ") && book.entries.iter().any(slower);
        if known && !there {
            book.note_lines(Found::new(Code::DiskOffline, port), at.clone(), at, vec![line]);
        }
    }
}
