//! `shakedown status`: this machine at a glance.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;

use super::whole::{self, Readers};
use super::{answer, answer_whole, exit, help, state};
use crate::journal;
use crate::status::{Overview, State, metrics, text};

/// Pause between two looks while waiting.
const PACE: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
#[command(after_help = help::STATUS)]
pub(super) struct Arguments {
    #[command(flatten)]
    state: state::Options,
    /// Wait until the run that is under way has ended; at most so many seconds, if given
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "0")]
    wait: Option<u64>,
    /// For people, for programs, or for the textfile collector of Prometheus
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

/// Form of the overview.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Form {
    /// Lines for people.
    #[default]
    Table,
    /// One JSON object.
    Json,
    /// Metrics in the text format of Prometheus.
    Prometheus,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let directory = &arguments.state.state_dir;
    let deadline = arguments.wait.map(|seconds| (seconds > 0).then(|| Instant::now() + Duration::from_secs(seconds)));
    let mut overview = read(arguments, directory)?;
    if let Some(deadline) = deadline {
        while overview.is_at_work() {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                complain!("shakedown: the run is still under way");
                break;
            }
            std::thread::sleep(PACE);
            overview = read(arguments, directory)?;
        }
    }
    match arguments.format {
        Form::Table => answer_whole(&text(&overview))?,
        Form::Json => answer(&serde_json::to_string_pretty(&overview)?)?,
        Form::Prometheus => answer_whole(&metrics(&overview))?,
    }
    Ok(match overview.state {
        State::Well | State::Working => exit::OK,
        State::Undelivered => exit::NOT_DELIVERED,
        State::Failed => exit::SCRIPT_FAILED,
    })
}

/// Knows the verbs of this program.
fn verbs() -> impl Fn(&str) -> bool {
    let command = super::command();
    move |word| command.find_subcommand(word).is_some()
}

fn read(arguments: &Arguments, directory: &Path) -> anyhow::Result<Overview> {
    Ok(Overview::read(&arguments.state.read()?, directory, Timestamp::now(), verbs())?)
}

/// Writes the metrics to a file that others can read, whole or not at all, as the textfile collector demands.
pub(super) fn write_metrics(path: &Path, state_directory: &Path) -> anyhow::Result<()> {
    let store = journal::Store::read(state_directory)?;
    let metrics = metrics(&Overview::read(&store, state_directory, Timestamp::now(), verbs())?);
    whole::write(path, metrics.as_bytes(), Readers::All)
        .with_context(|| format!("cannot write the metrics to {}", path.display()))
}
