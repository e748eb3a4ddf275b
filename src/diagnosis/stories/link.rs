//! Links and cards: AER, network links, GPUs.

use std::collections::{BTreeMap, BTreeSet};

use super::Story;
use crate::diagnosis::book::{Book, Found, Now};
use crate::diagnosis::code::{Code, Severity};
use crate::diagnosis::name;
use crate::diagnosis::pattern::word;

/// Before so many seconds a link that was never up has not gone down.
const STARTING: f64 = 120.0;
/// So many seconds after it was opened, an interface that was never up reports that its link is down.
const OPENING: f64 = 5.0;
/// So often down within so many seconds is a link that flaps.
const FLAPS: u64 = 3;
const FLAPPING: f64 = 900.0;

#[derive(Debug, Default)]
pub(super) struct State {
    /// Interfaces that were up.
    up: BTreeSet<String>,
    /// Interfaces that got their name, and when, in seconds.
    named: BTreeMap<String, f64>,
    /// The time in seconds when an interface was last opened; such lines name its transceiver chip only.
    opened: Option<f64>,
    /// The card of `The NVIDIA GPU …`, until the line that says what is with it.
    card: String,
}

/// The port's line: it names the device that reported.
pub(super) fn aer(part: &str, now: &Now<'_>, book: &mut Book) -> bool {
    let device = part.strip_prefix("id=").and_then(name::pci_of_id).or_else(|| name::pci(part));
    // 00:00.0 is what a device that has no address yet, or no more, signs with: the port that heard it is known.
    let device = device.filter(|device| device != "0000:00:00.0");
    let Some(device) = device.or_else(|| name::pci(now.text)) else { return false };
    let text = now.text.split_once("AER: ").map_or(now.text, |(_, rest)| rest);
    let code = match () {
        () if text.contains("Uncorrect") && text.contains("(Fatal)") => Code::PcieFatal,
        () if text.contains("Uncorrect") => Code::PcieUncorrected,
        () if text.contains("Correct") => Code::PcieCorrected,
        () => return false,
    };
    book.note(Found::new(code, device), now);
    true
}

/// Links up and down, and queues that stand still.
pub(super) fn network(story: Story, part: &str, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    let mut device = name::net(now.text);
    // Old versions name only the driver; a machine has one of its cards.
    if device.is_empty() && now.text.contains(": link change old ") {
        device = name::prefix(now.text).to_string();
    }
    match story {
        Story::TxTimeout => {
            let device = if part.is_empty() { device } else { word(part).to_string() };
            book.note(Found::new(Code::NetTxTimeout, device), now);
        }
        // `SR port module inserted` is none; `unsupported` and `unknown` ones are.
        Story::PortModule => {
            let text = now.text.to_ascii_lowercase();
            if text.contains("unsupported") || text.contains("unknown") {
                let device = if device.is_empty() { word(name::prefix(now.text)).to_string() } else { device };
                book.note(Found::new(Code::NetModuleError, device), now);
            }
        }
        Story::Renamed => {
            if let Some(seconds) = now.at().seconds {
                state.named.insert(device, seconds);
            }
        }
        Story::Opened => state.opened = now.at().seconds,
        // After another start, nothing is up.
        Story::Banner => *state = State::default(),
        Story::LinkUp => {
            state.up.insert(device);
        }
        _ => {
            let at = now.at();
            let named = state.named.get(&device).zip(at.seconds).map(|(named, seconds)| seconds - named);
            let starting = [at.since_boot, named].into_iter().flatten().any(|age| (0.0..STARTING).contains(&age));
            // Drivers tell the state of the link when the interface is opened.
            let opened = state.opened.zip(at.seconds).is_some_and(|(from, to)| (0.0..OPENING).contains(&(to - from)));
            if device.is_empty() || ((starting || opened) && !state.up.contains(&device)) {
                return true;
            }
            book.note(Found::new(Code::NetLinkDown, device), now);
        }
    }
    true
}

/// NVIDIA's own reports. Source: docs.nvidia.com/deploy/xid-errors.
pub(super) fn nvidia(story: Story, part: &str, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    match story {
        Story::NvidiaNamed => {
            state.card = name::pci(part).unwrap_or_default();
            false
        }
        Story::NvidiaLost => {
            let device = name::pci(now.text).unwrap_or_else(|| std::mem::take(&mut state.card));
            if !now.text.contains("NVRM") {
                return false;
            }
            book.note(Found::new(Code::GpuLost, device), now);
            true
        }
        _ => xid(now, book),
    }
}

/// The code of an error of NVIDIA's catalogue by its number; `None` if it is none of the hardware or unknown.
pub(in crate::diagnosis) fn code_of_xid(number: u32) -> Option<Code> {
    Some(match number {
        8 | 109 | 154 => Code::GpuReset,
        48 | 94 | 95 | 140 | 171 | 172 => Code::GpuMemoryUncorrected,
        54 => Code::PowerSlotInsufficient,
        61 | 62 | 119 | 120 | 123 | 158 => Code::GpuFirmwareTimeout,
        63 | 156 => Code::GpuMemoryRemapped,
        64 | 157 => Code::GpuMemoryRemapFailed,
        74 | 121 | 144..=150 | 155 => Code::GpuNvlinkError,
        79 | 167 => Code::GpuLost,
        92 => Code::GpuMemoryCorrected,
        11..=14 | 31 | 32 | 37..=39 | 41..=45 | 68 | 69 | 137 => Code::GpuApplicationFault,
        _ => return None,
    })
}

/// `NVRM: Xid (PCI:0000:3b:00): 79, …`
fn xid(now: &Now<'_>, book: &mut Book) -> bool {
    let Some((device, rest)) = now.text.split_once("Xid (").and_then(|(_, rest)| rest.split_once("): ")) else {
        return false;
    };
    let device = device.trim_start_matches("PCI:");
    let device = device.strip_prefix("GPU-").map_or(device, |_| "");
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let Ok(number) = rest[..digits].parse::<u32>() else { return false };
    let text = &rest[digits..];
    let Some(code) = code_of_xid(number) else { return true };
    // Xid 154 announces a recovery action: a finding if an action is required, and none otherwise.
    let code = match number {
        154 if text.rsplit(" to ").next().is_some_and(|to| to.contains(" Required")) => Code::GpuReset,
        154 => return true,
        _ => code,
    };
    let mild =
        code == Code::GpuNvlinkError && (text.contains("Nonfatal") || text.contains("Non-fatal") || number == 121);
    let found = Found::new(code, device);
    let found = if mild { found.severity(Severity::Warning) } else { found };
    book.note(if number == 154 { found.weak() } else { found }, now);
    true
}

/// AMD's cards: their lines name the card only in part.
pub(super) fn amdgpu(story: Story, now: &Now<'_>, book: &mut Book) -> bool {
    let device = name::pci(now.text).unwrap_or_else(|| "amdgpu".to_string());
    let found = match story {
        Story::AmdgpuRing => Found::new(Code::GpuReset, device),
        Story::AmdgpuCount => {
            let Some((before, _)) = now.text.split_once("correctable hardware error") else { return false };
            let uncorrected = before.ends_with("un");
            let number =
                before.trim_end_matches("un").trim_end().rsplit(' ').next().and_then(|word| word.parse::<u64>().ok());
            let code = if uncorrected { Code::GpuMemoryUncorrected } else { Code::GpuMemoryCorrected };
            match number {
                Some(0) => return true,
                number => Found::new(code, device).times(number.unwrap_or(1)),
            }
        }
        _ => Found::new(Code::GpuLost, device),
    };
    book.note(found, now);
    true
}

/// A link that goes down again and again is another thing than one that went down.
pub(super) fn end(book: &mut Book) {
    for entry in book.entries.iter_mut().filter(|entry| entry.code == Code::NetLinkDown && entry.count >= FLAPS) {
        let took = entry.first.seconds.zip(entry.last.seconds).map_or(0.0, |(first, last)| last - first);
        if took <= FLAPPING {
            entry.code = Code::NetLinkFlap;
            entry.severity = Code::NetLinkFlap.severity();
        }
    }
}
