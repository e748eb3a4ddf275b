//! What is wrong with a script before anybody runs it: what the region would refuse, and the traps that it would let through.
//!
//! Pure: bytes in, findings out. [`Header`](super::Header) knows what the region refuses; the tables of rules here know the rest
//! (contracts SCRIPTS, REGION, RESOURCES §4). What a rule reads out of the body of a shell script is a guess, so it only warns.

mod block;
mod body;
mod fields;
mod file;
mod names;
mod parameters;
mod results;
mod shell;
mod source;
mod values;
mod versions;

use std::collections::HashMap;

use serde::Serialize;

use source::Source;

use super::RegionVersion;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Most likely not what the author meant.
    Warning,
    /// The region refuses it, or it can never work.
    Error,
}

impl Level {
    /// As findings name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        }
    }
}

/// Something about a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule's name; it stays the same.
    pub rule: &'static str,
    /// How bad it is.
    pub level: Level,
    /// Line of the script, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub advice: String,
}

/// A row of the tables: a name, how bad it is, how it is found.
#[derive(Clone, Copy)]
struct Rule {
    id: &'static str,
    level: Level,
    /// Answers lines with what is wrong there and what to do.
    check: fn(&Source) -> Vec<Told>,
}

/// Line, what is wrong, what to do.
type Told = (usize, String, String);

/// Tells one thing.
fn told(line: usize, message: impl Into<String>, advice: impl Into<String>) -> Told {
    (line, message.into(), advice.into())
}

/// What is wrong with one script, by line.
///
/// A comment `# shakedown: allow RULE …` anywhere in it keeps warnings and hints of those rules to itself, errors never.
#[must_use]
pub fn lint(script: &[u8]) -> Vec<Finding> {
    lint_for(script, RegionVersion::NEWEST)
}

/// The same, with what a region of that version takes otherwise than the newest.
#[must_use]
pub fn lint_for(script: &[u8], region: RegionVersion) -> Vec<Finding> {
    let source = Source::read(script);
    let mut findings = block::refused(&source);
    findings.extend(versions::findings(&source, region));
    for rule in
        [block::RULES, file::RULES, fields::RULES, parameters::RULES, results::RULES, values::RULES, body::RULES]
            .concat()
    {
        let told = (rule.check)(&source).into_iter();
        findings.extend(told.map(|(line, message, advice)| Finding {
            rule: rule.id,
            level: rule.level,
            line,
            message,
            advice,
        }));
    }
    findings.retain(|finding| finding.level == Level::Error || !source.allowed.contains(finding.rule));
    findings.sort_by_key(|finding| (finding.line, std::cmp::Reverse(finding.level)));
    findings
}

/// The shell that runs a script, if one of those does that can check a script without running it.
#[must_use]
pub fn shell(script: &[u8]) -> Option<&'static str> {
    let (name, _) = source::interpreter(&String::from_utf8_lossy(script))?;
    ["sh", "bash", "dash"].into_iter().find(|shell| *shell == name)
}

/// What a shell says of a script that it cannot read (`PATH: 5: Syntax error: …`, `PATH: line 5: syntax error …`).
#[must_use]
pub fn shell_syntax(shell: &str, said: &str) -> Finding {
    let words = said.lines().next().unwrap_or_default();
    let numbered = words.split(": ").enumerate().find_map(|(place, part)| {
        Some((place, part.strip_prefix("line ").unwrap_or(part).parse::<usize>().ok().filter(|line| *line > 0)?))
    });
    let message: String =
        words.splitn(numbered.map_or(1, |(place, _)| place + 2), ": ").last().unwrap_or_default().into();
    Finding {
        rule: "shell-syntax",
        level: Level::Error,
        line: numbered.map_or(1, |(_, line)| line),
        message: format!("{shell} cannot read the script: {message}"),
        advice: format!("try it with {shell} -n"),
    }
}

/// The names that several of these scripts have: a finding for each but the first, by the script's place in the list.
#[must_use]
pub fn duplicates(scripts: &[(String, Vec<u8>)]) -> Vec<(usize, Finding)> {
    let mut known: HashMap<String, &str> = HashMap::new();
    let mut found = Vec::new();
    for (place, (label, script)) in scripts.iter().enumerate() {
        let source = Source::read(script);
        let Some(name) = source.metadata.header.name.clone() else { continue };
        if let Some(first) = known.get(&name) {
            found.push((
                place,
                Finding {
                    rule: "name-duplicate",
                    level: Level::Error,
                    line: source.line_of(&["name"]),
                    message: format!("{first} has the name {name:?}, too"),
                    advice: "the region keeps one script for each name: give this one another".to_owned(),
                },
            ));
        } else {
            known.insert(name, label);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_shell_s_complaint_is_found() {
        let dash = shell_syntax("sh", "/tmp/x: 5: Syntax error: \"fi\" unexpected\n");
        assert_eq!((dash.line, &*dash.message), (5, "sh cannot read the script: Syntax error: \"fi\" unexpected"));
        let bash =
            shell_syntax("bash", "/tmp/x: line 7: syntax error near unexpected token `done'\n/tmp/x: line 7: `done'");
        assert_eq!(
            (bash.line, &*bash.message),
            (7, "bash cannot read the script: syntax error near unexpected token `done'")
        );
        assert_eq!(shell_syntax("sh", "").line, 1);
    }
}
