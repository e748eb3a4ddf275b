//! `shakedown disk show`: one disk on a page.

use std::path::PathBuf;

use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::judge::policy;
use super::test::{disk, exit_code};
use super::{Format, Machine};
use crate::cli::answer;
use crate::disk::{Drives, Options, Policy, Session, Tested, page};

const EXIT_CODES: &str = "\
Exit codes: those of `shakedown disk test`";

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// A disk, as for `shakedown disk test`
    #[arg(value_name = "DEVICE")]
    device: String,
    /// For people or for machines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// What this site thinks otherwise of the reasons; `shakedown disk judge --help` tells how to write it
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<u8> {
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
    let tested = session.test(std::slice::from_ref(&arguments.device)).await;
    let text = match arguments.format {
        Format::Json => format!("{:#}", json!({"disks": tested.iter().map(disk).collect::<Vec<_>>()})),
        Format::Table => tested.iter().map(shown).collect::<Vec<_>>().join("\n\n"),
    };
    answer(&text)?;
    Ok(exit_code(super::result::worst(&tested)))
}

fn shown(one: &Tested) -> String {
    if let (Some(report), Some(health)) = (&one.report, &one.health) {
        return page(report, health).trim_end().to_owned();
    }
    let problem = one.problem.iter().map(|problem| format!("{}\n    Next: {}", problem.what, problem.next_step));
    format!("{}: {}\n{}", one.target.name, one.verdict.name(), problem.collect::<Vec<_>>().join("\n"))
}
