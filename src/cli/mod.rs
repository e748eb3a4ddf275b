//! The command line: one file a verb, and the names of the reference programs by `argv[0]`.

/// Prints a line of progress to standard output. A closed pipe or a full disk is ignored there, where `println!` would panic.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), "{}", $crate::printable::Printable(format_args!($($text)*)));
    }};
}

/// Prints a line to standard error, and ignores a closed pipe or a full disk, where `eprintln!` would panic.
macro_rules! complain {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "{}", $crate::printable::Printable(format_args!($($text)*)));
    }};
}

mod accept;
mod bmc;
mod compare;
mod config;
mod connection;
mod deliver;
mod demo;
mod diagnose;
mod diff;
mod disk;
mod events;
mod fetch;
mod format;
mod gap;
mod help;
mod inventory;
mod lint;
mod names;
mod new;
mod region;
mod register;
mod report;
mod resources;
mod restore;
mod results;
mod run;
mod sandbox;
mod settings;
mod show;
mod signal;
mod snapshot;
mod state;
mod status;
mod sync;
mod takeover;
mod test;
mod trial;
mod watch;
mod whole;

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::config::{Assignment, assignment, set_by_command_line};
use crate::printable::{Printable, Screen};
use crate::private;
use crate::process;
use crate::telemetry::{self, LogFormat};

/// Exit codes, as `--help` lists them.
mod exit {
    pub(super) const OK: u8 = 0;
    pub(super) const SCRIPT_FAILED: u8 = 1;
    pub(super) const USAGE: u8 = 2;
    pub(super) const CANNOT_RUN: u8 = 3;
    pub(super) const NOT_DELIVERED: u8 = 4;
    pub(super) const STOPPED: u8 = 130;
}

/// The heading of options that are the same everywhere.
const EVERY_VERB: &str = "Options of every verb";

/// Node agent for a MAAS region: runs the region's scripts, keeps every result, reports every status.
#[derive(Debug, Parser)]
#[command(name = "shakedown", version, after_help = help::ALL, propagate_version = true)]
struct Arguments {
    /// How log lines are written; `json` also turns progress into JSON lines.
    #[arg(long, global = true, value_enum, default_value_t, help_heading = EVERY_VERB)]
    log_format: LogFormat,
    /// Log more; twice for still more. `SHAKEDOWN_LOG` takes a filter instead.
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = EVERY_VERB)]
    verbose: u8,
    /// A setting for this call alone, as `journal.keep_runs=5`; may be given more than once. `shakedown config show` lists the keys
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = assignment, help_heading = EVERY_VERB)]
    set: Vec<Assignment>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Fetch the region's scripts, run them, report every result (maas-run-remote-scripts)
    Run(run::Arguments),
    /// Started by a script under MAAS's own runner: do its work in its place
    Takeover(takeover::Arguments),
    /// Send the region what it could not be sent before
    Deliver(deliver::Arguments),
    /// The runs of this machine, newest first
    Runs(results::Runs),
    /// This machine at a glance: what runs, what failed, what no region has, drives in trouble
    Status(status::Arguments),
    /// The script results of a run, or what a script printed
    Results(results::Results),
    /// A run on one page: what is wrong and what to do, timeline, outputs, disks, log
    Report(report::Arguments),
    /// The event and audit log
    Events(events::Arguments),
    /// The settings of this site, and where each came from
    Config(config::Arguments),
    /// This machine's hardware in the JSON that MAAS ingests (machine-resources)
    Resources(resources::Arguments),
    /// This machine in depth: modules, links, sensors, trust, and what is worth a look
    Inventory(inventory::Arguments),
    /// The machine's BMC: what it is, and where it is on the network; only asked, never changed
    Bmc(bmc::Arguments),
    /// This machine in a file, for a support case or a test: read it anywhere with --root
    Snapshot(snapshot::Arguments),
    /// The machine's disks: which there are, how they are, and their own tests
    Disk(disk::Arguments),
    /// Test memory, processors, disks, network ports, PCI Express links and graphics cards with this
    /// program alone
    Test(test::Arguments),
    /// Report what this machine's logs show: kernel log, crash records, BMC, counters; or a saved log
    Diagnose(diagnose::Arguments),
    /// Tell the region of a deployed machine what changed: one request when nothing did
    Sync(sync::Arguments),
    /// Stay on a deployed machine: notice changes of its hardware within seconds, tell the region once
    Watch(watch::Arguments),
    /// What changed between two machines in files, or on this one since the region was told
    Diff(diff::Arguments),
    /// Have all machines of a region run by Shakedown, and take it away again
    Region(Box<region::Arguments>),
    /// Is this the machine that was ordered? Holds it against a profile, which it can learn from a good one
    Accept(accept::Arguments),
    /// Many machines against each other: who is not as its siblings are
    Compare(compare::Arguments),
    /// Add this machine, which is in use, to a region as deployed (maas-run-scripts register-machine)
    RegisterMachine(register::Register),
    /// Fetch the credentials of a deployed machine (maas-run-scripts get-machine-token)
    GetMachineToken(register::GetToken),
    /// `sync` with the options of MAAS's program (maas-run-scripts report-results)
    ReportResults(sync::ReportResults),
    /// Send the region one signal about this node or one of its scripts (maas-signal)
    Signal(signal::Arguments),
    /// Write the beginning of a script, to go on from
    New(new::Arguments),
    /// What is wrong with scripts, before they are uploaded
    Lint(lint::Arguments),
    /// Run one script here as a region would have it run, and show what the region makes of it
    Try(trial::Arguments),
    /// Start a region in a box, to try scripts and agents against
    Sandbox(sandbox::Arguments),
    /// See it work: a region in a box, this machine's real hardware, a table of results
    Demo(demo::Arguments),
}

/// The command line as data, for man pages and shell completions.
#[must_use]
pub fn command() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// The command lines of the programs that this one replaces, each with the verb that it stands for (empty for `maas-run-scripts`), for man pages.
#[must_use]
pub fn commands_of_maas() -> Vec<(clap::Command, &'static str)> {
    names::commands()
}

/// Runs the program: parses the command line, runs the verb, prints the error.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    let arguments = match names::parse(words.clone()) {
        Ok(arguments) => arguments,
        Err(error) => return misunderstood(&error, &words),
    };
    let debug = matches!(&arguments.verb, Verb::ReportResults(arguments) if arguments.debug);
    telemetry::start(arguments.log_format, arguments.verbose.max(u8::from(debug)));
    set_by_command_line(arguments.set);
    if matches!(arguments.verb, Verb::Run(_) | Verb::Try(_)) {
        // Before the runtime has threads, which would keep the old priority.
        process::prefer_this_process();
        process::raise_descriptors();
    }
    if matches!(arguments.verb, Verb::Run(_) | Verb::Try(_) | Verb::Sync(_) | Verb::ReportResults(_)) {
        process::adopt_orphans();
    }
    let format = arguments.log_format;
    let result = match arguments.verb {
        Verb::Run(arguments) => in_runtime(run::run(arguments, format)),
        Verb::Takeover(arguments) => in_small_runtime(takeover::run(arguments)),
        Verb::Deliver(arguments) => in_runtime(deliver::run(arguments)),
        Verb::Runs(arguments) => results::runs(&arguments),
        Verb::Status(arguments) => status::run(&arguments),
        Verb::Results(arguments) => results::results(&arguments),
        Verb::Report(arguments) => report::run(&arguments),
        Verb::Config(arguments) => in_runtime(config::run(arguments)),
        Verb::Events(arguments) => in_runtime(events::run(arguments)),
        Verb::Resources(arguments) => resources::run(&arguments),
        Verb::Inventory(arguments) => inventory::run(&arguments),
        Verb::Bmc(arguments) => bmc::run(&arguments),
        Verb::Diagnose(arguments) => diagnose::run(&arguments),
        Verb::Diff(arguments) => diff::run(&arguments),
        Verb::Accept(arguments) => accept::run(&arguments),
        Verb::Compare(arguments) => compare::run(&arguments),
        Verb::Sync(arguments) => in_runtime(sync::run(arguments, format)),
        Verb::ReportResults(arguments) => in_runtime(sync::report_results(arguments, format)),
        Verb::Region(arguments) => in_runtime(region::run(*arguments)),
        Verb::RegisterMachine(arguments) => in_small_runtime(register::register(arguments)),
        Verb::GetMachineToken(arguments) => in_small_runtime(register::get_token(arguments)),
        Verb::Snapshot(arguments) => snapshot::run(&arguments),
        Verb::Disk(arguments) => in_runtime(disk::run(arguments, format)),
        Verb::Test(arguments) if arguments.is_the_test_itself() => Ok(test::test_itself(&arguments)),
        Verb::Test(arguments) => in_small_runtime(test::run(arguments)),
        Verb::Watch(arguments) if watch::is_look(&arguments) => in_runtime(watch::run(arguments)),
        Verb::Watch(arguments) => in_small_runtime(watch::run(arguments)),
        Verb::Signal(arguments) => in_runtime(signal::run(arguments)),
        Verb::New(arguments) => new::run(&arguments),
        Verb::Lint(arguments) => in_small_runtime(lint::run(arguments)),
        Verb::Try(arguments) => in_runtime(trial::run(arguments)),
        Verb::Demo(arguments) => in_runtime(demo::run(arguments, format)),
        Verb::Sandbox(arguments) => in_runtime(sandbox::run(arguments)),
    };
    result.map_or_else(|error| failed(&error), ExitCode::from)
}

/// Prints an error of the command line, without arguments that may be secrets; or the help that was asked for.
fn misunderstood(error: &clap::Error, words: &[std::ffi::OsString]) -> ExitCode {
    let safe = names::without_secrets(error, words).filter(|_| error.use_stderr());
    let source = std::error::Error::source(error).filter(|source| source.is::<std::num::ParseIntError>());
    match (safe, source) {
        // The standard library speaks of digits, not of what is wanted.
        (safe, Some(source)) => {
            let text = safe.unwrap_or_else(|| error.render().to_string());
            complain!("{}", text.replace(&source.to_string(), "it is not a whole number").trim_end());
        }
        (Some(text), None) => complain!("{}", text.trim_end()),
        (None, None) => {
            let _ = error.print();
        }
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Runs a verb that waits for several things at once, on two threads. Other verbs do without, since threads may be most of their cost.
fn in_runtime(work: impl Future<Output = anyhow::Result<u8>>) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.context("cannot start the runtime")?;
    let result = runtime.block_on(async {
        private::settle_masks();
        work.await
    });
    // A capture thread may still be reading the output of a script's daemon; the program must not wait for it.
    runtime.shutdown_background();
    result
}

/// Runs a verb that mostly waits, on the current thread alone.
fn in_small_runtime(work: impl Future<Output = anyhow::Result<u8>>) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(async {
        private::settle_masks();
        work.await
    })
}

/// Prints an answer and a line end. An answer that cannot be written is an error, unless its reader has closed the pipe.
fn answer(text: &str) -> anyhow::Result<()> {
    unless_reader_has_gone(print_line(text))
}

/// Prints text as it is, without the end of a line.
fn answer_whole(text: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    unless_reader_has_gone(write!(output, "{}", Printable(text)).and_then(|()| output.flush()))
}

fn print_line(text: &str) -> std::io::Result<()> {
    let mut output = std::io::stdout();
    writeln!(output, "{}", Printable(text)).and_then(|()| output.flush())
}

/// Standard output for bytes that programs may want as they are: only a terminal gets them as text that it does not obey.
fn raw_output() -> Box<dyn std::io::Write> {
    let output = std::io::stdout();
    if output.is_terminal() { Box::new(Screen::new(output.lock())) } else { Box::new(output.lock()) }
}

fn unless_reader_has_gone(printed: std::io::Result<()>) -> anyhow::Result<()> {
    match printed {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(error).context("cannot print the answer"))
        }
        _ => Ok(()),
    }
}

/// Prints an error, one cause a line, and returns the exit code of a failure.
fn failed(error: &anyhow::Error) -> ExitCode {
    let (who, code) = names::failure();
    let mut told = error.to_string();
    complain!("{who}: {told}");
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Many texts contain their cause, since the region gets an error as one line.
        if !told.contains(&cause) {
            complain!("  because: {cause}");
        }
        told = cause;
    }
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
