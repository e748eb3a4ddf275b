//! The table: what the kernel's lines mean.
//!
//! A pattern is the kernel's format string, with the wordings of all versions that are in use (4.4 to 7.0). Lines that only mean
//! something together with others name a story instead of a code. The first rule that takes a line has it; so what is harmless stands first.

mod disk;
mod gpu;
mod intended;
mod kernel;
mod memory;
mod network;
mod pcie;
mod platform;

use super::code::{Code, Severity};
use super::intended::{Action, Step};
use super::stories::Story;

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    /// The kernel's words; see `pattern`.
    pub(super) pattern: &'static str,
    pub(super) act: Act,
    /// Where the words come from: a file of the kernel, or whose driver it is.
    #[cfg_attr(not(test), expect(dead_code, reason = "for people, and for the test that each rule has one"))]
    pub(super) source: &'static str,
}

/// What a line means.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Nothing: only looks like something.
    Harmless,
    /// An incident.
    Is(Code, Name),
    /// An incident that is more or less than the code usually is.
    As(Code, Severity, Name),
    /// Tells of an action on purpose; other rules may take the line, too.
    Meant(Action, Step),
    /// Part of something that takes several lines.
    Story(Story),
}

/// How the device is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// Not at all.
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
    /// By the USB device: `usb 1-2`.
    Usb,
    /// By the hub, or by the USB device at its port.
    Hub,
    /// By the captured number of a page frame.
    Page,
}

const fn rule(pattern: &'static str, act: Act, source: &'static str) -> Rule {
    Rule { pattern, act, source }
}

/// All rules, in their order.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    let tables: [&'static [Rule]; 8] = [
        intended::RULES,
        memory::RULES,
        pcie::RULES,
        disk::RULES,
        network::RULES,
        gpu::RULES,
        kernel::RULES,
        platform::RULES,
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
