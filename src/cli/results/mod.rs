//! `shakedown runs` and `shakedown results`: what was run here, and how it ended.

mod object;

use std::io::{self, Write as _};

use anyhow::Context as _;
use serde_json::Value;

use super::format::{ListFormat, print_list};
use super::{answer, exit, help, raw_output, state, unless_reader_has_gone};
use crate::journal::{Audience, ResultRecord, RunId, RunRecord, stamp};
use crate::private;
use crate::report::{another_load, span, table, used};

#[derive(Debug, clap::Args)]
#[command(after_help = help::RUNS)]
pub(super) struct Runs {
    #[command(flatten)]
    state: state::Options,
    /// For people, or for programs: one JSON array, or one object a line
    #[arg(long, value_enum, default_value_t)]
    format: ListFormat,
}

#[derive(Debug, clap::Args)]
#[command(after_help = help::RESULTS)]
pub(super) struct Results {
    #[command(flatten)]
    state: state::Options,
    /// Number of the run, from `shakedown runs`; the last one by default
    #[arg(value_name = "RUN")]
    run: Option<i64>,
    /// Only this script
    #[arg(long, value_name = "NAME")]
    script: Option<String>,
    /// Print what the script printed, instead of the table
    #[arg(long, value_enum, requires = "script")]
    output: Option<Output>,
    /// For people, or for programs: one JSON array, or one object a line
    #[arg(long, value_enum, default_value_t, conflicts_with = "output")]
    format: ListFormat,
    /// Also on a terminal, print the bytes as they are; without, what a terminal would obey is shown as `\u001b`
    #[arg(long, requires = "output")]
    raw: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Output {
    /// Both streams in the order in which they were read
    Combined,
    /// Standard output
    Stdout,
    /// Standard error
    Stderr,
    /// The result file
    Result,
}

/// With the mark of a run that it is told nothing of.
fn region(run: &RunRecord) -> String {
    match run.audience {
        Audience::Region => run.region.clone(),
        Audience::Nobody => format!("{} (told nothing)", run.region),
    }
}

pub(super) fn runs(arguments: &Runs) -> anyhow::Result<u8> {
    if arguments.format != ListFormat::Table {
        let runs: Vec<Value> = arguments.state.read()?.runs()?.iter().map(object::run).collect();
        return print_list(&runs, arguments.format);
    }
    let row = |run: RunRecord| {
        vec![
            run.id.to_string(),
            short(&stamp(run.started)),
            run.ended.map_or_else(|| "-".to_owned(), |ended| short(&stamp(ended))),
            run.scripts.to_string(),
            run.failed.to_string(),
            run.requested_by.clone(),
            region(&run),
            run.outcome.unwrap_or_else(|| "under way or interrupted".to_owned()),
        ]
    };
    let store = arguments.state.read()?;
    let rows: Vec<Vec<String>> = store.runs()?.into_iter().map(row).collect();
    answer(table(&["RUN", "STARTED", "ENDED", "SCRIPTS", "FAILED", "BY", "REGION", "OUTCOME"], &rows).trim_end())?;
    for (message, reason, when) in store.refused_messages()? {
        answer(&format!("refused by the region, {}: {message}: {reason}", short(&when)))?;
    }
    Ok(exit::OK)
}

pub(super) fn results(arguments: &Results) -> anyhow::Result<u8> {
    let store = arguments.state.read()?;
    let run = match arguments.run {
        Some(run) => RunId::from(run),
        None => store.runs()?.first().context("nothing was run here yet")?.id,
    };
    let wanted = |result: &ResultRecord| arguments.script.as_ref().is_none_or(|name| *name == result.name);
    let results: Vec<ResultRecord> = store.results(run)?.into_iter().filter(wanted).collect();
    anyhow::ensure!(
        !results.is_empty(),
        "run {run} has no such script result; `shakedown runs` lists the runs, `shakedown results {run}` its scripts"
    );
    match arguments.output {
        None if arguments.format != ListFormat::Table => {
            let results: Vec<Value> = results.iter().map(object::result).collect();
            return print_list(&results, arguments.format);
        }
        None => {
            answer(table(&HEAD, &results.iter().map(row).collect::<Vec<_>>()).trim_end())?;
            if let Some(told) = store.load(run)?.as_ref().and_then(another_load) {
                answer(&format!("\n{told}"))?;
            }
        }
        Some(output) => results.iter().try_for_each(|result| print_output(result, output, arguments.raw))?,
    }
    Ok(exit::OK)
}

const HEAD: [&str; 10] = ["SCRIPT", "SET", "STATUS", "EXIT", "STARTED", "TIME", "USED", "SHA-256", "OUTPUT", "NOTES"];

fn row(result: &ResultRecord) -> Vec<String> {
    let dash = || "-".to_owned();
    vec![
        result.subject.clone(),
        result.kind.folder().to_owned(),
        result.status.name().to_owned(),
        result.exit_status.map_or_else(dash, |status| status.to_string()),
        result.started.map_or_else(dash, |started| short(&stamp(started))),
        result.runtime.map_or_else(dash, span),
        result.cost.as_ref().map(used).filter(|used| !used.is_empty()).unwrap_or_else(dash),
        result.script_sha256.as_deref().map_or_else(dash, |hash| hash.chars().take(12).collect()),
        result.combined.display().to_string(),
        result.notes.clone(),
    ]
}

fn print_output(result: &ResultRecord, output: Output, raw: bool) -> anyhow::Result<()> {
    let path = match output {
        Output::Combined => &result.combined,
        Output::Stdout => &result.stdout,
        Output::Stderr => &result.stderr,
        Output::Result => &result.result_file,
    };
    let mut file = match private::output(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            complain!(
                "shakedown: {} printed nothing there, or it was deleted since: {}",
                result.subject,
                path.display()
            );
            return Ok(());
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mut into: Box<dyn io::Write> = if raw { Box::new(io::stdout().lock()) } else { raw_output() };
    let copied = io::copy(&mut file, &mut into).and_then(|_| into.flush());
    unless_reader_has_gone(copied).with_context(|| format!("cannot print {}", path.display()))
}

/// To the second.
fn short(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time.to_owned(),
    }
}
