//! Machine checks: the banks as the kernel prints them, and as `edac_mce_amd` decodes them.

use std::collections::HashSet;

use super::Story;
use crate::diagnosis::book::{At, Book, Found, Now};
use crate::diagnosis::code::{Code, Kind, Severity};
use crate::diagnosis::name;

// MCi_STATUS. Source: Intel SDM vol. 3B ch. 16, AMD PPR, `arch/x86/include/asm/mce.h`.
const UNCORRECTED: u64 = 1 << 61;
const CONTEXT_CORRUPT: u64 = 1 << 57;
const DEFERRED: u64 = 1 << 44;
const POISON: u64 = 1 << 43;

/// Banks read within so many seconds after the start still hold errors from before it.
const LEFT_FROM_BEFORE: f64 = 5.0;

#[derive(Debug, Default)]
pub(super) struct State {
    /// A bank of an AMD processor, until the line that names its unit.
    bank: Option<Bank>,
    fatal: bool,
    /// The CPU of the last bank.
    cpu: String,
    /// A machine check of the old wording, whose banks follow: true if it stopped a CPU.
    old: Option<(bool, At, String)>,
    /// The banks that followed it.
    banks: usize,
    /// First and last of `Machine check events logged`.
    logged: Option<(At, At, String)>,
    /// Pages that a program took out of use on purpose.
    pub(super) injected: HashSet<String>,
}

#[derive(Debug)]
struct Bank {
    status: u64,
    fatal: bool,
    cpu: String,
    at: At,
    lines: Vec<String>,
}

/// The status behind the last `mark`.
fn status(text: &str, mark: &str) -> Option<u64> {
    let (_, rest) = text.rsplit_once(mark)?;
    let rest = rest.trim_start().trim_start_matches("0x");
    let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
    u64::from_str_radix(rest.get(..end)?, 16).ok()
}

/// The status by the flags in `MC255_STATUS[-|CE|-|…]`, of a line that was cut behind them. Bank 255 is what the kernel calls memory
/// that firmware reports. Source: `drivers/edac/mce_amd.c`, `arch/x86/kernel/cpu/mce/apei.c`.
fn of_flags(text: &str) -> Option<u64> {
    let (bank, flags) = text.split_once("_STATUS[")?;
    let of_memory = if bank.ends_with(" MC255") { 0x9f } else { 0 };
    let has = |flag: &str| flags.split(['|', ']']).any(|one| one == flag);
    match () {
        () if has("UE") => Some(UNCORRECTED | of_memory),
        () if has("Deferred") => Some(DEFERRED | of_memory),
        () if has("CE") => Some(of_memory),
        () => None,
    }
}

/// The status in `Bank 4: b604a00100000813[1234] at 7e4f2f68`.
fn status_after(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(": ")?;
    let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
    (end == 16).then(|| u64::from_str_radix(&rest[..end], 16).ok()).flatten()
}

/// The error code of a memory controller: `000F 0000 1MMM CCCC`.
fn is_of_memory(status: u64) -> bool {
    status & 0xef80 == 0x0080
}

/// Lines of `edac_mce_amd`.
pub(super) fn amd(story: Story, part: &str, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    match story {
        Story::AmdHeader => {
            flush(state, book, false);
            state.fatal = now.text.contains("System Fatal");
        }
        Story::AmdStatus => {
            flush(state, book, false);
            let flags = now.text.split_once("_STATUS[").map_or("", |(_, rest)| rest);
            let Some(status) = status(flags, "]: ").or_else(|| of_flags(now.text)) else { return false };
            let cpu = name::cpu(part);
            let lines = vec![now.line()];
            state.bank = Some(Bank { status, fatal: state.fatal, cpu, at: now.at(), lines });
        }
        Story::AmdNorthbridge => {
            if let Some(bank) = &mut state.bank {
                bank.cpu = format!("node {part}");
                bank.lines.push(now.line());
            }
            flush(state, book, true);
        }
        _ => {
            let memory = now.text.contains("DRAM ECC") || is_dram(now.text);
            if let Some(bank) = &mut state.bank {
                bank.lines.push(now.line());
            }
            flush(state, book, memory);
        }
    }
    true
}

/// Extended code 0 of a unified memory controller is an error of the module, whether the kernel words the code or not.
fn is_dram(text: &str) -> bool {
    let Some((_, code)) = text.split_once("Memory Controller Ext") else { return false };
    code.split_once("Error Code: 0").is_some_and(|(_, rest)| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// Records the bank that waits for its unit, as a memory error or an error of the processor.
fn flush(state: &mut State, book: &mut Book, memory: bool) {
    let Some(Bank { status, fatal, cpu, at, lines }) = state.bank.take() else { return };
    let uncorrected = status & (UNCORRECTED | DEFERRED) != 0;
    // Memory that firmware reports has no unit; its code says memory.
    let memory = memory || is_of_memory(status);
    let left = at.since_boot.is_some_and(|seconds| seconds < LEFT_FROM_BEFORE);
    let (code, weak) = match () {
        () if left => (Code::CpuMcePreviousBoot, false),
        () if memory && fatal => (Code::MemoryFatal, true),
        () if memory && uncorrected => (Code::MemoryUncorrected, true),
        () if memory => (Code::MemoryCorrected, true),
        () if fatal => (Code::CpuMceFatal, false),
        () if uncorrected && status & POISON != 0 => (Code::MemoryPoisonConsumed, true),
        () if uncorrected => (Code::CpuMceUncorrected, false),
        () => (Code::CpuMceCorrected, false),
    };
    let named_node = cpu.starts_with("node");
    state.cpu = cpu.clone();
    let found = Found::new(code, cpu);
    book.note_lines(if weak && !named_node { found.weak() } else { found }, at.clone(), at, lines);
}

/// Lines of the kernel itself and of Intel's EDAC drivers.
pub(super) fn intel(story: Story, part: &str, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    match story {
        Story::MceLogged => {
            let at = now.at();
            let first = state.logged.take().map_or_else(|| at.clone(), |(first, ..)| first);
            state.logged = Some((first, at, now.line()));
            true
        }
        Story::MceReason => {
            let code = if now.text.contains("kernel") && !now.text.contains("recoverable area")
                || now.text.contains("unrecoverable")
            {
                Code::MemoryFatal
            } else {
                Code::MemoryPoisonConsumed
            };
            book.note(Found::new(code, state.cpu.clone()).weak(), now);
            true
        }
        Story::MceOld => {
            told(state, book);
            state.cpu = name::cpu(part);
            let stopped = now.text.contains("Exception");
            state.old = Some((stopped, now.at(), now.line()));
            true
        }
        // Without its first line, the bank is of something else.
        Story::MceOldBank if state.old.is_none() => false,
        Story::MceOldBank => {
            if let Some((stopped, at, line)) = state.old.clone()
                && let Some(status) = part.parse::<u32>().ok().and_then(|_| status_after(now.text))
            {
                let (code, weak) = of_bank(status, stopped);
                let found = Found::new(code, state.cpu.clone());
                let lines = vec![line, now.line()];
                book.note_lines(if weak { found.weak() } else { found }, at, now.at(), lines);
                state.banks += 1;
            }
            true
        }
        _ => bank(part, now, book, state),
    }
}

/// `CPU 3: Machine Check: 0 Bank 7: 8c00…`
fn bank(part: &str, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    let cpu = name::cpu(part);
    let Some(status) = status(now.text, ": ") else { return false };
    if cpu.is_empty() || !now.text.contains(" Bank ") {
        return false;
    }
    // With "Exception: 0" kernels of the 3.x series polled, too.
    let exception = now.text.split_once("Exception: ").is_some_and(|(_, rest)| !rest.starts_with('0'));
    let left =
        !exception && now.stamp.and_then(|stamp| stamp.since_boot).is_some_and(|seconds| seconds < LEFT_FROM_BEFORE);
    let (code, weak) = if left { (Code::CpuMcePreviousBoot, false) } else { of_bank(status, exception) };
    state.cpu = cpu.clone();
    let found = Found::new(code, cpu);
    book.note(if weak { found.weak() } else { found }, now);
    true
}

/// The code of a bank by its status; true if the CPU only reports what another part did.
fn of_bank(status: u64, exception: bool) -> (Code, bool) {
    let uncorrected = status & UNCORRECTED != 0;
    let consumed = matches!(status & 0xffff, 0x0134 | 0x0150) && uncorrected;
    match () {
        () if is_of_memory(status) && uncorrected => (Code::MemoryUncorrected, true),
        () if is_of_memory(status) => (Code::MemoryCorrected, true),
        () if consumed => (Code::MemoryPoisonConsumed, true),
        () if uncorrected && exception && status & CONTEXT_CORRUPT != 0 => (Code::CpuMceFatal, false),
        () if uncorrected => (Code::CpuMceUncorrected, false),
        () => (Code::CpuMceCorrected, false),
    }
}

/// Records a machine check of the old wording whose banks were not printed.
fn told(state: &mut State, book: &mut Book) {
    let Some((stopped, at, line)) = state.old.take() else { return };
    if std::mem::take(&mut state.banks) > 0 {
        return;
    }
    let code = if stopped { Code::CpuMceUncorrected } else { Code::CpuMceCorrected };
    book.note_lines(Found::new(code, state.cpu.clone()), at.clone(), at, vec![line]);
}

pub(super) fn end(state: &mut State, book: &mut Book) {
    flush(state, book, false);
    told(state, book);
}

/// `Machine check events logged` without a line with details: a corrected error of an unknown part. Old kernels log heat so, too.
pub(super) fn unexplained(state: &mut State, book: &mut Book) {
    let Some((first, last, line)) = state.logged.take() else { return };
    let near = |seconds: Option<f64>| match (first.seconds, last.seconds, seconds) {
        (Some(first), Some(last), Some(seconds)) => (first - 120.0..=last + 120.0).contains(&seconds),
        _ => true,
    };
    let explains = |code: Code| {
        matches!(code.kind(), Kind::Cpu | Kind::Memory | Kind::Gpu)
            || matches!(code, Code::CpuThrottled | Code::PowerLimited)
    };
    if book.entries.iter().any(|entry| explains(entry.code) && (near(entry.first.seconds) || near(entry.last.seconds)))
    {
        return;
    }
    let left = first.since_boot.is_some_and(|seconds| seconds < LEFT_FROM_BEFORE);
    let code = if left { Code::CpuMcePreviousBoot } else { Code::CpuMceCorrected };
    let severity = if left { Severity::Info } else { Severity::Warning };
    book.note_lines(Found::new(code, "").severity(severity), first, last, vec![line]);
}
