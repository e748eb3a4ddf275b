//! A place in the text, and what counts as a blank or the end of a line there.

use super::Fault;

/// Characters with the place of the next one; beyond the end there is NUL, which no text may hold.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a [char],
    pub(super) index: usize,
    /// From 1.
    pub(super) line: usize,
    /// From 0.
    pub(super) column: i64,
}

/// The ends of a line in YAML 1.1.
pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A blank, or the end of a line or of the text.
pub(super) fn is_end(c: char) -> bool {
    matches!(c, '\0' | ' ') || is_break(c)
}

/// The same, or a tab.
pub(super) fn is_gap(c: char) -> bool {
    c == '\t' || is_end(c)
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [char]) -> Self {
        Cursor { text, index: 0, line: 1, column: 0 }
    }

    pub(super) fn char(&self) -> char {
        self.char_at(0)
    }

    pub(super) fn char_at(&self, ahead: usize) -> char {
        self.text.get(self.index + ahead).copied().unwrap_or('\0')
    }

    pub(super) fn forward(&mut self, count: usize) {
        for _ in 0..count {
            let c = self.char();
            self.index += 1;
            if is_break(c) && !(c == '\r' && self.char() == '\n') {
                self.line += 1;
                self.column = 0;
            } else if c != '\u{feff}' {
                self.column += 1;
            }
        }
    }

    pub(super) fn skip(&mut self, c: char) {
        while self.char() == c {
            self.forward(1);
        }
    }

    pub(super) fn skip_comment(&mut self) {
        while self.char() != '\0' && !is_break(self.char()) {
            self.forward(1);
        }
    }

    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while self.char() != '\0' && fits(self.char()) {
            taken.push(self.char());
            self.forward(1);
        }
        taken
    }

    /// Passes the end of a line and answers what stands for it in a text.
    pub(super) fn take_break(&mut self) -> Option<char> {
        let c = self.char();
        if !is_break(c) {
            return None;
        }
        self.forward(if c == '\r' && self.char_at(1) == '\n' { 2 } else { 1 });
        Some(if matches!(c, '\u{2028}' | '\u{2029}') { c } else { '\n' })
    }

    /// True if `---` or `...` stands here, alone.
    pub(super) fn is_separator(&self, mark: &str) -> bool {
        mark.chars().enumerate().all(|(ahead, c)| self.char_at(ahead) == c) && is_gap(self.char_at(3))
    }

    /// The same in the first column.
    pub(super) fn is_marker(&self, mark: &str) -> bool {
        self.column == 0 && self.is_separator(mark)
    }

    pub(super) fn fault(&self, message: impl Into<String>) -> Fault {
        Fault { message: message.into(), line: self.line }
    }
}
