//! Text from outside as a terminal shows it and never obeys it: the one place that decides what reaches a screen.
//!
//! What a terminal would act on, or would show in another order than it stands, is written as JSON writes it (`\u001b`): visible in a line for people,
//! and in a JSON document the same text as before, so that everything that is printed can go through here. Bytes that are no UTF-8 are written as
//! `\x9b`.

use std::fmt::{self, Write as _};
use std::io;

/// Text of any kind whose control characters are shown instead of sent. Lines stay lines, and tabs stay.
#[derive(Clone, Copy, Debug)]
pub struct Printable<T>(pub T);

/// Text of any kind that has to stay in one line; its control characters are shown instead of sent.
#[derive(Clone, Copy, Debug)]
pub struct OneLine<T>(pub T);

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Filter { into: f, keeps_lines: true }, "{}", self.0)
    }
}

impl<T: fmt::Display> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Filter { into: f, keeps_lines: false }, "{}", self.0)
    }
}

struct Filter<'a, 'b> {
    into: &'a mut fmt::Formatter<'b>,
    keeps_lines: bool,
}

impl fmt::Write for Filter<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_obeyed(*c, self.keeps_lines)) {
            write!(self.into, "{}\\u{:04x}", &rest[..at], u32::from(c))?;
            rest = &rest[at + c.len_utf8()..];
        }
        self.into.write_str(rest)
    }
}

/// C0, DEL, C1, and what turns the direction of text around.
fn is_obeyed(c: char, keeps_lines: bool) -> bool {
    match c {
        '\n' | '\t' => !keeps_lines,
        c => c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'),
    }
}

/// Bytes from outside, as [`Printable`] shows text.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        // Writing to memory cannot fail.
        let _ = write!(shown, "{}", Printable(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// A stream that leads to a terminal: bytes go through it as [`printable`] shows them.
#[derive(Debug)]
pub struct Screen<W> {
    into: W,
    /// The beginning of a character whose rest is still to come.
    open: Vec<u8>,
}

impl<W: io::Write> Screen<W> {
    /// Over the stream that takes what is shown.
    pub fn new(into: W) -> Self {
        Screen { into, open: Vec::new() }
    }
}

impl<W: io::Write> io::Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open.extend_from_slice(bytes);
        let whole = self.open.len() - unfinished(&self.open);
        let rest = self.open.split_off(whole);
        let shown = printable(&std::mem::replace(&mut self.open, rest));
        self.into.write_all(shown.as_bytes()).map(|()| bytes.len())
    }

    /// Shows also what is left of a character that does not go on.
    fn flush(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.open);
        self.into.write_all(printable(&rest).as_bytes())?;
        self.into.flush()
    }
}

/// How many bytes at the end are the beginning of a character that may go on.
fn unfinished(bytes: &[u8]) -> usize {
    match std::str::from_utf8(&bytes[bytes.len().saturating_sub(3)..]) {
        // A cut at the beginning of these three bytes is an error with a length; one at their end has none.
        Ok(_) => 0,
        Err(_) => (1..=3.min(bytes.len()))
            .find(|count| {
                std::str::from_utf8(&bytes[bytes.len() - count..])
                    .is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
            })
            .unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        let rows = [
            ("\u{1b}[31mred\u{7}\r", "\\u001b[31mred\\u0007\\u000d"),
            ("\u{7f}\u{80}\u{9b}2J\u{9f}", "\\u007f\\u0080\\u009b2J\\u009f"),
            ("\u{202e}txt.exe\u{2066}\u{2069}", "\\u202etxt.exe\\u2066\\u2069"),
            ("a\tb\nümlaut 温度 🌡", "a\tb\nümlaut 温度 🌡"),
        ];
        for (text, shown) in rows {
            assert_eq!(Printable(text).to_string(), shown);
            assert_eq!(printable(text.as_bytes()), shown);
        }
        assert_eq!(OneLine("a\tb\nc").to_string(), "a\\u0009b\\u000ac");
    }

    #[test]
    fn a_json_document_stays_the_same_document() {
        let value = serde_json::json!({"k\u{9b}": ["\\\u{7f}", "\u{202e}", "\u{1b}\"", "ü"]});
        for text in [value.to_string(), format!("{value:#}")] {
            let shown = Printable(&text).to_string();
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).ok(), Some(value.clone()), "{shown}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_shown_in_hexadecimal() {
        assert_eq!(printable(b"a\x9b31m\xff\xe2\x82"), "a\\x9b31m\\xff\\xe2\\x82");
    }

    #[test]
    fn pieces_come_to_the_same_as_the_whole() {
        let bytes = "é\u{9b}温\u{202e}🌡".bytes().chain(*b"\xe2\x82\xff\xf0\x9f\x8cz\xe2").collect::<Vec<u8>>();
        for size in 1..bytes.len() {
            let mut shown = Vec::new();
            let mut screen = Screen::new(&mut shown);
            bytes.chunks(size).for_each(|piece| screen.write_all(piece).expect("memory"));
            screen.flush().expect("memory");
            assert_eq!(String::from_utf8(shown).expect("UTF-8"), printable(&bytes), "in pieces of {size}");
        }
    }
}
