//! `shakedown test`: tests of the hardware by this program itself. This process plans, watches and tells; a child of it tests.

mod course;
mod devices;
mod progress;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::run::stop_on_signal;
use super::whole::{self, Readers};
use super::{answer, exit, help, raw_output};
use crate::host::Host;
use crate::hwtest::{self, Budget, Inject, Kind, Level, Order, Outcome, Progress, Report, Stream};
use crate::process;
use crate::script::{ResultFile, Verdict};

#[derive(Debug, clap::Args)]
#[command(after_help = help::TEST)]
pub(super) struct Arguments {
    /// The hardware
    #[arg(value_name = "HARDWARE", value_enum)]
    kind: Hardware,
    /// How thoroughly: in seconds, in minutes, or in hours
    #[arg(long, value_enum, default_value_t)]
    level: Depth,
    /// Of disks or network ports only this one, and again for more: `sda`, `/dev/nvme0n1`, a file, `eth0`; `all` is every one
    #[arg(long = "device", value_name = "DEVICE")]
    devices: Vec<String>,
    /// Disks: write and read back, which ERASES the disks that --device names. Needs --really; refused for disks in use
    #[arg(long, requires = "devices")]
    write: bool,
    /// With --write: erase the disks
    #[arg(long, requires = "write")]
    really: bool,
    /// Longest time, in seconds; by default that of the level. Under RUNTIME, the limit of a script, the test ends ten seconds before it
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// Seed of all random data, decimal or with 0x: the same one makes the same data
    #[arg(long, value_name = "NUMBER", value_parser = number)]
    seed: Option<u64>,
    /// For people, as one JSON document, or as lines in the form of OCP Test & Validation 2.0 while the test runs
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    /// Write a result file for MAAS, as its scripts do
    #[arg(long, value_name = "FILE", env = "RESULT_PATH")]
    result_path: Option<PathBuf>,
    /// Make a fault happen, which the test must find
    #[arg(long, value_name = "FAULT", hide = true)]
    inject: Option<Inject>,
    /// Test, and tell the process above
    #[arg(long, hide = true)]
    child: bool,
}

/// Hardware that can be tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Hardware {
    /// Memory: all of it that can be had without taking it from anybody
    Memory,
    /// Processors: work whose answers are known, on each of them
    Cpu,
    /// Disks: reads them past every cache, and writes nothing without --write
    Disk,
    /// Network ports: links, and errors counted meanwhile; sends nothing
    Network,
    /// PCI Express links: width, speed, and errors counted meanwhile
    Pcie,
    /// Graphics processors and accelerators: whether they are there and well; computes nothing
    Gpu,
}

/// How thorough a test is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Depth {
    /// Seconds: is anything plainly broken?
    Smoke,
    /// Minutes: the test for commissioning
    #[default]
    Standard,
    /// Hours, for machines under suspicion
    Soak,
}

/// Form of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
    /// Lines of OCP Test & Validation 2.0
    Ocp,
}

fn number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|error| error.to_string())
}

impl Arguments {
    /// Whether this process is the one that tests.
    pub(super) fn is_the_test_itself(&self) -> bool {
        self.child
    }

    /// Whether the options belong together.
    fn agrees(&self, kind: Kind) -> anyhow::Result<()> {
        anyhow::ensure!(!self.write || kind == Kind::Disk, "--write is for disks");
        anyhow::ensure!(
            self.devices.is_empty() || matches!(kind, Kind::Disk | Kind::Network),
            "--device names a disk or a network port; {kind} is tested as a whole"
        );
        if let Some(fault) = self.inject {
            anyhow::ensure!(fault.kind() == kind, "the fault {fault} is none of {kind}");
            if let Inject::Disk(of_disk) = fault {
                anyhow::ensure!(of_disk.is_for(self.write), "the fault {fault} is none that this test can find");
            }
        }
        Ok(())
    }

    /// Tells what would be erased, if nobody has said that it is really meant.
    fn is_meant(&self) -> bool {
        if !self.write || self.really {
            return true;
        }
        let host = Host::live();
        let lost = match devices::to_erase(&host, &devices::named(&self.devices)) {
            Ok(disks) if !disks.is_empty() => hwtest::disk::would_erase(&host, &disks).join(", "),
            Ok(_) => "no disk, since none is named".to_owned(),
            Err((word, reason)) => format!("{word}, but {reason}"),
        };
        complain!("shakedown: this test would erase {lost}; it was not run. --really runs it");
        false
    }

    fn order(&self) -> anyhow::Result<Order> {
        let kind = match self.kind {
            Hardware::Memory => Kind::Memory,
            Hardware::Cpu => Kind::Cpu,
            Hardware::Disk => Kind::Disk,
            Hardware::Network => Kind::Network,
            Hardware::Pcie => Kind::Pcie,
            Hardware::Gpu => Kind::Gpu,
        };
        let level = match self.level {
            Depth::Smoke => Level::Smoke,
            Depth::Standard => Level::Standard,
            Depth::Soak => Level::Soak,
        };
        self.agrees(kind)?;
        let asked = self.seconds.unwrap_or_else(|| kind.seconds(level));
        // The parent has looked at RUNTIME already, and the child is told.
        let runtime = if self.child { None } else { std::env::var("RUNTIME").ok() };
        let seconds = Budget::seconds(asked, runtime.as_deref());
        Ok(Order { kind, level, seconds, seed: self.seed.unwrap_or_else(rand::random), inject: self.inject })
    }
}

/// The words for the child that carries out an order.
fn words(order: &Order, devices: &[String], write: bool) -> Vec<OsString> {
    let mut words: Vec<OsString> =
        ["test", order.kind.word(), "--child", "--level", order.level.word()].map(Into::into).into();
    words.extend([
        "--seconds".into(),
        order.seconds.to_string().into(),
        "--seed".into(),
        order.seed.to_string().into(),
    ]);
    if write {
        words.extend(["--write".into(), "--really".into()]);
    }
    if let Some(fault) = order.inject {
        words.extend(["--inject".into(), fault.to_string().into()]);
    }
    for device in devices {
        words.extend(["--device".into(), device.into()]);
    }
    words
}

/// The test itself. When memory runs out, this process is the one to go.
pub(super) fn test_itself(arguments: &Arguments) -> u8 {
    process::end_with_parent();
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let Ok(order) = arguments.order() else { return exit::USAGE };
    if !arguments.is_meant() {
        return exit::USAGE;
    }
    let progress = Progress::to(std::io::stdout());
    let host = Host::live();
    let named = devices::named(&arguments.devices);
    let report = match order.kind {
        Kind::Memory => hwtest::memory::run(&order, &progress),
        Kind::Cpu => hwtest::cpu::run(&order, &progress),
        Kind::Disk if arguments.write => devices::write_disks(&host, &order, &named, &progress),
        Kind::Disk => devices::test_disks(&host, &order, &named, &progress),
        Kind::Network => hwtest::network::run(&host, &order, &named, &progress),
        Kind::Pcie => hwtest::pcie::run(&host, &order, &progress),
        Kind::Gpu => hwtest::gpu::run(&host, &order, &progress),
    };
    progress.end(&report);
    exit::OK
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    let order = arguments.order()?;
    if !arguments.is_meant() {
        return Ok(exit::CANNOT_RUN);
    }
    let (cancel, give_up) = (CancellationToken::new(), CancellationToken::new());
    let stopper = tokio::spawn(stop_on_signal(cancel.clone(), give_up));
    let mut stream = match arguments.format {
        Form::Ocp => {
            let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
            Some(Stream::begin(raw_output(), &order, &Host::live().hostname(), &words.join(" "))?)
        }
        Form::Text | Form::Json => None,
    };
    let mut shown = progress::Shown::new(order.kind);
    let report = course::watch(&order, &words(&order, &arguments.devices, arguments.write), &cancel, |tick| {
        shown.tick(tick);
        if let Some(stream) = &mut stream {
            // A reader that has gone away takes nothing from the test.
            let _ = stream.tick(tick);
        }
    })
    .await?;
    stopper.abort();
    shown.end();
    // The file first, since somebody may wait for it; one that cannot be written hides nothing of the answer.
    let path = arguments.result_path.as_deref().filter(|path| !path.as_os_str().is_empty());
    let written = path.map_or(Ok(()), |path| write_result(path, &report));
    match (arguments.format, stream) {
        (Form::Ocp, Some(stream)) => drop(stream.end(&report, cancel.is_cancelled())?),
        (Form::Json, _) => answer(&format!("{:#}", document(&report)?))?,
        _ => answer(&report.page())?,
    }
    written?;
    Ok(if cancel.is_cancelled() { exit::STOPPED } else { exit_code(report.outcome()) })
}

fn exit_code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Passed | Outcome::Degraded | Outcome::Skipped => exit::OK,
        Outcome::Failed => exit::SCRIPT_FAILED,
        Outcome::Error => exit::CANNOT_RUN,
    }
}

/// The report with its outcome, and the unit of each figure.
fn document(report: &Report) -> anyhow::Result<serde_json::Value> {
    let mut document = serde_json::json!({"outcome": report.outcome()});
    let whole = serde_json::to_value(report).context("cannot write the report")?;
    if let (Some(document), serde_json::Value::Object(whole)) = (document.as_object_mut(), whole) {
        document.extend(whole);
        let figures = document.get_mut("measurements").and_then(|figures| figures.as_array_mut());
        for (figure, one) in figures.into_iter().flatten().zip(&report.measurements) {
            figure["unit"] = one.metric.unit().symbol().into();
        }
    }
    Ok(document)
}

fn write_result(path: &Path, report: &Report) -> anyhow::Result<()> {
    let status = match report.outcome() {
        Outcome::Passed => Verdict::Passed,
        Outcome::Degraded => Verdict::Degraded,
        Outcome::Skipped => Verdict::Skipped,
        // A region knows no error; the reason says it.
        Outcome::Error | Outcome::Failed => Verdict::Failed,
    };
    let file = ResultFile { status: Some(status), link_connected: None, results: report.results() };
    whole::write(path, &file.to_bytes(), Readers::Owner)
        .with_context(|| format!("cannot write the result file {}", path.display()))
}
