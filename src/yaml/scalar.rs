//! Texts and tags: quoted, plain and block scalars with their folding.

use super::Fault;
use super::cursor::{is_break, is_end, is_gap};
use super::scan::Scanner;
use super::token::Token;

impl Scanner<'_> {
    pub(super) fn tag(&mut self) -> Result<Token, Fault> {
        let next = self.at.char_at(1);
        let tag = if next == '<' {
            self.at.forward(2);
            let suffix = self.tag_uri()?;
            if self.at.char() != '>' {
                return Err(self.at.fault("a tag '!<' has no '>'"));
            }
            self.at.forward(1);
            Token::Tag(None, suffix)
        } else if is_gap(next) {
            self.at.forward(1);
            Token::Tag(None, "!".to_owned())
        } else {
            let mut length = 1;
            while !is_end(self.at.char_at(length)) && self.at.char_at(length) != '!' {
                length += 1;
            }
            let handle = if self.at.char_at(length) == '!' {
                self.tag_handle()?
            } else {
                self.at.forward(1);
                "!".to_owned()
            };
            Token::Tag(Some(handle), self.tag_uri()?)
        };
        if !is_end(self.at.char()) {
            return Err(self.at.fault("a tag has no blank after it (put text with '!' into quotes)"));
        }
        Ok(tag)
    }

    /// `!`, `!!` or `!name!`.
    pub(super) fn tag_handle(&mut self) -> Result<String, Fault> {
        let fault = |scanner: &Self| scanner.at.fault("a tag's handle is '!', '!!' or '!name!'");
        if self.at.char() != '!' {
            return Err(fault(self));
        }
        self.at.forward(1);
        if self.at.char() == ' ' {
            return Ok("!".to_owned());
        }
        let name = self.at.take_while(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if self.at.char() != '!' {
            return Err(fault(self));
        }
        self.at.forward(1);
        Ok(format!("!{name}!"))
    }

    pub(super) fn tag_uri(&mut self) -> Result<String, Fault> {
        let mut bytes = Vec::new();
        loop {
            let c = self.at.char();
            if c == '%' {
                self.at.forward(1);
                let code = self.hexadecimal(2)?;
                bytes.push(u8::try_from(code).unwrap_or_default());
                continue;
            }
            if !(c.is_ascii_alphanumeric() || "-;/?:@&=+$,_.!~*'()[]".contains(c)) {
                break;
            }
            bytes.extend(c.to_string().bytes());
            self.at.forward(1);
        }
        match String::from_utf8(bytes) {
            Ok(uri) if !uri.is_empty() => Ok(uri),
            _ => Err(self.at.fault("a tag has no name (put text with '!' into quotes)")),
        }
    }

    /// The number that some hexadecimal digits say.
    fn hexadecimal(&mut self, digits: usize) -> Result<u32, Fault> {
        let mut code = 0;
        for ahead in 0..digits {
            let digit = self.at.char_at(ahead).to_digit(16);
            code =
                code << 4 | digit.ok_or_else(|| self.at.fault("hexadecimal digits are missing after '\\' or '%'"))?;
        }
        self.at.forward(digits);
        Ok(code)
    }

    /// Text without quotes: up to a `: `, a ` #`, a line that is indented less, in braces also up to one of their signs.
    pub(super) fn plain(&mut self) -> String {
        let (mut text, mut spaces) = (String::new(), String::new());
        let least = self.indent + 1;
        while self.at.char() != '#' {
            let word = self.plain_word();
            if word.is_empty() {
                break;
            }
            self.key_allowed = false;
            text.push_str(&spaces);
            text.push_str(&word);
            spaces = self.plain_spaces();
            if spaces.is_empty() || self.flow == 0 && self.at.column < least {
                break;
            }
        }
        text
    }

    fn plain_word(&mut self) -> String {
        let mut word = String::new();
        loop {
            let (c, next) = (self.at.char(), self.at.char_at(1));
            let in_flow = self.flow != 0;
            let ends = is_gap(c)
                || c == ':' && (is_gap(next) || in_flow && ",[]{}".contains(next))
                || in_flow && ",?[]{}".contains(c);
            if ends {
                return word;
            }
            word.push(c);
            self.at.forward(1);
        }
    }

    fn plain_spaces(&mut self) -> String {
        let blanks = self.at.take_while(|c| c == ' ');
        let Some(first) = self.at.take_break() else { return blanks };
        self.key_allowed = true;
        let is_separator = |scanner: &Self| scanner.at.is_separator("---") || scanner.at.is_separator("...");
        let mut breaks = String::new();
        loop {
            if is_separator(self) {
                return String::new();
            }
            self.at.skip(' ');
            match self.at.take_break() {
                Some(next) => breaks.push(next),
                None => return folded(first, &breaks),
            }
        }
    }

    pub(super) fn quoted(&mut self) -> Result<String, Fault> {
        let mut text = String::new();
        let quote = self.at.char();
        self.at.forward(1);
        loop {
            self.quoted_word(quote, &mut text)?;
            if self.at.char() == quote {
                self.at.forward(1);
                return Ok(text);
            }
            let blanks = self.at.take_while(|c| c == ' ' || c == '\t');
            if self.at.char() == '\0' {
                return Err(self.at.fault("a quote is not closed"));
            }
            match self.at.take_break() {
                None => text.push_str(&blanks),
                Some(first) => text.push_str(&folded(first, &self.quoted_breaks()?)),
            }
        }
    }

    fn quoted_word(&mut self, quote: char, text: &mut String) -> Result<(), Fault> {
        loop {
            let c = self.at.char();
            if is_gap(c) {
                return Ok(());
            }
            if quote == '"' && c == '\\' {
                self.at.forward(1);
                self.escape(text)?;
                continue;
            }
            if c == quote {
                if quote == '"' || self.at.char_at(1) != '\'' {
                    return Ok(());
                }
                self.at.forward(1);
            }
            text.push(c);
            self.at.forward(1);
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), Fault> {
        let c = self.at.char();
        if self.at.take_break().is_some() {
            text.push_str(&self.quoted_breaks()?);
            return Ok(());
        }
        let meant = match c {
            '0' => '\0',
            'a' => '\x07',
            'b' => '\x08',
            't' | '\t' => '\t',
            'n' => '\n',
            'v' => '\x0b',
            'f' => '\x0c',
            'r' => '\r',
            'e' => '\x1b',
            ' ' | '"' | '\\' | '/' => c,
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            'x' | 'u' | 'U' => {
                self.at.forward(1);
                let code = self.hexadecimal(match c {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                })?;
                text.push(self.character(code));
                return Ok(());
            }
            _ => return Err(self.at.fault(format!("\\{c} means nothing inside \"…\" (write \\\\{c} or use '…')"))),
        };
        self.at.forward(1);
        text.push(meant);
        Ok(())
    }

    /// The character of a code. Two halves of a pair, as JSON writes what is beyond 16 bits, are put together, which PyYAML leaves
    /// to whoever prints them; a half that is alone becomes U+FFFD.
    fn character(&mut self, code: u32) -> char {
        const BROKEN: char = '\u{fffd}';
        if code > 0x10_ffff {
            self.note("a character beyond U+10FFFF");
        }
        if (0xd800..0xdc00).contains(&code) && self.at.char() == '\\' && "uU".contains(self.at.char_at(1)) {
            let before = self.at;
            let digits = if self.at.char_at(1) == 'u' { 4 } else { 8 };
            self.at.forward(2);
            match self.hexadecimal(digits) {
                Ok(low) if (0xdc00..0xe000).contains(&low) => {
                    let whole = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                    return char::from_u32(whole).unwrap_or(BROKEN);
                }
                _ => self.at = before,
            }
        }
        char::from_u32(code).unwrap_or(BROKEN)
    }

    fn quoted_breaks(&mut self) -> Result<String, Fault> {
        let mut breaks = String::new();
        loop {
            if self.at.is_separator("---") || self.at.is_separator("...") {
                return Err(self.at.fault("a quote is not closed before '---' or '...'"));
            }
            self.at.take_while(|c| c == ' ' || c == '\t');
            match self.at.take_break() {
                Some(next) => breaks.push(next),
                None => return Ok(breaks),
            }
        }
    }

    /// The text after `|` or `>`.
    pub(super) fn block_text(&mut self, is_folded: bool) -> Result<String, Fault> {
        self.at.forward(1);
        let (keeps, increment) = self.block_indicators()?;
        self.end_of_line()?;
        let least = (self.indent + 1).max(1);
        let mut breaks = String::new();
        let indent = if let Some(increment) = increment {
            least + increment - 1
        } else {
            let widest = self.widest_indent(&mut breaks);
            least.max(widest)
        };
        self.block_breaks(indent, &mut breaks);
        let (mut text, mut line_break) = (String::new(), None);
        while self.at.column == indent && self.at.char() != '\0' {
            text.push_str(&std::mem::take(&mut breaks));
            let is_text = |c: char| c != ' ' && c != '\t';
            let was_text = is_text(self.at.char());
            text.push_str(&self.at.take_while(|c| !is_break(c)));
            line_break = self.at.take_break();
            self.block_breaks(indent, &mut breaks);
            if self.at.column != indent || self.at.char() == '\0' {
                break;
            }
            if is_folded && line_break == Some('\n') && was_text && is_text(self.at.char()) {
                if breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.extend(line_break);
            }
        }
        if keeps != Some(false) {
            text.extend(line_break);
        }
        if keeps == Some(true) {
            text.push_str(&breaks);
        }
        Ok(text)
    }

    /// What happens to the last breaks, and how far the text is indented, if that is said.
    fn block_indicators(&mut self) -> Result<(Option<bool>, Option<i64>), Fault> {
        let (mut keeps, mut increment) = (None, None);
        for _ in 0..2 {
            let c = self.at.char();
            if keeps.is_none() && "+-".contains(c) {
                keeps = Some(c == '+');
            } else if let (None, Some(digit)) = (increment, c.to_digit(10)) {
                if digit == 0 {
                    return Err(self.at.fault("the indentation after '|' or '>' is 1 to 9"));
                }
                increment = Some(i64::from(digit));
            } else {
                break;
            }
            self.at.forward(1);
        }
        if !is_end(self.at.char()) {
            return Err(self.at.fault("something stands after '|' or '>'"));
        }
        Ok((keeps, increment))
    }

    fn widest_indent(&mut self, breaks: &mut String) -> i64 {
        let mut widest = 0;
        loop {
            if self.at.char() == ' ' {
                self.at.forward(1);
                widest = widest.max(self.at.column);
            } else if let Some(next) = self.at.take_break() {
                breaks.push(next);
            } else {
                return widest;
            }
        }
    }

    fn block_breaks(&mut self, indent: i64, breaks: &mut String) {
        loop {
            while self.at.column < indent && self.at.char() == ' ' {
                self.at.forward(1);
            }
            match self.at.take_break() {
                Some(next) => breaks.push(next),
                None => return,
            }
        }
    }
}

/// What lines that are one text are joined with.
fn folded(first: char, breaks: &str) -> String {
    match first {
        '\n' if breaks.is_empty() => " ".to_owned(),
        '\n' => breaks.to_owned(),
        _ => format!("{first}{breaks}"),
    }
}
