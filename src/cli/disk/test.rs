//! `shakedown disk test`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::judge::policy;
use super::{Machine, ocp, progress, result};
use crate::cli::run::stop_on_signal;
use crate::cli::{answer, exit, raw_output, state};
use crate::disk::{Document, Drives, Memory, Options, Policy, Session, State, Test, Tested, Verdict};
use crate::host::Host;
use crate::journal::{self, Store};
use crate::report::{bytes, span, table};
use crate::telemetry::LogFormat;

const EXIT_CODES: &str = "\
Examples:
  shakedown disk test --all                          # their health as it is
  shakedown disk test sda --test short               # a self-test, to its proven end

Exit codes:
  0    no disk failed: each is healthy, degraded (worth a look, see the reasons), or has no SMART or not this self-test
  1    a disk failed
  2    the command line is wrong
  3    a disk could not be judged: smartctl is missing or broken, no such device, a self-test without a proven end
  130  stopped (Ctrl-C, SIGTERM, SIGHUP); self-tests that this program began were aborted";

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// Disks: kernel names, device nodes or links to them; `/dev/bus/6:megaraid,8` is a disk behind a RAID controller. A RAID volume
    /// stands for the disks behind it
    #[arg(value_name = "DEVICE", required_unless_present = "all", conflicts_with = "all")]
    devices: Vec<String>,
    /// Every disk of this machine
    #[arg(long)]
    all: bool,
    /// What to do. Whatever it is, nothing is written to a disk; `validate` starts and changes nothing at all
    #[arg(long, value_enum, default_value_t = Test::Validate)]
    test: Test,
    /// For people, as one JSON document, or as lines in the form of OCP Test & Validation 2.0
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Print all that smartctl says of each disk, too
    #[arg(long)]
    report: bool,
    /// Write the JSON to a file, too
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write a result file for MAAS, as its scripts do
    #[arg(long, value_name = "FILE", env = "RESULT_PATH")]
    result_path: Option<PathBuf>,
    /// Abort a self-test after this time, in seconds, if that is sooner than twice the drive's own estimate and ten minutes
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Time between two looks at a self-test, in seconds
    #[arg(long, value_name = "SECONDS", hide = true, value_parser = pace)]
    poll: Option<f64>,
    /// What this site thinks otherwise of the reasons; `shakedown disk judge --help` tells how to write it
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    state: state::Options,
}

/// Form of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For people
    #[default]
    Table,
    /// One document
    Json,
    /// Lines of OCP Test & Validation 2.0
    Ocp,
}

/// Of the last test; a drive is tested also where nothing can be kept.
fn memory(state: &state::Options) -> Option<Memory> {
    let store = Store::open_beside(&state.state_dir, &Host::live().hostname());
    let kept = |error: &journal::Error| tracing::info!(%error, "no journal, so nothing can be told to be new");
    store.inspect_err(kept).ok().map(Memory::new)
}

fn pace(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if (0.001..=3600.0).contains(&seconds) { Ok(seconds) } else { Err("it is not between 0.001 and 3600".to_owned()) }
}

pub(super) async fn run(arguments: Arguments, format: LogFormat) -> anyhow::Result<u8> {
    let (notices, received) = mpsc::unbounded_channel();
    let (cancel, give_up) = (CancellationToken::new(), CancellationToken::new());
    let session = Session {
        smartctl: arguments.machine.smartctl(),
        disks: arguments.machine.disks()?,
        memory: memory(&arguments.state),
        options: Options {
            test: arguments.test,
            pace: arguments.poll.map(Duration::from_secs_f64),
            limit: arguments.limit.map(Duration::from_secs),
            policy: arguments.policy.as_deref().map_or_else(|| Ok(Policy::default()), policy)?,
            with_text: arguments.report && arguments.format == Form::Table,
            lets_sleep: false,
        },
        notices,
        cancel: cancel.clone(),
        give_up: give_up.clone(),
        drives: Drives::default(),
    };
    let shown = tokio::spawn(progress::show(received, format));
    let listener = tokio::spawn(stop_on_signal(cancel.clone(), give_up));
    let tested = if arguments.all { session.test_all().await } else { session.test(&arguments.devices).await };
    listener.abort();
    drop(session);
    let _ = shown.await;
    let stopped = cancel.is_cancelled();
    tell(&arguments, &tested, stopped)?;
    Ok(if stopped { exit::STOPPED } else { exit_code(result::worst(&tested)) })
}

/// The files first, since somebody may wait for them; one that cannot be written hides nothing of the answer.
fn tell(arguments: &Arguments, tested: &[Tested], stopped: bool) -> anyhow::Result<()> {
    let result_path = arguments.result_path.as_deref().filter(|path| !path.as_os_str().is_empty());
    let result = result_path.map_or(Ok(()), |path| result::write(path, tested));
    let document = || format!("{:#}", document(arguments.test, tested));
    let output = arguments.output.as_deref().map_or(Ok(()), |path| {
        std::fs::write(path, document() + "\n").with_context(|| format!("cannot write {}", path.display()))
    });
    match arguments.format {
        Form::Json => answer(&document()),
        Form::Table => answer(&page(tested, arguments.test, arguments.report)),
        Form::Ocp => {
            let line: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
            let found = (arguments.test, tested, stopped);
            ocp::lines(found, &Host::live().hostname(), &line.join(" "), raw_output()).map_err(Into::into)
        }
    }?;
    result.and(output)
}

pub(super) fn exit_code(worst: Verdict) -> u8 {
    match worst {
        Verdict::Healthy | Verdict::Degraded | Verdict::NotSupported => exit::OK,
        Verdict::Failed => exit::SCRIPT_FAILED,
        Verdict::Error => exit::CANNOT_RUN,
    }
}

fn document(test: Test, tested: &[Tested]) -> Value {
    let disks: Vec<Document> = tested.iter().map(Document::of).collect();
    json!({"test": test.name(), "verdict": result::worst(tested).name(), "disks": disks})
}

/// The verdict, the table, what is worth knowing, and if wanted everything.
fn page(tested: &[Tested], test: Test, with_reports: bool) -> String {
    let mut page = format!("{}\n", headline(tested, test));
    if !tested.is_empty() {
        let rows: Vec<Vec<String>> = tested.iter().map(row).collect();
        let head = ["DEVICE", "MODEL", "SERIAL", "SIZE", "VERDICT", "SELF-TEST", "HOURS", "TEMP", "WEAR", "TIME"];
        page.push_str(&format!("\n{}", table(&head, &rows)));
    }
    for one in tested {
        for (what, next) in one.details() {
            page.push_str(&format!("\n{}: {what}\n    Next: {next}", one.target.name));
        }
    }
    for one in tested.iter().filter(|_| with_reports) {
        let Some((report, health)) = one.report.as_ref().zip(one.health.as_ref()) else { continue };
        page.push_str(&format!("\n\n--- {}\n{}", one.target.name, crate::disk::page(report, health)));
        page.push_str(&format!("\n--- smartctl -x {}\n{}", one.target.address.words(), one.text));
    }
    page.trim_end().to_owned()
}

fn headline(tested: &[Tested], test: Test) -> String {
    match tested {
        [] => "not-supported: this machine has no disk that could be tested".to_owned(),
        [one] => {
            let reason = one.reason().unwrap_or_else(|| match test {
                Test::Validate => "nothing is wrong with it".to_owned(),
                _ => format!("its {} self-test passed, and nothing is wrong with it", test.name()),
            });
            format!("{}: {}: {reason}", one.verdict.name(), one.target.name)
        }
        many => {
            let order = [Verdict::Failed, Verdict::Error, Verdict::Degraded, Verdict::Healthy, Verdict::NotSupported];
            let counts = order.iter().filter_map(|verdict| {
                let count = many.iter().filter(|one| one.verdict == *verdict).count();
                (count > 0).then(|| format!("{count} {}", verdict.name()))
            });
            format!("{}: {} disks: {}", result::worst(many).name(), many.len(), counts.collect::<Vec<_>>().join(", "))
        }
    }
}

fn row(one: &Tested) -> Vec<String> {
    let report = one.report.as_ref();
    let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let self_test = if one.self_test.state == State::NotAsked { "-" } else { one.self_test.state.name() };
    vec![
        one.target.name.clone(),
        shown(Some(one.model()).filter(|model| !model.is_empty())),
        shown(Some(one.serial()).filter(|serial| !serial.is_empty())),
        shown(Some(one.size()).filter(|size| *size > 0).map(bytes)),
        one.verdict.name().to_owned(),
        self_test.to_owned(),
        shown(report.and_then(|report| report.power_on_hours).map(|hours| hours.to_string())),
        shown(report.and_then(result::temperature).map(|celsius| format!("{celsius} °C"))),
        shown(report.and_then(result::wear).map(|percent| format!("{percent} %"))),
        span(one.runtime),
    ]
}
