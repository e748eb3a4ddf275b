//! What a script tells in its result file, as far as its text shows that: guesses, and so warnings.

use std::collections::BTreeMap;

use super::source::Source;
use super::{Level, Rule, Told, told};
use crate::script::Verdict;
use crate::yaml::Node;

pub(super) const RULES: &[Rule] = &[
    Rule { id: "result-description", level: Level::Error, check: description },
    Rule { id: "results-unwritten", level: Level::Warning, check: unwritten },
    Rule { id: "result-undeclared", level: Level::Warning, check: undeclared },
    Rule { id: "result-status", level: Level::Warning, check: status },
    Rule { id: "result-key", level: Level::Warning, check: key },
    Rule { id: "link-connected", level: Level::Warning, check: link_connected },
];

const WORDS: &str = "passed, failed, degraded, timedout, skipped";

fn description(source: &Source) -> Vec<Told> {
    let results = source.field("results").map(Node::pairs).unwrap_or_default().iter();
    let odd = results.filter(|(_, fields)| fields.get("description").is_some_and(|text| text.as_str().is_none()));
    let names = odd.filter_map(|(name, _)| name.to_text());
    names
        .map(|name| {
            let line = source.line_of(&["results", &name, "description"]);
            told(line, format!("result {name}: its description is no text"), "put it into quotes")
        })
        .collect()
}

fn unwritten(source: &Source) -> Vec<Told> {
    // What asks the agent leaves the writing to it.
    let writes = |word: &&str| source.mention(word).is_some();
    let holds = !source.header().results.is_empty() && !["RESULT_PATH", "SHAKEDOWN_BINARY"].iter().any(writes);
    let holds = holds && std::str::from_utf8(source.bytes).is_ok();
    let message = "results are declared, but the script never mentions RESULT_PATH, the file that they go to";
    let tell = || told(source.line_of(&["results"]), message, "write them to \"$RESULT_PATH\", or take them out");
    holds.then(tell).into_iter().collect()
}

/// `key: value` of a line that writes YAML, as the text of a program shows it: quotes and what stands before them aside.
fn pair(line: &str) -> Option<(&str, &str)> {
    let (before, value) = line.split_once(':')?;
    let key = before.trim_end_matches(['"', '\'']).rsplit(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    let value = value.trim_start().trim_start_matches(['"', '\'']);
    let end = value.find(|c: char| !c.is_alphanumeric() && !"_$%{-".contains(c)).unwrap_or(value.len());
    (!key.is_empty()).then_some((key, &value[..end]))
}

fn pairs<'a>(source: &'a Source) -> impl Iterator<Item = (usize, &'a str, &'a str)> {
    let writes = source.mention("RESULT_PATH").is_some();
    // What is printed goes to the output, unless it is led elsewhere.
    let printed = |line: &str| line.trim_start().starts_with("echo ") && !line.contains(['>', '|']);
    let lines = source.body.iter().enumerate().filter(move |(_, line)| writes && !printed(line));
    lines.flat_map(|(number, line)| {
        let pieces = line.split(['\n', ',', '{']).flat_map(|piece| piece.split("\\n"));
        pieces.filter_map(move |piece| pair(piece).map(|(key, value)| (number + 1, key, value)))
    })
}

fn status(source: &Source) -> Vec<Told> {
    let literal = |value: &str| !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let odd =
        pairs(source).find(|(_, key, value)| *key == "status" && literal(value) && Verdict::from_word(value).is_none());
    let tell =
        |(line, _, value)| told(line, format!("the region knows no status {value:?}"), format!("write one of {WORDS}"));
    // A variable of a program may have any name.
    odd.filter(|_| !source.commands.is_empty()).map(tell).into_iter().collect()
}

fn key(source: &Source) -> Vec<Told> {
    let odd = pairs(source).find(|(_, key, value)| *key == "result" && Verdict::from_word(value).is_some());
    let tell = |(line, ..): (usize, &str, &str)| {
        told(line, "the region reads the key status, whatever documents say", "write status: instead of result:")
    };
    odd.map(tell).into_iter().collect()
}

/// Keys of a shell script's results: those that stand deeper than `results:` after it.
fn undeclared(source: &Source) -> Vec<Told> {
    let declared = &source.header().results;
    let Some(first) = source.mention("results:").filter(|_| !declared.is_empty() && !source.commands.is_empty()) else {
        return Vec::new();
    };
    let mut odd: BTreeMap<String, usize> = BTreeMap::new();
    for (number, line) in source.body.iter().enumerate().skip(first - 1) {
        if line.is_empty() || line.contains("RESULT_PATH") && number + 1 > first {
            break;
        }
        let line = line.split_once("results:").map_or(*line, |(_, rest)| rest);
        for piece in line.split(['"', '\'']).flat_map(|piece| piece.split("\\n")) {
            let text = piece.trim_start();
            let is_inside = piece.len() > text.len();
            let name = text.split_once(':').map(|(name, _)| name).unwrap_or_default();
            let is_word = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
            if is_inside && is_word && !declared.iter().any(|(known, _)| known == name) {
                odd.entry(name.to_owned()).or_insert(number + 1);
            }
        }
    }
    let advice = "declare it with a title under results: of the metadata";
    odd.into_iter()
        .map(|(name, line)| told(line, format!("the result {name:?} is not declared: it has no title"), advice))
        .collect()
}

fn link_connected(source: &Source) -> Vec<Told> {
    if !source.of_kind("interface").is_empty() {
        return Vec::new();
    }
    let found = pairs(source).find(|(_, key, _)| *key == "link_connected");
    let message =
        "link_connected in a result file is refused, and its status with it, unless there is an interface parameter";
    found.map(|(line, ..)| told(line, message, "add parameters: {interface: {type: interface}}")).into_iter().collect()
}
