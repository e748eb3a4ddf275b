//! How fast output is captured, beside `tee FILE > /dev/null` reading the same generator.
//!
//! `cargo bench --bench capture [-- --quick]`. Capture and tee take turns, so that what the machine does besides hits both.
//! Every program's output goes to a temporary directory, in `TMPDIR` or `/tmp`. CPU time is that of the reader alone: all
//! threads of this process for capture, the process `tee` for tee. Capture writes two files where tee writes one.

#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use shakedown::process::{self, Limits, OutputFiles};
use tokio_util::sync::CancellationToken;

/// The word that makes this program the generator.
const GENERATE: &str = "--generate";
const ROUNDS: usize = 3;
const PARALLEL: u64 = 30;

/// A kind of output.
struct Input {
    name: &'static str,
    bytes: u64,
    /// What a generator repeats, in writes of this size.
    block: fn() -> Vec<u8>,
    write: usize,
}

const INPUTS: [Input; 5] = [
    Input { name: "plain lines of 80 bytes", bytes: 1_000_000_000, block: plain, write: 64 << 10 },
    Input { name: "no newline at all", bytes: 1_000_000_000, block: || vec![b'x'; 64 << 10], write: 64 << 10 },
    Input { name: "progress bar, 60-120 bytes", bytes: 300_000_000, block: progress, write: 64 << 10 },
    Input { name: "4 KB line redrawn", bytes: 300_000_000, block: long_line, write: 64 << 10 },
    Input { name: "one byte a write", bytes: 3_000_000, block: plain, write: 1 },
];

fn plain() -> Vec<u8> {
    let line =
        |n: usize| format!("{n:08} the quick brown fox jumps over the lazy dog and prints one more plain line\n");
    (0..1000).flat_map(|n| line(n).into_bytes().into_iter().rev().take(80).rev()).collect()
}

/// A bar that grows, with a line feed after each hundredth redraw.
fn progress() -> Vec<u8> {
    let redraw = |n: usize| {
        let end = if n % 100 == 99 { "\n" } else { "\r" };
        format!("{n:4} of 1000 blocks tested [{:<1$}] no error so far{end}", "#".repeat(n % 60), n % 60 + 5)
    };
    (0..1000).flat_map(|n| redraw(n).into_bytes()).collect()
}

fn long_line() -> Vec<u8> {
    (0..100u8).flat_map(|n| [vec![b'a' + n % 26; 4095], vec![b'\r']].concat()).collect()
}

/// Writes the input's bytes to standard output, past the line buffer of the standard library.
fn generate(input: &Input, bytes: u64) -> io::Result<()> {
    let mut out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let block = (input.block)();
    // Whole blocks behind one another, so that every write has the full size.
    let block = block.repeat(input.write.div_ceil(block.len()));
    let mut left = bytes;
    let mut at = 0;
    while left > 0 {
        let end = block.len().min(at + input.write.min(usize::try_from(left).unwrap_or(usize::MAX)));
        out.write_all(&block[at..end])?;
        left -= (end - at) as u64;
        at = if end == block.len() { 0 } else { end };
    }
    Ok(())
}

/// One measurement of one reader.
#[derive(Clone, Copy)]
struct Sample {
    wall: Duration,
    cpu: Duration,
}

fn cpu(who: UsageWho) -> Duration {
    let usage = getrusage(who).expect("usage of this process and its children");
    let microseconds = |time: nix::sys::time::TimeVal| {
        u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).expect("a time that has passed")
    };
    Duration::from_micros(microseconds(usage.user_time()) + microseconds(usage.system_time()))
}

fn generator(input: &Input, bytes: u64) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("path of this program"));
    command.args([GENERATE, input.name, &bytes.to_string()]);
    command
}

fn command(input: &Input, bytes: u64, directory: &Path) -> process::Command {
    let generator = generator(input, bytes);
    process::Command {
        program: generator.get_program().into(),
        seen: None,
        arguments: generator.get_args().map(Into::into).collect(),
        environment: Vec::new(),
        directory: directory.to_owned(),
        nice: 0,
        output: OutputFiles {
            combined: directory.join("combined"),
            stdout: directory.join("out"),
            stderr: directory.join("err"),
        },
        output_bytes: None,
        memory: None,
    }
}

async fn run(command: process::Command, bytes: u64) {
    let limits = Limits { time: None, grace: Duration::ZERO, hurry: CancellationToken::new() };
    let running = command.start().await.expect("the generator starts");
    let ended = running.wait(&limits, &CancellationToken::new()).await.expect("the generator ends");
    let captured = &ended.output;
    assert!(ended.status.success() && captured.error.is_none() && !captured.pipe_held, "{ended:?}");
    assert_eq!(captured.bytes, bytes, "every byte is read");
}

fn capture(runtime: &tokio::runtime::Runtime, input: &Input, bytes: u64) -> Sample {
    let directory = tempfile::tempdir().expect("temporary directory");
    let (begin, before) = (Instant::now(), cpu(UsageWho::RUSAGE_SELF));
    runtime.block_on(run(command(input, bytes, directory.path()), bytes));
    Sample { wall: begin.elapsed(), cpu: cpu(UsageWho::RUSAGE_SELF).saturating_sub(before) }
}

fn tee(input: &Input, bytes: u64) -> Sample {
    let directory = tempfile::tempdir().expect("temporary directory");
    let begin = Instant::now();
    let mut generator = generator(input, bytes).stdout(Stdio::piped()).spawn().expect("the generator starts");
    let pipe = generator.stdout.take().expect("it has a pipe");
    let mut tee = Command::new("tee");
    let tee = tee.arg(directory.path().join("out")).stdin(pipe).stdout(Stdio::null()).spawn();
    // Usage of children is that of those waited for, and only tee is waited for in between.
    let before = cpu(UsageWho::RUSAGE_CHILDREN);
    assert!(tee.expect("tee starts").wait().expect("tee ends").success());
    let cpu = cpu(UsageWho::RUSAGE_CHILDREN).saturating_sub(before);
    assert!(generator.wait().expect("the generator ends").success());
    Sample { wall: begin.elapsed(), cpu }
}

/// The generator into a reader that drops everything: no capture can be faster.
fn ceiling(input: &Input, bytes: u64) -> Duration {
    let begin = Instant::now();
    let mut generator = generator(input, bytes).stdout(Stdio::piped()).spawn().expect("the generator starts");
    let mut pipe = generator.stdout.take().expect("it has a pipe");
    let mut chunk = vec![0; 256 << 10];
    while pipe.read(&mut chunk).expect("a pipe") > 0 {}
    assert!(generator.wait().expect("the generator ends").success());
    begin.elapsed()
}

fn median(mut values: Vec<Duration>) -> f64 {
    values.sort();
    values[values.len() / 2].as_secs_f64()
}

fn measure(runtime: &tokio::runtime::Runtime, input: &Input, bytes: u64) {
    let ceiling = ceiling(input, bytes);
    let pairs: Vec<(Sample, Sample)> =
        (0..ROUNDS).map(|_| (capture(runtime, input, bytes), tee(input, bytes))).collect();
    let of = |pick: fn(&(Sample, Sample)) -> Duration| median(pairs.iter().map(pick).collect());
    let (ours, theirs) = (of(|pair| pair.0.wall), of(|pair| pair.1.wall));
    #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{:<27}{megabytes:>8.1}{:>11.1}{:>11.1}{:>11.1}{:>8.2}{:>12.2}{:>10.2}",
        input.name,
        megabytes / ceiling.as_secs_f64(),
        megabytes / ours,
        megabytes / theirs,
        theirs / ours,
        of(|pair| pair.0.cpu) / megabytes * 1e3,
        of(|pair| pair.1.cpu) / megabytes * 1e3,
    );
}

/// A line of `/proc/self/status` in KiB.
fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("a line of the status");
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number of KiB")
}

/// Peak memory that many captures at once add, whatever they print.
fn measure_parallel(runtime: &tokio::runtime::Runtime, bytes: u64) {
    for input in &INPUTS[..4] {
        // Sets the peak back to what is in use.
        std::fs::write("/proc/self/clear_refs", "5").expect("/proc");
        let before = memory("VmRSS:");
        let directories: Vec<_> = (0..PARALLEL).map(|_| tempfile::tempdir().expect("temporary directory")).collect();
        runtime.block_on(async {
            let runs = directories.iter().map(|directory| run(command(input, bytes, directory.path()), bytes));
            futures_util::future::join_all(runs).await;
        });
        let each = memory("VmHWM:").saturating_sub(before) / PARALLEL;
        println!("{PARALLEL} captures at once of {}: {each} KiB each at the peak", input.name);
    }
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if words.get(1).is_some_and(|word| word == GENERATE) {
        let input = INPUTS.iter().find(|input| input.name == words[2]).expect("a known input");
        // The reader may have had enough.
        let _ = generate(input, words[3].parse().expect("a number of bytes"));
        return;
    }
    let part = if words.iter().any(|word| word == "--quick") { 20 } else { 1 };
    let only: PathBuf = words.iter().filter(|word| !word.starts_with("--")).skip(1).collect();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    println!("{:38}      MB/s, median of {ROUNDS}           CPU seconds per GB", "");
    println!("input                            MB  generator    capture        tee   ratio     capture       tee");
    for input in INPUTS.iter().filter(|input| input.name.starts_with(only.to_str().unwrap_or_default())) {
        measure(&runtime, input, input.bytes / part);
    }
    println!("peak memory of this process: {} KiB", memory("VmHWM:"));
    if only.as_os_str().is_empty() {
        measure_parallel(&runtime, 20_000_000 / part);
    }
}
