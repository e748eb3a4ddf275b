//! Values of results that a region does not take, as far as a shell script's text shows them: dates above all, which YAML reads out of text that
//! looks like one. The region then refuses the whole file, and the exit status decides alone.

use super::source::Source;
use super::{Level, Rule, Told, told};
use crate::script::{ResultFile, ResultFileError};

pub(super) const RULES: &[Rule] = &[Rule { id: "result-value", level: Level::Warning, check: value }];

fn value(source: &Source) -> Vec<Told> {
    let first = source.mention("results:").filter(|_| source.mention("RESULT_PATH").is_some());
    let Some(first) = first.filter(|_| !source.commands.is_empty()) else { return Vec::new() };
    let lines = source.body.iter().enumerate().skip(first - 1);
    lines
        .flat_map(|(number, line)| of_line(source, line).into_iter().map(move |it| (number + 1, it)))
        .map(tell)
        .collect()
}

fn tell((line, (name, sample)): (usize, (String, String))) -> Told {
    let message = format!(
        "the result {name:?} is {sample:?} as YAML reads it, no text and no number: the region refuses the file"
    );
    told(line, message, "put the value into quotes inside of the YAML: 'VALUE'")
}

/// Names and values of a line that a region refuses.
fn of_line(source: &Source, line: &str) -> Vec<(String, String)> {
    let line = line.split_once("results:").map_or(line, |(_, rest)| rest);
    let pieces = line.split(['"', '\'']).flat_map(|piece| piece.split("\\n"));
    let found = pieces.filter_map(|piece| {
        let (name, written) = piece.trim_start().split_once(':')?;
        let is_word = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
        let is_inside = piece.starts_with([' ', '\t']);
        if !(is_word && is_inside && written.starts_with([' ', '\t'])) {
            return None;
        }
        // A command in the value may hold quotes, at which pieces end.
        let at = line.find(piece)? + piece.len() - written.len();
        let sample = sample(source, line[at..].trim_start(), written.trim())?;
        is_refused(&sample).then(|| (name.to_owned(), sample))
    });
    found.collect()
}

/// The text that the script writes there: the text itself, or a date in the form that `date` is asked for, also by way of a variable.
fn sample(source: &Source, rest: &str, written: &str) -> Option<String> {
    if let Some(words) = rest.strip_prefix("$(date") {
        return date(words);
    }
    let Some(variable) = written.strip_prefix('$') else {
        return (!written.contains(['$', '`', '%'])).then(|| written.to_owned());
    };
    let variable = variable.trim_start_matches('{').trim_end_matches('}');
    let assigned = source.body.iter().find_map(|line| line.trim_start().strip_prefix(variable)?.strip_prefix('='));
    assigned?.trim_start_matches('"').strip_prefix("$(date").and_then(date)
}

/// The output of `date` with these options, on some day.
fn date(options: &str) -> Option<String> {
    let options = options.split(')').next()?;
    if let Some((_, format)) = options.split_once('+') {
        let mut made = format.trim_end_matches(['"', '\'']).to_owned();
        for (code, text) in [
            ("%F", "2026-11-30"),
            ("%T", "10:20:30"),
            ("%Y", "2026"),
            ("%m", "11"),
            ("%d", "30"),
            ("%H", "10"),
            ("%M", "20"),
            ("%S", "30"),
            ("%:z", "+00:00"),
            ("%z", "+0000"),
        ] {
            made = made.replace(code, text);
        }
        return (!made.contains('%')).then_some(made);
    }
    let mut words = options.split_whitespace();
    let word =
        words.find(|word| word.starts_with("-I") || word.starts_with("--iso") || word.starts_with("--rfc-3339"))?;
    let is_day = ["-I", "-Idate", "--iso-8601", "--iso-8601=date", "--rfc-3339=date"].contains(&word);
    Some(if is_day { "2026-11-30" } else { "2026-11-30T10:20:30+00:00" }.to_owned())
}

/// True if a region refuses it as the value of a result.
fn is_refused(value: &str) -> bool {
    let file = format!("results:\n  value: {value}\n");
    matches!(ResultFile::parse(file.as_bytes(), false), Err(ResultFileError::Value | ResultFileError::Poison { .. }))
}
