//! Vital product data of a PCI function (PCI Local Bus Specification 3.0, appendix I): tagged resources with keywords in them.

use std::ops::Range;

use super::allowed::Content;

/// Part number, level, manufacture.
const MAKERS: [&[u8; 2]; 4] = [b"PN", b"EC", b"MN", b"FG"];

/// Where texts stand, and what may stay of each. What cannot be taken apart is a text that identifies.
pub(super) fn texts(content: &[u8]) -> Vec<(Range<usize>, Content)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&tag) = content.get(at) {
        if tag & 0x80 == 0 {
            // The end (0x78); what follows it is padding or nobody's, and other small resources there are none.
            break;
        }
        let Some(&[low, high]) = content.get(at + 1..at + 3).and_then(|bytes| bytes.first_chunk()) else { break };
        let start = at + 3;
        let end = (start + usize::from(u16::from_le_bytes([low, high]))).min(content.len());
        match tag {
            0x82 => found.push((start..end, Content::Maker)),
            0x90 | 0x91 => entries(content, start..end, &mut found),
            _ => found.push((start..end, Content::One)),
        }
        at = end;
    }
    if at < content.len() {
        found.push((at..content.len(), Content::One));
    }
    found
}

/// A keyword of two letters, a length, the text; `RV` and `RW` hold a checksum and room.
fn entries(content: &[u8], at: Range<usize>, found: &mut Vec<(Range<usize>, Content)>) {
    let mut place = at.start;
    while let Some(&[first, second, length]) = content.get(place..at.end).and_then(|bytes| bytes.first_chunk()) {
        let text = place + 3..(place + 3 + usize::from(length)).min(at.end);
        let kind = if MAKERS.iter().any(|known| **known == [first, second]) { Content::Maker } else { Content::One };
        place = text.end;
        found.push((text, kind));
    }
    if place < at.end {
        found.push((place..at.end, Content::One));
    }
}

/// Bytes before the serial number in a page of a SCSI device's vital product data (SPC-4, 7.8.15: type, page 80h, length). What has no such
/// head is all text.
pub(super) fn page_head(content: &[u8]) -> usize {
    match content {
        [_, 0x80, high, low, rest @ ..] if usize::from(u16::from_be_bytes([*high, *low])) <= rest.len() => 4,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_page_has_no_head_that_would_stay() {
        assert_eq!(page_head(b"\x00\x80\x00\x06AB1234"), 4);
        assert_eq!([page_head(b"acmebank"), page_head(b"\x00\x80\x00\x09AB1234"), page_head(b"\x00\x80")], [0, 0, 0]);
    }

    #[test]
    fn all_but_the_product_and_its_maker_identifies() {
        let content = b"\x82\x04\x00Card\x90\x11\x00PN\x02P1SN\x06AB1234V0\x00\x78rest";
        let found = texts(content);
        let of = |kind| {
            let found = found.iter().filter(|(at, one)| *one == kind && !at.is_empty());
            found.map(|(at, _)| String::from_utf8_lossy(&content[at.clone()]).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of(Content::Maker), ["Card", "P1"]);
        assert_eq!(of(Content::One), ["AB1234", "xrest"]);
    }
}
