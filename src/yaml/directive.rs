//! `%YAML` and `%TAG`.

use super::Fault;
use super::cursor::{is_break, is_end};
use super::resolve::MAX_DIGITS;
use super::scan::Scanner;
use super::token::Token;

impl Scanner<'_> {
    pub(super) fn directive(&mut self) -> Result<(), Fault> {
        self.leave_block()?;
        self.at.forward(1);
        let name = self.at.take_while(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if name.is_empty() || !is_end(self.at.char()) {
            return Err(self.at.fault("a directive ('%' in the first column) has no name"));
        }
        let token = match name.as_str() {
            "YAML" => self.version()?,
            "TAG" => self.tag_prefix()?,
            _ => {
                while !is_break(self.at.char()) && self.at.char() != '\0' {
                    self.at.forward(1);
                }
                Token::Reserved
            }
        };
        self.end_of_line()?;
        self.push(token);
        Ok(())
    }

    fn version(&mut self) -> Result<Token, Fault> {
        self.at.skip(' ');
        let major = self.at.take_while(|c| c.is_ascii_digit());
        let dot = self.at.take_while(|c| c == '.');
        let minor = self.at.take_while(|c| c.is_ascii_digit());
        if major.is_empty() || dot != "." || minor.is_empty() || !is_end(self.at.char()) {
            return Err(self.at.fault("%YAML has no version like 1.1"));
        }
        if major.len().max(minor.len()) > MAX_DIGITS {
            self.note("a version of more digits than Python reads");
        }
        Ok(Token::Version(major.parse().unwrap_or(u64::MAX)))
    }

    fn tag_prefix(&mut self) -> Result<Token, Fault> {
        self.at.skip(' ');
        let handle = self.tag_handle()?;
        if self.at.char() != ' ' {
            return Err(self.at.fault("%TAG has no blank after its handle"));
        }
        self.at.skip(' ');
        let prefix = self.tag_uri()?;
        if !is_end(self.at.char()) {
            return Err(self.at.fault("%TAG has something after its prefix"));
        }
        Ok(Token::TagPrefix(handle, prefix))
    }
}
