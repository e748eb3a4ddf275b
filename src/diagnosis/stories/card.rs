//! Cards in slots of MMC: SD and eMMC.

use super::{State as All, Story};
use crate::diagnosis::book::{Book, Entry, Found, Now};
use crate::diagnosis::code::Code;
use crate::diagnosis::name;

/// A card in a slot of MMC: its slot is the one of the line before, or stands in the line that names the card.
pub(super) fn card(story: Story, now: &Now<'_>, book: &mut Book, all: &mut All) -> bool {
    let card = name::prefix(now.text);
    if story == Story::CardNamed {
        let slot = now.text.split_once(": ").map_or("", |(_, rest)| rest.split(':').next().unwrap_or_default());
        all.names.is_called(slot, name::family(card));
        return true;
    }
    let recent = |entry: &&Entry| {
        let near = now.stamp.zip(entry.last.seconds).is_none_or(|(stamp, last)| stamp.seconds - last < 60.0);
        near && entry.device.strip_prefix("mmc").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let slots: Vec<&str> = book.entries.iter().filter(recent).map(|entry| entry.device.as_str()).collect();
    if let [slot] = slots.as_slice() {
        all.names.is_called(slot, name::family(card));
    }
    // -110 ETIMEDOUT, -84 EILSEQ: a checksum.
    let code = match () {
        () if now.text.contains("error -110") || now.text.contains("timed out") => Code::DiskTimeout,
        () if now.text.contains("error -84") || now.text.contains("CRC error") => Code::DiskLinkError,
        () => Code::DiskIoError,
    };
    book.note(Found::new(code, name::family(card)), now);
    true
}
