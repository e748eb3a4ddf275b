//! Head and tail of an output that may be of any size.

use serde::Serialize;

use super::plain::plain;

/// What is shown of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Excerpt {
    /// The file with the whole.
    pub path: String,
    /// Its size; `None` when it is not there any more, or never was.
    pub bytes: Option<u64>,
    /// Its beginning, or all of it.
    pub head: String,
    /// Bytes between head and tail.
    pub left_out: u64,
    /// Its end; empty when the head is all.
    pub tail: String,
}

impl Excerpt {
    /// Of a file of `size` bytes, from its first bytes and its last ones, which do not overlap. Both are cut at ends of lines where
    /// one is near.
    #[must_use]
    pub fn new(path: String, size: u64, head: &[u8], tail: &[u8]) -> Self {
        if size <= (head.len() + tail.len()) as u64 {
            let whole = [head, tail].concat();
            return Excerpt { path, bytes: Some(size), head: plain(&whole), left_out: 0, tail: String::new() };
        }
        let head = until_line_end(head);
        let tail = from_line_start(tail);
        let left_out = size - (head.len() + tail.len()) as u64;
        Excerpt { path, bytes: Some(size), head: plain(head), left_out, tail: plain(tail) }
    }
}

/// The least part of an excerpt that is kept for the sake of whole lines: half of it.
fn until_line_end(head: &[u8]) -> &[u8] {
    match head.iter().rposition(|byte| *byte == b'\n') {
        Some(end) if end >= head.len() / 2 => &head[..=end],
        _ => &head[..character(head, head.len())],
    }
}

fn from_line_start(tail: &[u8]) -> &[u8] {
    match tail.iter().position(|byte| *byte == b'\n') {
        Some(end) if end < tail.len() / 2 => &tail[end + 1..],
        _ => {
            let start = tail.iter().take(3).take_while(|byte| (0x80..0xc0).contains(*byte)).count();
            &tail[start..]
        }
    }
}

/// The end of the last whole character of UTF-8 up to a place.
fn character(bytes: &[u8], end: usize) -> usize {
    let start = (end.saturating_sub(4)..end).rev().find(|at| !(0x80..0xc0).contains(&bytes[*at]));
    let Some(start) = start else { return end };
    let length = match bytes[start] {
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
        _ => 1,
    };
    if start + length > end { start } else { end }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_output_is_shown_whole() {
        let excerpt = Excerpt::new("x".into(), 8, b"one\n", b"two\n");
        assert_eq!((excerpt.head.as_str(), excerpt.left_out, excerpt.tail.as_str()), ("one\ntwo\n", 0, ""));
    }

    #[test]
    fn what_is_left_out_is_counted_to_the_byte_and_lines_stay_whole() {
        let excerpt = Excerpt::new("x".into(), 100, b"first\nsec", b"ond last\nlast\nend");
        assert_eq!((excerpt.head.as_str(), excerpt.tail.as_str()), ("first\n", "ond last\nlast\nend"));
        assert_eq!(excerpt.left_out, 100 - 6 - 17);
        let excerpt = Excerpt::new("x".into(), 100, b"long line", b"t\nlast line");
        assert_eq!((excerpt.head.as_str(), excerpt.tail.as_str(), excerpt.left_out), ("long line", "last line", 82));
    }

    #[test]
    fn characters_stay_whole() {
        let excerpt =
            Excerpt::new("x".into(), 100, "añ".as_bytes().split_last().expect("bytes").1, &"ñb".as_bytes()[1..]);
        assert_eq!((excerpt.head.as_str(), excerpt.tail.as_str(), excerpt.left_out), ("a", "b", 98));
    }
}
