//! Errors that firmware reports: sections of a record, line by line, between other lines; and records of the start before (BERT).
//!
//! Source of the words: `drivers/firmware/efi/cper.c`, `cper-x86.c`, `cper-arm.c`, `cper_cxl.c`, `drivers/acpi/apei/{ghes,bert}.c`.

use std::collections::BTreeMap;

use super::Story;
use crate::diagnosis::book::{At, Book, Found, Now};
use crate::diagnosis::code::{Code, Severity};
use crate::diagnosis::name;

#[derive(Debug, Default)]
pub(super) struct State {
    /// By the number in braces; 0 for records of the start before.
    open: BTreeMap<u32, Record>,
    /// Within the records of the start before.
    before: bool,
}

/// So many seconds after the start, all records of before it have been told.
const SETTLED: f64 = 60.0;

#[derive(Debug, Default)]
struct Record {
    severity: Grade,
    section: Option<Section>,
    /// A module that another section of this record named.
    module: Option<String>,
    before: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Grade {
    #[default]
    Unknown,
    Info,
    Corrected,
    Recoverable,
    Fatal,
}

#[derive(Debug, Default)]
struct Section {
    grade: Grade,
    kind: String,
    module: Option<String>,
    fru: Option<String>,
    place: Option<String>,
    address: Option<u64>,
    pci: Option<String>,
    cpu: Option<String>,
    first: At,
    last: At,
    lines: Vec<String>,
}

impl Grade {
    fn read(word: &str) -> Self {
        match word.split([',', ' ']).next().unwrap_or_default() {
            "corrected" => Self::Corrected,
            "recoverable" => Self::Recoverable,
            "fatal" => Self::Fatal,
            "info" | "informational" => Self::Info,
            _ => Self::Unknown,
        }
    }
}

pub(super) fn tell(story: Story, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    match story {
        Story::ApeiBert => {
            state.before = true;
            state.open.insert(0, Record { before: true, ..Record::default() });
        }
        Story::ApeiBertEnd => {
            finish(0, book, state);
            state.before = false;
        }
        _ => return line(now, book, state),
    }
    true
}

/// `{3}[Hardware Error]:   section_type: memory error`
fn line(now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    let Some((head, text)) = now.text.split_once("[Hardware Error]:") else { return false };
    let number = head
        .rsplit_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .and_then(|(number, _)| number.parse::<u32>().ok());
    let number = match number {
        Some(number) => number,
        None if state.before => 0,
        None => return false,
    };
    let text = text.trim();
    if text.starts_with("Hardware error from APEI") {
        // A new record ends those before: what firmware reports is printed as a whole, though other lines may stand between.
        let open: Vec<u32> = state.open.keys().copied().filter(|open| *open != 0).collect();
        for open in open {
            finish(open, book, state);
        }
        state.open.insert(number, Record::default());
        return true;
    }
    if state.open.len() > 16 {
        end(state, book);
    }
    if text.starts_with("Error ") && text.contains(", type: ") {
        close(number, book, state);
    }
    let record = state.open.entry(number).or_default();
    if let Some(word) = text.strip_prefix("event severity: ") {
        if record.section.is_some() {
            close(number, book, state);
        }
        state.open.entry(number).or_default().severity = Grade::read(word);
        return true;
    }
    let fresh = || Section { first: now.at(), ..Section::default() };
    let section = record.section.get_or_insert_with(fresh);
    section.last = now.at();
    section.lines.push(now.line());
    section.read(text);
    true
}

impl Section {
    fn read(&mut self, text: &str) {
        if let Some((_, word)) = text.split_once(", type: ").filter(|_| text.starts_with("Error ")) {
            self.grade = Grade::read(word);
            return;
        }
        if text.starts_with("node:") || text.starts_with("card:") {
            self.place = Some(place(text));
            return;
        }
        let Some((key, value)) = text.split_once(": ") else { return };
        let (key, value) = (key.trim(), value.trim());
        match key {
            "section_type" | "section type" => self.kind = value.to_string(),
            "DIMM location" if !value.starts_with("not present") => self.module = Some(module(value)),
            "fru_text" if !value.is_empty() => self.fru = Some(value.to_string()),
            "physical_address" => self.address = u64::from_str_radix(value.trim_start_matches("0x"), 16).ok(),
            "device_id" | "agent_address" => self.pci = self.pci.take().or_else(|| name::pci(value)),
            "Local APIC_ID" => self.cpu = Some(format!("APIC {value}")),
            "Multiprocessor Affinity Register (MPIDR)" => {
                self.cpu =
                    u64::from_str_radix(value.trim_start_matches("0x"), 16).ok().map(|id| format!("MPIDR 0x{id:x}"));
            }
            _ => {}
        }
    }

    /// The device, and whether that is the name of a part.
    fn device(&self, kind: Part, module: Option<&String>) -> (String, bool) {
        let page = || self.address.map(|address| format!("pfn 0x{:x}", address >> 12));
        match kind {
            Part::Memory => {
                let named = self.module.as_ref().or(self.fru.as_ref()).or(module).cloned();
                let is_named = named.is_some();
                (named.or_else(|| self.place.clone()).or_else(page).unwrap_or_default(), is_named)
            }
            Part::Pcie | Part::Cxl => (self.pci.clone().unwrap_or_default(), true),
            Part::Cpu => (self.cpu.clone().unwrap_or_default(), true),
            Part::Other => (self.fru.clone().or_else(|| self.pci.clone()).unwrap_or_default(), true),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Memory,
    Pcie,
    Cpu,
    Cxl,
    Other,
}

/// `node:0 card:5 module:0` and no more: rank and row are not a part that can be replaced.
fn place(text: &str) -> String {
    let kept = text
        .split_ascii_whitespace()
        .filter(|word| ["node:", "card:", "module:"].iter().any(|key| word.starts_with(key)));
    kept.collect::<Vec<_>>().join(" ")
}

/// Bank and device of SMBIOS; a bank that is only a node of memory says nothing about the slot.
fn module(value: &str) -> String {
    let value = value.split(" DMI handle").next().unwrap_or(value).trim_end_matches(['.', ' ']);
    let rest = value.strip_prefix("NODE ").and_then(|rest| rest.split_once(' '));
    rest.filter(|(number, _)| number.bytes().all(|b| b.is_ascii_digit())).map_or(value, |(_, rest)| rest).to_string()
}

/// Ends the section that is open in a record.
fn close(number: u32, book: &mut Book, state: &mut State) {
    let Some(record) = state.open.get_mut(&number) else { return };
    let Some(section) = record.section.take() else { return };
    record.module = section.module.clone().or(record.module.take());
    let grade = if section.grade == Grade::Unknown { record.severity } else { section.grade };
    let kind = match section.kind.as_str() {
        kind if kind.contains("memory error") => Part::Memory,
        kind if kind.contains("PCIe error") => Part::Pcie,
        kind if kind.contains("processor error") => Part::Cpu,
        kind if kind.contains("CXL") => Part::Cxl,
        _ => Part::Other,
    };
    let (device, named) = section.device(kind, record.module.as_ref());
    if record.before {
        book.note_lines(Found::new(Code::FirmwareErrorRecord, device), section.first, section.last, section.lines);
        return;
    }
    // Firmware may report errors from before the start in the first minute after it, so only later records count as live.
    let is_live = section.first.since_boot.is_some_and(|seconds| seconds > SETTLED);
    let code = match (kind, grade) {
        (_, Grade::Info | Grade::Unknown) => return,
        (Part::Memory, Grade::Corrected) => Code::MemoryCorrected,
        (Part::Memory, Grade::Recoverable) => Code::MemoryUncorrected,
        (Part::Memory, Grade::Fatal) => Code::MemoryFatal,
        (Part::Pcie, Grade::Corrected) => Code::PcieCorrected,
        (Part::Pcie, Grade::Recoverable) => Code::PcieUncorrected,
        (Part::Pcie, Grade::Fatal) => Code::PcieFatal,
        (Part::Cpu, Grade::Corrected) => Code::CpuMceCorrected,
        (Part::Cpu, Grade::Recoverable) => Code::CpuMceUncorrected,
        (Part::Cpu, Grade::Fatal) => Code::CpuMceFatal,
        (Part::Cxl, _) => Code::CxlError,
        // A section in the words of one vendor: processors and their vendors have such.
        (Part::Other, Grade::Corrected) if is_live => Code::CpuMceCorrected,
        (Part::Other, Grade::Recoverable) if is_live => Code::CpuMceUncorrected,
        (Part::Other, Grade::Fatal) if is_live => Code::CpuMceFatal,
        (Part::Other, _) => Code::FirmwareErrorRecord,
    };
    let severity = match grade {
        // About something that the hardware has put right, perhaps long ago.
        Grade::Corrected if kind == Part::Other && !is_live => Severity::Info,
        Grade::Corrected => Severity::Warning,
        Grade::Fatal => Severity::Fatal,
        _ => code.severity(),
    };
    let found = Found::new(code, device).severity(severity);
    book.note_lines(if named { found } else { found.weak() }, section.first, section.last, section.lines);
}

fn finish(number: u32, book: &mut Book, state: &mut State) {
    close(number, book, state);
    state.open.remove(&number);
}

pub(super) fn end(state: &mut State, book: &mut Book) {
    let open: Vec<u32> = state.open.keys().copied().collect();
    for number in open {
        finish(number, book, state);
    }
}
