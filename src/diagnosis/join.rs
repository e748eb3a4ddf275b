//! Fragments of one record become one line again.

use std::borrow::Cow;

use super::record::{Line, Origin, Part};
use super::stamp::Stamp;

/// A whole line, ready to be judged.
#[derive(Clone, Debug)]
pub(super) struct Record<'a> {
    pub(super) stamp: Option<Stamp<'a>>,
    pub(super) origin: Origin,
    pub(super) text: Cow<'a, str>,
    part: Part,
    caller: &'a str,
}

/// Puts fragments together. Records between two fragments wait, so that the order stays.
#[derive(Debug, Default)]
pub(super) struct Joiner<'a> {
    waiting: Vec<Record<'a>>,
    last: Option<Origin>,
    /// The stamp of a line that was broken right behind its head.
    head: Option<Stamp<'a>>,
}

/// So many records may stand between the fragments of one line.
const BETWEEN: usize = 12;

impl<'a> Joiner<'a> {
    /// Takes a line and hands on what is complete.
    pub(super) fn take(&mut self, line: &Line<'a>, mut on: impl FnMut(Record<'a>)) {
        let origin = match line.origin {
            Origin::Same => self.last.unwrap_or(Origin::Kernel),
            known => known,
        };
        self.last = Some(origin);
        let head = self.head.take().filter(|_| line.origin == Origin::Same);
        if line.text.is_empty() {
            self.head = line.stamp;
            return;
        }
        let text = if line.escaped && line.text.contains('\\') {
            Cow::Owned(unescaped(line.text))
        } else {
            Cow::Borrowed(line.text)
        };
        let record = Record { stamp: line.stamp.or(head), origin, text, part: line.part, caller: line.caller };
        if self.waiting.is_empty() && record.part == Part::Whole {
            on(record);
            return;
        }
        let first = self.waiting.first_mut().filter(|first| {
            let follows = record.part == Part::More || (record.part == Part::Fragment && first.part == Part::Fragment);
            follows && first.caller == record.caller && near(first.stamp, record.stamp)
        });
        if let Some(first) = first {
            first.text.to_mut().push_str(&record.text);
            first.part = record.part;
            return;
        }
        if record.part != Part::Whole || self.waiting.len() >= BETWEEN {
            self.end(&mut on);
        }
        if self.waiting.is_empty() && record.part == Part::Whole { on(record) } else { self.waiting.push(record) }
    }

    /// Hands on what waits.
    pub(super) fn end(&mut self, on: &mut impl FnMut(Record<'a>)) {
        self.waiting.drain(..).for_each(on);
    }
}

fn near(a: Option<Stamp<'_>>, b: Option<Stamp<'_>>) -> bool {
    a.zip(b).is_none_or(|(a, b)| (a.seconds - b.seconds).abs() < 1.0)
}

/// `\x0a` and the like of `/dev/kmsg` as the bytes that they stand for.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        if let Some(byte) = rest.get(at + 2..at + 4).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &rest[at + 4..];
        } else {
            bytes.extend_from_slice(b"\\x");
            rest = &rest[at + 2..];
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}
