//! `shakedown disk show`: one disk on a page.

use std::path::PathBuf;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::judge::policy;
use super::test::exit_code;
use super::{Format, Machine};
use crate::cli::{answer, exit, state};
use crate::disk::{Document, Documents, Drives, History, Memory, Options, Policy, Session, Tested, page, past, schema};
use crate::journal::Store;

const EXIT_CODES: &str = "\
The history is of `shakedown disk test` and `shakedown watch` on this machine, from the journal: each counter whose growth counts, with
the day of each value.

Exit codes: those of `shakedown disk test`";

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// A disk, as for `shakedown disk test`
    #[arg(value_name = "DEVICE", required_unless_present = "schema")]
    device: Option<String>,
    /// For people or for machines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the JSON Schema of `--format json`, and nothing else
    #[arg(long)]
    schema: bool,
    /// What this site thinks otherwise of the reasons; `shakedown disk judge --help` tells how to write it
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    state: state::Options,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let Some(device) = arguments.device.as_ref().filter(|_| !arguments.schema) else {
        answer(schema().trim_end())?;
        return Ok(exit::OK);
    };
    // Nobody is told of progress: it is one call.
    let (notices, _unheard) = mpsc::unbounded_channel();
    let session = Session {
        smartctl: arguments.machine.smartctl(),
        disks: arguments.machine.disks()?,
        memory: None,
        options: Options {
            policy: arguments.policy.as_deref().map_or_else(|| Ok(Policy::default()), policy)?,
            ..Options::default()
        },
        notices,
        cancel: CancellationToken::new(),
        give_up: CancellationToken::new(),
        drives: Drives::default(),
    };
    let tested = session.test(std::slice::from_ref(device)).await;
    // Looking changes nothing, and where there is no journal there is no past.
    let journal = Store::read(&arguments.state.state_dir);
    let memory = journal.inspect_err(|error| tracing::info!(%error, "no history")).ok().map(Memory::new);
    let past_of =
        |one: &Tested| memory.as_ref().zip(one.report.as_ref()).map(|(memory, report)| memory.history(report));
    let shown: Vec<(&Tested, History)> = tested.iter().map(|one| (one, past_of(one).unwrap_or_default())).collect();
    let text = match arguments.format {
        Format::Json => {
            let disks = shown.iter().map(|(one, history)| Document::whole(one, history)).collect();
            serde_json::to_string_pretty(&Documents { disks })?
        }
        Format::Table => shown.iter().map(|(one, history)| on_page(one, history)).collect::<Vec<_>>().join("\n\n"),
    };
    answer(&text)?;
    Ok(exit_code(super::result::worst(&tested)))
}

fn on_page(one: &Tested, history: &History) -> String {
    if let (Some(report), Some(health)) = (&one.report, &one.health) {
        return format!("{}{}", page(report, health), past(history)).trim_end().to_owned();
    }
    let problem = one.problem.iter().map(|problem| format!("{}\n    Next: {}", problem.what, problem.next_step));
    format!("{}: {}\n{}", one.target.name, one.verdict.name(), problem.collect::<Vec<_>>().join("\n"))
}
