//! `shakedown report`: a run on one page, from the journal and the outputs that it names.

mod acceptance;
mod disks;
mod gather;
mod hardware;
mod inventory;
mod output;

pub(super) use gather::result_file;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::whole::{self, Readers};
use super::{answer_whole, exit, state};
use crate::journal::RunId;
use crate::report::Form;

const HELP: &str = "\
Examples:
  shakedown report -o report.html
  shakedown report 1 --format markdown               # a run of `shakedown runs`

Forms:
  html      one page for people, which needs no network: verdict first, what is wrong and what to do, timeline, outputs, disks, inventory,
            hardware changes, the event and audit log; light and dark, on paper, on a phone
  markdown  the same in short, for a ticket
  json      for programs; docs/report.md tells its shape
  junit     for CI systems; a suite for each set of scripts, and one for the run: what is unfinished or undelivered is an error there
  ocp       Test & Validation output 2.0 of the Open Compute Project; a step for each script result

Exit codes:
  0  the report is written, whatever its verdict
  2  the command line is wrong
  3  there is no such run, or the report cannot be written";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Arguments {
    #[command(flatten)]
    state: state::Options,
    /// Number of the run, from `shakedown runs`; the last one by default
    #[arg(value_name = "RUN")]
    run: Option<i64>,
    /// Write to a file, whose ending tells the form: .html, .md, .json, .xml, .jsonl; standard output by default
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The form, if the file's ending does not tell it; html by default
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Look at this machine now for the inventory and its findings, if the run was in this boot and has none on record
    #[arg(long)]
    live: bool,
    /// Hold the inventory against the profile of what was ordered; without it the report has what the run's own script `shakedown-accept` found.
    /// A folder gives the one profile whose `match` fits
    #[arg(long, value_name = "FILE|DIR")]
    profile: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Html,
    Markdown,
    Json,
    Junit,
    Ocp,
}

impl From<Format> for Form {
    fn from(format: Format) -> Form {
        match format {
            Format::Html => Form::Html,
            Format::Markdown => Form::Markdown,
            Format::Json => Form::Json,
            Format::Junit => Form::Junit,
            Format::Ocp => Form::Ocp,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let form = form(arguments)?;
    let store = arguments.state.read()?;
    let report = gather::report(&store, arguments.run.map(RunId::from), arguments.live, arguments.profile.as_deref())?;
    let text = form.write(&report);
    if let Some(path) = &arguments.output {
        write(path, &text)?;
    } else {
        answer_whole(&text)?;
    }
    Ok(exit::OK)
}

fn form(arguments: &Arguments) -> anyhow::Result<Form> {
    match (arguments.format, &arguments.output) {
        (Some(format), _) => Ok(format.into()),
        (None, None) => Ok(Form::Html),
        (None, Some(path)) => Form::of(path).with_context(|| {
            format!("the ending of {} tells no form (.html, .md, .json, .xml, .jsonl): give --format", path.display())
        }),
    }
}

/// Whole or not at all; what is no file, such as /dev/stderr, as it comes. Outputs may hold secrets: others must not read them.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = if path.exists() && !path.is_file() {
        std::fs::OpenOptions::new().write(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()))
    } else {
        whole::write(path, text.as_bytes(), Readers::Owner)
    };
    written.with_context(|| format!("cannot write the report to {}", path.display()))
}
