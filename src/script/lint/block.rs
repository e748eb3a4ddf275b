//! The metadata block, and what the region refuses of its fields.

use super::super::header::{Marker, lines, marker};
use super::source::Source;
use super::{Finding, Level, Rule, Told, told};

pub(super) const RULES: &[Rule] = &[
    Rule { id: "block-missing", level: Level::Warning, check: missing },
    Rule { id: "block-version", level: Level::Error, check: version },
    Rule { id: "block-twice", level: Level::Warning, check: twice },
    Rule { id: "block-open", level: Level::Warning, check: open },
    Rule { id: "block-words", level: Level::Warning, check: words },
    Rule { id: "key-twice", level: Level::Warning, check: key_twice },
];

/// What to do about what the region refuses, by rule.
const ADVICE: &[(&str, &str)] = &[
    (
        "shebang",
        "begin the first line with #!/bin/sh, #!/usr/bin/env python3 or the like, with no blank before the '/'",
    ),
    ("nul", "take it out; a program that is no text goes into a package or is fetched"),
    ("block-open", "write that line after the last field"),
    ("block-line", "begin the line with '# '"),
    ("yaml", "put text with ':' or '#' into quotes, and indent with blanks, each field alike"),
    ("text-long", "shorten it"),
    ("text-nul", "take it out"),
    ("unstorable", "write text, numbers, true or false"),
    ("comment", "take it out, and give it to the upload: `maas PROFILE node-scripts create comment=…`"),
    ("name-text", "put the name into quotes"),
    ("name-long", "shorten the name"),
    ("name-reserved", "choose another name"),
    ("name-digits", "put a letter into it: a number stands for a script's id"),
    ("name-quoting", "use letters, digits and @%+=:,./-_ only"),
    ("words", "write [one, two] or one,two"),
    ("script-type", "write one of these words"),
    ("hardware-type", "write one of these words"),
    ("parallel", "write one of these words"),
    ("timeout", "write 90 or 00:01:30"),
    ("for-hardware", "write one of these forms; numbers are four hexadecimal digits"),
    ("packages", "write packages: {apt: [NAME, …], snap: [NAME, …], url: [ADDRESS, …]}"),
    ("package-name", "write the name as text"),
    ("snap-name", "write {name: NAME, channel: CHANNEL, mode: MODE}"),
    ("snap-channel", "write one of these, or leave it out for stable"),
    ("snap-mode", "write one of these, or leave it out for a confined snap"),
    ("parameters", "write parameters: {NAME: {type: TYPE}}"),
    ("parameter-type", "write one of these types"),
    ("result-title", "write KEY: {title: TEXT, description: TEXT}"),
    ("results", "write results: {KEY: {title: TEXT}}, or a list of words"),
];

/// What [`Header`](crate::script::Header) refuses.
pub(super) fn refused(source: &Source) -> Vec<Finding> {
    let advice = |rule| ADVICE.iter().find(|(known, _)| *known == rule).map_or("", |(_, advice)| advice);
    // A mark before the `#!` is told as what it is.
    let problems =
        source.metadata.problems.iter().filter(|p| p.rule != "shebang" || !source.text.starts_with('\u{feff}'));
    problems
        .map(|problem| Finding {
            rule: problem.rule,
            level: Level::Error,
            line: problem.line,
            message: problem.message.clone(),
            advice: advice(problem.rule).to_owned(),
        })
        .collect()
}

/// Lines with a marker. None stands in the first line, which the region passes over.
fn markers(source: &Source) -> Vec<(usize, Marker)> {
    let marked = |(number, line)| marker(line).map(|marker| (number, marker));
    lines(&source.text).into_iter().skip(1).filter_map(marked).collect()
}

fn missing(source: &Source) -> Vec<Told> {
    if !markers(source).is_empty() || source.metadata.problems.iter().any(|problem| problem.rule == "shebang") {
        return Vec::new();
    }
    vec![told(
        1,
        "there is no metadata: the region makes it a testing script of the machine as a whole, without a time limit",
        "add a block between '# --- Start MAAS 1.0 script metadata ---' and '# --- End MAAS 1.0 script metadata ---'; \
         `shakedown new test` writes one",
    )]
}

fn version(source: &Source) -> Vec<Told> {
    let odd = markers(source).into_iter().find(|(_, marker)| !marker.counts());
    let tell = |(line, Marker { version, .. })| {
        told(
            line,
            format!("metadata of version {version:?}: the region reads 1.0 and passes over this"),
            "write MAAS 1.0",
        )
    };
    odd.map(tell).into_iter().collect()
}

fn twice(source: &Source) -> Vec<Told> {
    let mut counting = markers(source).into_iter().filter(|(_, marker)| marker.counts());
    let again = counting.nth(2).map(|(line, _)| {
        told(line, "metadata begins a second time: the region reads the first block only", "join the two blocks")
    });
    again.into_iter().collect()
}

fn open(source: &Source) -> Vec<Told> {
    let Some(block) = source.metadata.block.as_ref().filter(|block| !block.is_closed) else { return Vec::new() };
    let message = "the metadata block has no '# --- End MAAS 1.0 script metadata ---': the region reads all that follows as metadata";
    vec![told(block.first - 1, message, "write that line after the last field")]
}

/// The region does not look which word a marker has: the first begins the block, the next one ends it.
fn words(source: &Source) -> Vec<Told> {
    let counting = markers(source).into_iter().filter(|(_, marker)| marker.counts());
    let odd = counting.zip(["start", "end"]).find(|((_, marker), word)| marker.word != *word);
    let tell = |((line, marker), word): ((usize, Marker), &str)| {
        let does = if word == "start" { "begins" } else { "ends" };
        told(
            line,
            format!("this marker says {:?}, and {does} the metadata all the same", marker.word),
            format!("write {word:?}"),
        )
    };
    odd.map(tell).into_iter().collect()
}

fn key_twice(source: &Source) -> Vec<Told> {
    let tell = |(line, key): &(usize, String)| {
        let message =
            format!("{key}: stands there again below: the region takes the last one, and this one counts for nothing");
        told(*line, message, "join the two, or take one out")
    };
    source.metadata.repeated.iter().map(tell).collect()
}
