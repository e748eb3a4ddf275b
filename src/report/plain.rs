//! What programs print, as text that a page can hold: no terminal's commands, no characters that nobody sees.

use std::iter::Peekable;
use std::str::Chars;

/// The text of bytes from outside. Escape sequences of terminals are left out, carriage returns end lines, control characters become
/// their pictures, and what would turn the direction of text around, or is no UTF-8, becomes U+FFFD.
#[must_use]
pub fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' => clean.push('\n'),
            '\n' | '\t' => clean.push(c),
            '\0'..='\u{1f}' => clean.push(char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}')),
            '\u{7f}' => clean.push('\u{2421}'),
            '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {
                clean.push('\u{fffd}');
            }
            c => clean.push(c),
        }
    }
    clean
}

/// Passes over the rest of an escape sequence, which never goes beyond its line: nothing may hide what comes after it.
fn skip_escape(chars: &mut Peekable<Chars<'_>>) {
    let Some(kind) = chars.next_if(|c| !c.is_control()) else { return };
    match kind {
        '[' => {
            while chars.next_if(|c| (' '..='?').contains(c)).is_some() {}
            chars.next_if(|c| ('@'..='~').contains(c));
        }
        // A title, a link: until BEL or the string terminator.
        ']' | 'P' | 'X' | '^' | '_' => {
            while chars.next_if(|c| !c.is_control()).is_some() {}
            if chars.next_if_eq(&'\u{7}').is_none() && chars.next_if_eq(&'\u{1b}').is_some() {
                chars.next_if_eq(&'\\');
            }
        }
        '(' | ')' => {
            chars.next_if(|c| !c.is_control());
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_left_out() {
        assert_eq!(plain(b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07on\x1b(B\x1bM\r\nnext\rover"), "red on\nnext\nover");
        assert_eq!(plain(b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\"), "link");
    }

    #[test]
    fn what_nobody_sees_is_shown() {
        assert_eq!(plain(b"a\0b\x08\x7f\xff"), "a\u{2400}b\u{2408}\u{2421}\u{fffd}");
        assert_eq!(plain("\u{202e}txt\u{9b}1m".as_bytes()), "\u{fffd}txt\u{fffd}1m");
    }

    #[test]
    fn a_sequence_without_an_end_hides_no_line_but_its_own() {
        assert_eq!(plain(b"\x1b]0;never ended\nFAILED"), "\nFAILED");
        assert_eq!(plain(b"\x1b[12345\nFAILED\x1b"), "\nFAILED");
    }
}
