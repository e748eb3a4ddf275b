//! Memory: EDAC, and pages that were taken out of use.

use super::{Story, mce};
use crate::diagnosis::book::{Book, Found, Now};
use crate::diagnosis::code::{Code, Severity};
use crate::diagnosis::name;

/// `EDAC MC0: 20 CE memory read error on LABEL (…`
pub(super) fn edac(uncorrected: bool, label: &str, now: &Now<'_>, book: &mut Book) -> bool {
    let after = now.text.split_once(": ").map_or("", |(_, rest)| rest);
    let number = after.split(' ').next().and_then(|word| word.parse::<u64>().ok());
    // Firmware reports an error and a count of 0; there was one all the same.
    let count = number.unwrap_or(1).max(1);
    // "… on FATAL area" of kernel 3.x: the label is what follows the last ` on `.
    let label = label.rsplit(" on ").next().unwrap_or(label).trim();
    let unknown = label.is_empty() || label.starts_with("any memory") || label.starts_with("unknown");
    let controller = || now.text.split([' ', ':']).nth(1).unwrap_or_default().to_ascii_lowercase();
    let device = if unknown { controller() } else { label.to_string() };
    let code = if uncorrected { Code::MemoryUncorrected } else { Code::MemoryCorrected };
    let found = Found::new(code, device).times(count);
    book.note(if unknown { found.weak() } else { found }, now);
    true
}

/// `mce: Uncorrected hardware memory error in user-access at 8a398a400`
pub(super) fn user_access(address: &str, now: &Now<'_>, book: &mut Book) -> bool {
    let page = u64::from_str_radix(address, 16).ok().map(|address| format!("pfn 0x{:x}", address >> 12));
    book.note(Found::new(Code::MemoryPoisonConsumed, page.unwrap_or_default()), now);
    true
}

/// A page is taken out of use, or a program asked for that.
pub(super) fn page(story: Story, part: &str, now: &Now<'_>, book: &mut Book, state: &mut mce::State) -> bool {
    let Some(page) = name::page(part) else { return false };
    if story == Story::PageInjected {
        state.injected.insert(page);
        return true;
    }
    if state.injected.contains(&page) {
        return true;
    }
    let severity = if story == Story::PageLost { Severity::Error } else { Severity::Warning };
    book.note(Found::new(Code::MemoryPageOfflined, page).severity(severity), now);
    true
}
