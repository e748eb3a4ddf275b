//! A script, taken apart once for all rules.

use std::borrow::Cow;
use std::collections::HashSet;

use super::super::header::{Metadata, line_of};
use super::super::{Header, HeaderParameter};
use super::shell::{Command, commands};
use crate::yaml::Node;

/// A script and its parts.
pub(super) struct Source<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) text: Cow<'a, str>,
    pub(super) metadata: Metadata,
    /// The text outside of the metadata and without lines that are comments only, each line in its place.
    pub(super) body: Vec<&'a str>,
    /// The commands of a shell script.
    pub(super) commands: Vec<Command>,
    /// Rules that the author has seen and does not mind.
    pub(super) allowed: HashSet<String>,
}

impl<'a> Source<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let metadata = Metadata::read(bytes);
        let block = metadata.block.as_ref().map_or(0..0, |block| block.first - 1..block.end);
        // What is not UTF-8 is told as that, and its body is not looked at.
        let whole = std::str::from_utf8(bytes).unwrap_or_default();
        let code = |(number, line): (usize, &'a str)| {
            let is_code = number > 0 && !block.contains(&(number + 1)) && !line.trim_start().starts_with('#');
            if is_code { line } else { "" }
        };
        let body: Vec<&str> = whole.lines().enumerate().map(code).collect();
        let interpreter = interpreter(&text).map(|(name, _)| name).unwrap_or_default();
        let is_shell = ["sh", "bash", "dash", "ash", "ksh", "zsh"].contains(&interpreter.as_str());
        let commands = if is_shell { commands(&body) } else { Vec::new() };
        let allowed = text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("shakedown: allow "))
            .flat_map(|rules| rules.split([' ', ',']).map(str::to_owned))
            .collect();
        Source { bytes, text, metadata, body, commands, allowed }
    }

    pub(super) fn header(&self) -> &Header {
        &self.metadata.header
    }

    /// Line of a field, or of the block's beginning.
    pub(super) fn line_of(&self, path: &[&str]) -> usize {
        self.metadata.block.as_ref().map_or(1, |block| block.first + line_of(&block.yaml, path))
    }

    /// True if the region refuses something by this rule.
    pub(super) fn has_problem(&self, rule: &str) -> bool {
        self.metadata.problems.iter().any(|problem| problem.rule == rule)
    }

    /// A field of the metadata.
    pub(super) fn field(&self, name: &str) -> Option<&Node> {
        self.metadata.node.get(name).filter(|node| **node != Node::Null)
    }

    /// Names and fields of the parameters, as written.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&Node, &Node)> {
        self.field("parameters").map(Node::pairs).unwrap_or_default().iter().map(|(name, fields)| (name, fields))
    }

    /// The parameters of a kind that could be read.
    pub(super) fn of_kind(&self, kind: &str) -> Vec<&(String, HeaderParameter)> {
        self.header().parameters.iter().filter(|(_, parameter)| parameter.parameter.kind == kind).collect()
    }

    /// The first line of the body that holds a text, from 1.
    pub(super) fn mention(&self, text: &str) -> Option<usize> {
        self.body.iter().position(|line| line.contains(text)).map(|number| number + 1)
    }
}

/// The program that runs a script, `env` looked through, and the arguments that it is given.
pub(super) fn interpreter(text: &str) -> Option<(String, Vec<String>)> {
    let line = text.lines().next()?.strip_prefix("#!")?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let first = name(&words.next()?);
    if first != "env" {
        return Some((first, words.collect()));
    }
    let mut words = words.skip_while(|word| word.starts_with('-') || word.contains('='));
    Some((name(&words.next()?), words.collect()))
}
