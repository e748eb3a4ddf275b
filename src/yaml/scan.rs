//! Characters to tokens: where PyYAML sees a key, a value, the end of a block.
//!
//! A key without `?` is known as one only when its `:` is met, within the line and 1,024 characters; tokens wait until that is decided.

use std::collections::{BTreeMap, VecDeque};

use super::Fault;
use super::cursor::{Cursor, is_break, is_gap};
use super::token::Token;

/// How far the `:` may be from the beginning of its key.
const LONGEST_KEY: usize = 1024;

/// A place where a key may have begun.
#[derive(Clone, Copy, Debug)]
struct MaybeKey {
    /// Number of the token that the `Key` goes before.
    token: usize,
    /// Nothing else can stand there.
    required: bool,
    index: usize,
    line: usize,
    column: i64,
}

/// Makes tokens as they are asked for.
pub(super) struct Scanner<'a> {
    pub(super) at: Cursor<'a>,
    pub(super) flow: i64,
    pub(super) indent: i64,
    /// True if a key may begin here.
    pub(super) key_allowed: bool,
    /// The first thing on which the region's reader falls over instead of refusing it.
    pub(super) poison: Option<Fault>,
    indents: Vec<i64>,
    waiting: VecDeque<(usize, Token)>,
    taken: usize,
    keys: BTreeMap<i64, MaybeKey>,
    done: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [char]) -> Self {
        Scanner {
            at: Cursor::new(text),
            flow: 0,
            indent: -1,
            key_allowed: true,
            poison: None,
            indents: Vec::new(),
            waiting: VecDeque::new(),
            taken: 0,
            keys: BTreeMap::new(),
            done: false,
        }
    }

    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Result<&Token, Fault> {
        while self.wants_more()? {
            self.fetch()?;
        }
        // Nothing but the end of the stream follows its end.
        Ok(self.waiting.front().map_or(&Token::StreamEnd, |(_, token)| token))
    }

    /// The next token.
    pub(super) fn take(&mut self) -> Result<Token, Fault> {
        self.peek()?;
        self.taken += 1;
        Ok(self.waiting.pop_front().map_or(Token::StreamEnd, |(_, token)| token))
    }

    /// Line of the next token, from 1.
    pub(super) fn line(&self) -> usize {
        self.waiting.front().map_or(self.at.line, |(line, _)| *line)
    }

    pub(super) fn note(&mut self, message: &str) {
        let fault = self.at.fault(message);
        self.poison.get_or_insert(fault);
    }

    fn wants_more(&mut self) -> Result<bool, Fault> {
        if self.done {
            return Ok(false);
        }
        if self.waiting.is_empty() {
            return Ok(true);
        }
        self.forget_old_keys()?;
        Ok(self.keys.values().map(|key| key.token).min() == Some(self.taken))
    }

    fn forget_old_keys(&mut self) -> Result<(), Fault> {
        let (line, index) = (self.at.line, self.at.index);
        let is_old = |key: &MaybeKey| key.line != line || index - key.index > LONGEST_KEY;
        if self.keys.values().any(|key| key.required && is_old(key)) {
            return Err(self.at.fault("a key has no ':' in its line (or is longer than 1,024 characters)"));
        }
        self.keys.retain(|_, key| !is_old(key));
        Ok(())
    }

    fn save_key(&mut self) -> Result<(), Fault> {
        let required = self.flow == 0 && self.indent == self.at.column;
        if self.key_allowed {
            self.drop_key()?;
            let token = self.taken + self.waiting.len();
            let Cursor { index, line, column, .. } = self.at;
            self.keys.insert(self.flow, MaybeKey { token, required, index, line, column });
        }
        Ok(())
    }

    fn drop_key(&mut self) -> Result<(), Fault> {
        match self.keys.remove(&self.flow) {
            Some(key) if key.required => Err(self.at.fault("a key has no ':'")),
            _ => Ok(()),
        }
    }

    pub(super) fn push(&mut self, token: Token) {
        self.waiting.push_back((self.at.line, token));
    }

    fn unwind(&mut self, column: i64) {
        while self.flow == 0 && self.indent > column {
            self.indent = self.indents.pop().unwrap_or(-1);
            self.push(Token::BlockEnd);
        }
    }

    fn deepen(&mut self, column: i64) -> bool {
        if self.indent < column {
            self.indents.push(self.indent);
            self.indent = column;
            return true;
        }
        false
    }

    fn skip_to_token(&mut self) {
        if self.at.index == 0 && self.at.char() == '\u{feff}' {
            self.at.forward(1);
        }
        loop {
            self.at.skip(' ');
            if self.at.char() == '#' {
                self.at.skip_comment();
            }
            if self.at.take_break().is_none() {
                return;
            }
            if self.flow == 0 {
                self.key_allowed = true;
            }
        }
    }

    fn fetch(&mut self) -> Result<(), Fault> {
        self.skip_to_token();
        self.forget_old_keys()?;
        self.unwind(self.at.column);
        let (first, second) = (self.at.char(), self.at.char_at(1));
        let in_flow = self.flow != 0;
        match first {
            '\0' => self.stream_end(),
            '%' if self.at.column == 0 => self.directive(),
            '-' if self.at.is_marker("---") => self.marker(Token::DocumentStart),
            '.' if self.at.is_marker("...") => self.marker(Token::DocumentEnd),
            '[' => self.open(Token::FlowSequence),
            '{' => self.open(Token::FlowMapping),
            ']' => self.close(Token::FlowSequenceEnd),
            '}' => self.close(Token::FlowMappingEnd),
            ',' => self.flow_entry(),
            '-' if is_gap(second) => self.block_entry(),
            '?' if in_flow || is_gap(second) => self.key(),
            ':' if in_flow || is_gap(second) => self.value(),
            '*' => self.node(|scanner| scanner.name().map(Token::Alias)),
            '&' => self.node(|scanner| scanner.name().map(Token::Anchor)),
            '!' => self.node(Scanner::tag),
            '|' if !in_flow => self.block_scalar(false),
            '>' if !in_flow => self.block_scalar(true),
            '\'' | '"' => self.node(|scanner| Ok(Token::Scalar(scanner.quoted()?, false))),
            _ if self.begins_plain(first, second) => self.node(|scanner| Ok(Token::Scalar(scanner.plain(), true))),
            '\t' => Err(self.at.fault("a tab outside of quotes: YAML separates and indents with blanks only")),
            _ => Err(self.at.fault(format!("{first:?} cannot begin anything here"))),
        }
    }

    fn begins_plain(&self, first: char, second: char) -> bool {
        let is_free = !is_gap(first) && !"-?:,[]{}#&*!|>'\"%@`".contains(first);
        is_free || !is_gap(second) && (first == '-' || self.flow == 0 && "?:".contains(first))
    }

    fn stream_end(&mut self) -> Result<(), Fault> {
        self.unwind(-1);
        self.drop_key()?;
        self.keys.clear();
        self.push(Token::StreamEnd);
        self.done = true;
        Ok(())
    }

    pub(super) fn leave_block(&mut self) -> Result<(), Fault> {
        self.unwind(-1);
        self.drop_key()?;
        self.key_allowed = false;
        Ok(())
    }

    fn marker(&mut self, token: Token) -> Result<(), Fault> {
        self.leave_block()?;
        self.at.forward(3);
        self.push(token);
        Ok(())
    }

    fn open(&mut self, token: Token) -> Result<(), Fault> {
        self.save_key()?;
        self.flow += 1;
        self.key_allowed = true;
        self.at.forward(1);
        self.push(token);
        Ok(())
    }

    fn close(&mut self, token: Token) -> Result<(), Fault> {
        self.drop_key()?;
        self.flow -= 1;
        self.key_allowed = false;
        self.at.forward(1);
        self.push(token);
        Ok(())
    }

    fn flow_entry(&mut self) -> Result<(), Fault> {
        self.key_allowed = true;
        self.drop_key()?;
        self.at.forward(1);
        self.push(Token::FlowEntry);
        Ok(())
    }

    /// Refuses what only a new line may begin.
    fn begin_block(&mut self, what: &str, token: Token) -> Result<(), Fault> {
        if self.flow == 0 {
            if !self.key_allowed {
                return Err(self.at.fault(format!("{what} is not allowed here (put text with it into quotes)")));
            }
            if self.deepen(self.at.column) {
                self.push(token);
            }
        }
        Ok(())
    }

    fn block_entry(&mut self) -> Result<(), Fault> {
        self.begin_block("a list entry ('- ')", Token::BlockSequence)?;
        self.key_allowed = true;
        self.drop_key()?;
        self.at.forward(1);
        self.push(Token::BlockEntry);
        Ok(())
    }

    fn key(&mut self) -> Result<(), Fault> {
        self.begin_block("a key ('? ')", Token::BlockMapping)?;
        self.key_allowed = self.flow == 0;
        self.drop_key()?;
        self.at.forward(1);
        self.push(Token::Key);
        Ok(())
    }

    fn value(&mut self) -> Result<(), Fault> {
        if let Some(key) = self.keys.remove(&self.flow) {
            let place = key.token - self.taken;
            self.waiting.insert(place, (key.line, Token::Key));
            if self.flow == 0 && self.deepen(key.column) {
                self.waiting.insert(place, (key.line, Token::BlockMapping));
            }
            self.key_allowed = false;
        } else {
            self.begin_block("a value (': ')", Token::BlockMapping)?;
            self.key_allowed = self.flow == 0;
            self.drop_key()?;
        }
        self.at.forward(1);
        self.push(Token::Value);
        Ok(())
    }

    /// A token that may be (the beginning of) a key.
    fn node(&mut self, scan: fn(&mut Self) -> Result<Token, Fault>) -> Result<(), Fault> {
        self.save_key()?;
        self.key_allowed = false;
        let line = self.at.line;
        let token = scan(self)?;
        self.waiting.push_back((line, token));
        Ok(())
    }

    fn block_scalar(&mut self, folded: bool) -> Result<(), Fault> {
        self.key_allowed = true;
        self.drop_key()?;
        let line = self.at.line;
        let text = self.block_text(folded)?;
        self.waiting.push_back((line, Token::Scalar(text, false)));
        Ok(())
    }

    /// The name of an anchor or an alias.
    fn name(&mut self) -> Result<String, Fault> {
        self.at.forward(1);
        let name = self.at.take_while(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let next = self.at.char();
        if name.is_empty() || !(is_gap(next) || "?:,]}%@`".contains(next)) {
            return Err(self
                .at
                .fault("an anchor or alias is named with letters, digits, '-' and '_' (put '*' and '&' into quotes)"));
        }
        Ok(name)
    }

    /// A comment may end the line, nothing else.
    pub(super) fn end_of_line(&mut self) -> Result<(), Fault> {
        self.at.skip(' ');
        if self.at.char() == '#' {
            self.at.skip_comment();
        }
        if self.at.char() != '\0' && !is_break(self.at.char()) {
            return Err(self.at.fault("something stands where the line must end"));
        }
        self.at.take_break();
        Ok(())
    }
}
