//! Cost of the watch around scripts: 15 quiet scripts at the same time, watched and unwatched in turns.
//!
//! `cargo bench --bench meanwhile [-- --quick]` (with `--profile dev` it takes less to build, and more to run). Processor time is that of
//! this program alone, in all of its threads, per second of the run; memory is the most that it had in use in a run, which the kernel
//! counts anew for each (`/proc/self/clear_refs`). Watched means: kernel log, counters before and after, load every 5 s.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]
#![expect(clippy::cast_precision_loss, reason = "kibibytes of a program, for a table")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use shakedown::diagnosis::Policy;
use shakedown::host::Host;
use shakedown::private::Seen;
use shakedown::report::table;
use shakedown::runner::{Contents, Options, Report, Runner};
use shakedown::script::{Workspace, parse_index};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const SCRIPTS: usize = 15;
const ROUNDS: usize = 3;

/// Cost of one run.
struct Took {
    /// Processor time of this program per second, in percent of one processor.
    percent: f64,
    /// Most memory in use at one time, in KiB.
    memory: u64,
}

fn main() {
    let is_quick = std::env::args().any(|word| word == "--quick");
    let seconds = if is_quick { 6 } else { 30 };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    // The first run loads what all need.
    runtime.block_on(run(1, "off"));
    runtime.block_on(run(1, "count"));
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(runtime.block_on(run(seconds, "off")));
        with.push(runtime.block_on(run(seconds, "count")));
    }
    let (without, with) = (median(&without), median(&with));
    let row = |name: &str, took: &Took| {
        vec![name.to_owned(), format!("{:.2} %", took.percent), format!("{} KiB", took.memory)]
    };
    let more = Took { percent: with.percent - without.percent, memory: with.memory.saturating_sub(without.memory) };
    let rows = [row("unwatched", &without), row("watched", &with), row("more", &more)];
    println!("{SCRIPTS} quiet scripts of {seconds} s, median of {ROUNDS}");
    println!("{}", table(&["RUN", "PROCESSOR", "MEMORY"], &rows));
    println!(
        "watched takes {:.2} times the processor, {:.3} times the memory",
        with.percent / without.percent,
        with.memory as f64 / without.memory as f64
    );
}

fn median(took: &[Took]) -> Took {
    let middle = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let mut memory: Vec<u64> = took.iter().map(|one| one.memory).collect();
    memory.sort_unstable();
    Took { percent: middle(took.iter().map(|one| one.percent).collect()), memory: memory[memory.len() / 2] }
}

async fn run(seconds: u64, policy: &str) -> Took {
    let home = tempfile::tempdir().expect("a folder");
    let workspace = Workspace::new(home.path());
    for directory in workspace.directories() {
        fs::create_dir_all(directory).expect("folders");
    }
    let entry = |number: usize| {
        format!(
            r#"{{"name": "quiet-{number}", "path": "testing/quiet-{number}", "script_result_id": {number}, "parallel": 2}}"#
        )
    };
    let entries: Vec<String> = (1..=SCRIPTS).map(entry).collect();
    let index = format!(r#"{{"1.0": {{"testing_scripts": [{}]}}}}"#, entries.join(","));
    let scripts = parse_index(index.as_bytes()).expect("an index").scripts;
    let mut contents = Contents::default();
    for script in &scripts {
        let program = workspace.executable(script);
        write(&program, seconds);
        contents.record(&program, Seen::look(&program).expect("a script").sum());
    }
    let mut options = Options::new("http://192.0.2.1/MAAS");
    options.meanwhile = Policy::parse(policy).expect("a policy");
    let (reports, mut received) = mpsc::channel(64);
    let runner = Runner::new(workspace, Host::live(), options, reports, CancellationToken::new());
    let runner = Arc::new(runner.of_contents(contents));
    let _ = fs::write("/proc/self/clear_refs", "5");
    let (began, before) = (Instant::now(), used());
    let running = tokio::spawn(async move { runner.run(scripts).await });
    while let Some(report) = received.recv().await {
        if let Report::Starting(_, go) = report {
            go.send(Ok(())).expect("it waits");
        }
    }
    running.await.expect("it ends");
    let took = used().saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64();
    Took { percent: took * 100.0, memory: peak() }
}

fn write(program: &Path, seconds: u64) {
    fs::create_dir_all(program.parent().expect("a parent")).expect("folders");
    fs::write(program, format!("#!/bin/sh\necho begun; sleep {seconds}; echo ended\n")).expect("a script");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("a mode");
}

/// Processor time of this program so far.
fn used() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the system tells");
    [usage.user_time(), usage.system_time()]
        .into_iter()
        .map(|time| {
            Duration::from_secs(time.tv_sec().unsigned_abs()) + Duration::from_micros(time.tv_usec().unsigned_abs())
        })
        .sum()
}

/// Most memory in use since the kernel was last asked to count anew, in KiB (`VmHWM`).
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0)
}
