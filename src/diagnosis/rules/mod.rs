//! The table of rules: the meaning of the kernel's log lines.
//!
//! A pattern is the kernel's format string, in the variants of all versions that are in use (4.4 to 7.0). Lines that only have a
//! meaning together with others name a story instead of a code. The first rule that accepts a line decides, so harmless lines come first.

mod disk;
mod gpu;
mod intended;
mod kernel;
mod memory;
mod network;
mod pcie;
mod platform;
mod wireless;

use super::code::{Code, Severity};
use super::intended::{Action, Step};
use super::stories::Story;

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// The kernel's format string, in the syntax of `pattern`.
    pub(super) pattern: &'static str,
    pub(super) act: Act,
    /// The source of the pattern: a file or directory of the kernel, or the vendor's driver.
    #[cfg_attr(not(test), expect(dead_code, reason = "for people, and for the test that each rule has one"))]
    pub(super) source: &'static str,
}

/// The meaning of a line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Harmless, though the line looks like a fault.
    Harmless,
    /// An incident with the usual severity of its code.
    Is(Code, Name),
    /// An incident with another severity than its code usually has.
    As(Code, Severity, Name),
    /// A step of an intended action; other rules may take the line, too.
    Meant(Action, Step),
    /// Part of an incident that takes several lines.
    Story(Story),
}

/// The part of a line from which the device's name is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// None: the line names no device.
    No,
    /// By the captured part.
    Part,
    /// By the captured number of a CPU.
    Cpu,
    /// By the PCI address in the line.
    Pci,
    /// By the network interface before the message, else its PCI address.
    Net,
    /// By the disk in the line: `[sda]`, `sda1`, the address `0:0:1:0`.
    Disk,
    /// By the captured port, without the device behind it: `ata3`.
    Ata,
    /// By the last word before the first colon.
    Prefix,
    /// By the PCI address, else as the bus names the device: the last word before the first colon.
    Bus,
    /// By the device of a journal, without the number of its inode: `sda2` of `sda2-8`.
    Journal,
    /// By the hub, or by the USB device at its port.
    Hub,
    /// By the captured number of a page frame.
    Page,
}

const fn rule(pattern: &'static str, act: Act, source: &'static str) -> Rule {
    Rule { pattern, act, source }
}

/// Lines that say nothing but that two names mean one device. They stand last: what a line says comes first.
const NAMES: &[Rule] = &[rule("^sd *: [sd", Act::Harmless, "drivers/scsi/sd.c")];

/// All rules, in their order.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    let tables: [&'static [Rule]; 10] = [
        intended::RULES,
        memory::RULES,
        pcie::RULES,
        disk::RULES,
        wireless::RULES,
        network::RULES,
        gpu::RULES,
        kernel::RULES,
        platform::RULES,
        NAMES,
    ];
    tables.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_stands_once_and_says_where_its_words_come_from() {
        let mut seen = std::collections::BTreeSet::new();
        for Rule { pattern, source, .. } in all() {
            assert!(seen.insert(pattern), "{pattern:?} stands twice");
            assert!(!source.is_empty() && pattern.trim_matches(['^', '*', '{', '}']).len() > 3, "{pattern:?}");
        }
    }
}
