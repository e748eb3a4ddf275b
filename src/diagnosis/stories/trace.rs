//! Panics, faults of the kernel, stalls: messages that go on for many lines.

use super::Story;
use crate::diagnosis::book::{At, Book, Found, Now};
use crate::diagnosis::code::{Code, Severity};
use crate::diagnosis::name;
use crate::diagnosis::pattern::word;

#[derive(Debug, Default)]
pub(super) struct State {
    /// A fault whose trace is being printed.
    fault: Option<Trace>,
    /// A stall whose CPUs stand in the next lines.
    stall: Option<(At, Vec<String>)>,
    /// True if a CPU of the last stall was named; more may follow.
    listing: bool,
    /// A report began, and no line has yet told of what.
    cut: bool,
    /// A panic by an `SError` that named no CPU; the next line names it.
    unnamed: bool,
    /// True if the kernel was crashed on purpose (sysrq).
    on_purpose: bool,
}

#[derive(Debug)]
struct Trace {
    at: At,
    last: At,
    module: String,
    lines: Vec<String>,
}

/// Records a panic by the reason after `not syncing: `; a panic that an earlier incident explains is added to that.
pub(super) fn panic(story: Story, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    if story == Story::OnPurpose {
        state.on_purpose = true;
        state.fault = None;
        book.note(Found::new(Code::KernelPanic, "").severity(Severity::Warning), now);
        return true;
    }
    finish(state, book);
    let reason = now.text.split_once("not syncing: ").or_else(|| now.text.split_once("Kernel panic: "));
    let reason = reason.map_or("", |(_, rest)| rest);
    let has = |part: &str| reason.contains(part);
    let consequence_of = |codes: &[Code], otherwise: Found, book: &mut Book| {
        if book.more(codes, now).is_none() {
            book.note(otherwise, now);
        }
    };
    match () {
        () if state.on_purpose || has("sysrq triggered crash") => {
            consequence_of(&[Code::KernelPanic], Found::new(Code::KernelPanic, "").severity(Severity::Warning), book);
        }
        () if reason.starts_with("UE ") => {
            let label = reason.split_once(" on ").map_or("", |(_, rest)| rest.split(" (").next().unwrap_or(rest));
            book.note(Found::new(Code::MemoryFatal, label), now);
        }
        () if has("synchronous external abort") || has("synchronous parity or ECC") => {
            consequence_of(&[Code::MemoryFatal], Found::new(Code::MemoryFatal, ""), book);
        }
        () if has("SError") => {
            state.unnamed = !book.has(Code::CpuMceFatal);
            consequence_of(&[Code::CpuMceFatal], Found::new(Code::CpuMceFatal, ""), book);
        }
        () if has("CPU context corrupt") || has("Unable to continue") => machine_check(now, book),
        () if has("achine check") || has("broadcast exception handler") || has("MCE") => machine_check(now, book),
        () if has("atal hardware error") => {
            let fatal =
                [Code::MemoryFatal, Code::PcieFatal, Code::CpuMceFatal, Code::CxlError, Code::FirmwareErrorRecord];
            consequence_of(&fatal, Found::new(Code::CpuMceFatal, "").weak(), book);
        }
        () if has("ard LOCKUP") => {
            consequence_of(&[Code::KernelHardLockup], Found::new(Code::KernelHardLockup, ""), book);
        }
        () if has("NMI") => consequence_of(&[Code::NmiUnknown], Found::new(Code::KernelPanic, ""), book),
        () => book.note(Found::new(Code::KernelPanic, ""), now),
    }
    true
}

/// Takes the CPU from `CPU: 3 PID: 1 Comm: …` for a panic that named none; false if no panic waits for it.
pub(super) fn speaker(now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    if !std::mem::take(&mut state.unnamed) {
        return false;
    }
    let cpu = now.text.strip_prefix("CPU: ").map(name::cpu).unwrap_or_default();
    let panic = book.entries.iter_mut().rev().find(|entry| entry.code == Code::CpuMceFatal && entry.device.is_empty());
    if let Some(panic) = panic {
        panic.device = cpu;
    }
    true
}

/// A machine check that stopped the machine makes what was found before it fatal.
fn machine_check(now: &Now<'_>, book: &mut Book) {
    let worse = |code: Code| match code {
        Code::CpuMceUncorrected => Some(Code::CpuMceFatal),
        Code::MemoryUncorrected | Code::MemoryPoisonConsumed => Some(Code::MemoryFatal),
        _ => None,
    };
    if book.has(Code::MemoryFatal) || book.has(Code::CpuMceFatal) {
        book.more(&[Code::MemoryFatal, Code::CpuMceFatal], now);
        return;
    }
    let cause = book.entries.iter_mut().rev().find(|entry| worse(entry.code).is_some());
    match cause {
        Some(entry) => {
            entry.code = worse(entry.code).unwrap_or(entry.code);
            entry.severity = Severity::Fatal;
            entry.last = now.at();
            entry.lines.push(now.line());
        }
        None => book.note(Found::new(Code::CpuMceFatal, ""), now),
    }
}

/// Faults of the kernel and warnings.
pub(super) fn oops(story: Story, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    let cut = std::mem::replace(&mut state.cut, story == Story::CutHere);
    match story {
        Story::CutHere | Story::WarningTold => return true,
        // The first line of a report can get lost, or be printed at a level that the log does not keep.
        Story::Modules => {
            if cut && state.fault.is_none() {
                book.note(Found::new(Code::KernelWarning, ""), now);
            }
            return true;
        }
        Story::Warning => {
            let module = name::module(now.text).unwrap_or_default();
            book.note(Found::new(Code::KernelWarning, module), now);
            return true;
        }
        Story::EndOfTrace => {
            tell(state, book);
            return true;
        }
        _ => {}
    }
    if state.on_purpose {
        return true;
    }
    let begins = story == Story::Oops;
    let open = state.fault.is_some();
    // `BUG: unable to handle …` and `Oops:` are two lines of one fault; a second `BUG:` is another.
    if begins && open {
        tell(state, book);
    }
    if story == Story::Instruction && state.fault.is_none() {
        return false;
    }
    let fresh = || Trace { at: now.at(), last: now.at(), module: String::new(), lines: Vec::new() };
    let fault = state.fault.get_or_insert_with(fresh);
    fault.last = now.at();
    fault.lines.push(now.line());
    if story == Story::Instruction && fault.module.is_empty() {
        fault.module = name::module(now.text).unwrap_or_default().to_string();
    }
    true
}

fn tell(state: &mut State, book: &mut Book) {
    if let Some(Trace { at, last, module, lines }) = state.fault.take() {
        book.note_lines(Found::new(Code::KernelOops, module), at, last, lines);
    }
}

/// A stall of RCU: the CPU stands in the line itself, or in one of the next.
pub(super) fn rcu(story: Story, now: &Now<'_>, book: &mut Book, state: &mut State) -> bool {
    match story {
        Story::RcuStall => {
            stalled(state, book, String::new());
            state.stall = Some((now.at(), vec![now.line()]));
            state.listing = false;
            let list = now.text.split_once('{').or_else(|| now.text.split_once("stalls:"));
            let list = list.map_or("", |(_, rest)| rest.split(['}', '(']).next().unwrap_or(rest));
            // `P123` are tasks.
            let mut cpus = list.split_ascii_whitespace().map(name::cpu).filter(|cpu| !cpu.is_empty());
            if let Some(first) = cpus.next() {
                stalled(state, book, first);
                cpus.for_each(|cpu| book.note(Found::new(Code::KernelRcuStall, cpu), now));
            }
        }
        Story::RcuCpu => {
            let text = now.text.trim_start_matches("rcu:").trim_start();
            let cpu = name::cpu(text.split('-').next().unwrap_or(""));
            if let Some((_, lines)) = &mut state.stall {
                lines.push(now.line());
                stalled(state, book, cpu);
                state.listing = true;
            } else if state.listing && !cpu.is_empty() && !now.text.contains("(0 ticks this GP)") {
                // A CPU without a tick was idle: the stall is another's.
                book.note(Found::new(Code::KernelRcuStall, cpu), now);
            }
        }
        _ => {
            // "kthread starved" alone names the CPU at its end.
            let cpu = now.text.split_once("->cpu=").map_or("", |(_, rest)| word(rest));
            if state.stall.is_none() && book.more(&[Code::KernelRcuStall], now).is_none() {
                book.note(Found::new(Code::KernelRcuStall, name::cpu(cpu)), now);
            }
        }
    }
    true
}

fn stalled(state: &mut State, book: &mut Book, cpu: String) {
    if let Some((at, lines)) = state.stall.take() {
        book.note_lines(Found::new(Code::KernelRcuStall, cpu), at.clone(), at, lines);
    }
}

fn finish(state: &mut State, book: &mut Book) {
    tell(state, book);
    stalled(state, book, String::new());
}

pub(super) fn end(state: &mut State, book: &mut Book) {
    finish(state, book);
}
