//! `shakedown test`: tests of the hardware by this program itself. This process plans, watches and tells; a child of it tests.

mod course;
mod devices;
mod partner;
mod progress;
mod told;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

pub(super) use self::told::{document_beside, hex};
use super::run::stop_on_signal;
use super::{answer, exit, help, raw_output};
use crate::host::Host;
use crate::hwtest::{self, Budget, Inject, Kind, Level, Order, Outcome, Progress, Report, Stream, Throughput};
use crate::process;

#[derive(Debug, clap::Args)]
#[command(after_help = help::TEST)]
pub(super) struct Arguments {
    /// The hardware
    #[arg(value_name = "HARDWARE", value_enum)]
    kind: Hardware,
    /// How thoroughly: in seconds, in minutes, or in hours
    #[arg(long, value_enum, default_value_t)]
    level: Level,
    /// Of disks or network ports only this one, and again for more: `sda`, `/dev/nvme0n1`, a file, `eth0`; `all` is every one
    #[arg(long = "device", value_name = "DEVICE")]
    devices: Vec<String>,
    /// Disks: write and read back, which ERASES the disks that --device names. Needs --really; refused for disks in use
    #[arg(long, requires = "devices")]
    write: bool,
    /// With --write: erase the disks
    #[arg(long, requires = "write")]
    really: bool,
    #[command(flatten)]
    partner: partner::Partner,
    /// Longest time, in seconds, of all tests together; by default that of the level. Under RUNTIME, the limit of a script, the test ends ten
    /// seconds before it
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
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
    /// Network ports: links, and errors counted meanwhile; sends nothing without --listen or --peer
    Network,
    /// PCI Express links: width, speed, and errors counted meanwhile
    Pcie,
    /// Graphics processors and accelerators: whether they are there and well; computes nothing
    Gpu,
    /// All of these, one after the other
    All,
}

impl Hardware {
    /// Its tests, in the order in which they run: what the later ones need, the earlier ones have shown to work.
    fn kinds(self) -> &'static [Kind] {
        match self {
            Hardware::Memory => &[Kind::Memory],
            Hardware::Cpu => &[Kind::Cpu],
            Hardware::Disk => &[Kind::Disk],
            Hardware::Network => &[Kind::Network],
            Hardware::Pcie => &[Kind::Pcie],
            Hardware::Gpu => &[Kind::Gpu],
            Hardware::All => &[Kind::Memory, Kind::Cpu, Kind::Disk, Kind::Network, Kind::Pcie, Kind::Gpu],
        }
    }
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
    parsed.map_err(|_| "write a number of 64 bits: decimal, or hexadecimal with 0x".to_owned())
}

impl Arguments {
    /// True if this process is the child that runs the test.
    pub(super) fn is_the_test_itself(&self) -> bool {
        self.child
    }

    /// Checks that the options fit each other and the kinds of hardware; an error explains why not.
    fn agrees(&self, kinds: &[Kind]) -> Result<(), String> {
        if self.write && kinds != [Kind::Disk] {
            return Err("--write is for disks: write `test disk`".to_owned());
        }
        if !self.devices.is_empty() && !matches!(kinds, [Kind::Disk | Kind::Network]) {
            return Err("--device names a disk or a network port: write `test disk` or `test network`".to_owned());
        }
        match self.inject {
            Some(fault) if !kinds.contains(&fault.kind()) => Err(format!("the fault {fault} is none of {}", kinds[0])),
            Some(fault @ Inject::Disk(of_disk)) if !of_disk.is_for(self.write) => {
                Err(format!("the fault {fault} is none that this test can find"))
            }
            _ => self.partner.check(kinds[0], &self.devices, self.inject).map_err(|error| format!("{error:#}")),
        }
    }

    /// True if nothing is erased or `--really` is given; otherwise prints the disks that the test would erase.
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

    /// Returns the order of each test.
    fn orders(&self) -> Result<Vec<Order>, String> {
        let kinds = self.kind.kinds();
        let level = self.level;
        self.agrees(kinds)?;
        // The parent has looked at RUNTIME already, and the child is told.
        let runtime = if self.child { None } else { std::env::var("RUNTIME").ok() };
        let usual: u64 = kinds.iter().map(|kind| kind.seconds(level) + self.partner.waits()).sum();
        let whole = Budget::seconds(self.seconds.unwrap_or(usual), runtime.as_deref());
        let seed = self.seed.unwrap_or_else(rand::random);
        let order = |kind: &Kind| {
            let seconds = ((kind.seconds(level) + self.partner.waits()) * whole / usual).max(1);
            Order { kind: *kind, level, seconds, seed, inject: self.inject.filter(|fault| fault.kind() == *kind) }
        };
        Ok(kinds.iter().map(order).collect())
    }
}

/// The words for the child that carries out an order.
fn words(order: &Order, arguments: &Arguments) -> Vec<OsString> {
    let mut words: Vec<OsString> =
        ["test", order.kind.word(), "--child", "--level", order.level.word()].map(Into::into).into();
    words.extend([
        "--seconds".into(),
        order.seconds.to_string().into(),
        "--seed".into(),
        order.seed.to_string().into(),
    ]);
    if arguments.write {
        words.extend(["--write".into(), "--really".into()]);
    }
    if let Some(fault) = order.inject {
        words.extend(["--inject".into(), fault.to_string().into()]);
    }
    for device in &arguments.devices {
        words.extend(["--device".into(), device.into()]);
    }
    words.extend(arguments.partner.words());
    words
}

/// The test itself. When memory runs out, this process is the one to go.
pub(super) fn test_itself(arguments: &Arguments) -> u8 {
    process::end_with_parent();
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let Some(order) = arguments.orders().ok().and_then(|orders| orders.into_iter().next()) else { return exit::USAGE };
    if !arguments.is_meant() {
        return exit::USAGE;
    }
    let started = Instant::now();
    let progress = Progress::to(std::io::stdout());
    let host = Host::live();
    let named = devices::named(&arguments.devices);
    let mut report = match order.kind {
        Kind::Memory => hwtest::memory::run(&order, &progress),
        Kind::Cpu => hwtest::cpu::run(&order, &progress),
        Kind::Disk if arguments.write => devices::write_disks(&host, &order, &named, &progress),
        Kind::Disk => devices::test_disks(&host, &order, &named, &progress),
        Kind::Network => match arguments.partner.pair(&named) {
            Ok(Some(pair)) => hwtest::network::peer::run(&host, &order, &pair, &progress),
            Ok(None) => hwtest::network::run(&host, &order, &named, &progress),
            Err(_) => return exit::USAGE,
        },
        Kind::Pcie => hwtest::pcie::run(&host, &order, &progress),
        Kind::Gpu => hwtest::gpu::run(&host, &order, &progress),
    };
    report.took(&order, started.elapsed());
    progress.end(&report);
    exit::OK
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    let orders = match arguments.orders() {
        Ok(orders) => orders,
        Err(reason) => {
            complain!("shakedown: {reason}");
            return Ok(exit::USAGE);
        }
    };
    if !arguments.is_meant() {
        return Ok(exit::CANNOT_RUN);
    }
    // Before anything begins: a token that cannot be read is a mistake, and no result.
    arguments.partner.pair(&arguments.devices)?;
    let (cancel, give_up) = (CancellationToken::new(), CancellationToken::new());
    let listener = tokio::spawn(stop_on_signal(cancel.clone(), give_up));
    let mut stream = match arguments.format {
        Form::Ocp => {
            let words: Vec<String> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
            Some(Stream::begin(raw_output(), &orders, &Host::live().hostname(), &words.join(" "))?)
        }
        Form::Text | Form::Json => None,
    };
    let (mut reports, mut streamed) = (Vec::new(), Ok(()));
    for order in &orders {
        let report = tested(order, &arguments, &cancel, stream.as_mut()).await?;
        if let Some(stream) = &mut stream {
            // The tests that are left are worth more than their reader.
            streamed = streamed.and(stream.verdict(&report));
        }
        reports.push(report);
    }
    listener.abort();
    let stopped = cancel.is_cancelled();
    // The file first, since somebody may wait for it; one that cannot be written hides nothing of the answer.
    let path = arguments.result_path.as_deref().filter(|path| !path.as_os_str().is_empty());
    let written = path.map_or(Ok(()), |path| told::write_result(path, &reports));
    match (arguments.format, stream) {
        (Form::Ocp, Some(stream)) => drop(streamed.and_then(|()| stream.end(told::outcome(&reports), stopped))?),
        (Form::Json, _) => answer(&format!("{:#}", told::document(&reports)?))?,
        _ => answer(&told::pages(&reports))?,
    }
    written?;
    Ok(if stopped { exit::STOPPED } else { exit_code(told::outcome(&reports)) })
}

/// Carries out one order; one that is stopped before it began says so.
async fn tested<W: std::io::Write>(
    order: &Order,
    arguments: &Arguments,
    cancel: &CancellationToken,
    mut stream: Option<&mut Stream<W>>,
) -> anyhow::Result<Report> {
    if cancel.is_cancelled() {
        return Ok(hwtest::ended_from_outside(order, false, None));
    }
    let mut shown = progress::Shown::new(order.kind);
    let most = Budget::most(order.seconds, std::env::var("RUNTIME").ok().as_deref());
    let (began, mut pace) = (Instant::now(), Throughput::of(order.seconds));
    if let Some(stream) = &mut stream {
        stream.begin_test(order.kind);
    }
    let mut report = course::watch(order, &words(order, arguments), (most, cancel), |tick| {
        shown.tick(tick);
        let is_value = pace.take(tick, began.elapsed());
        if let Some(stream) = &mut stream {
            // A reader that has gone away takes nothing from the test.
            let _ = stream.tick(tick);
            if is_value {
                let _ = stream.pace(tick, began.elapsed());
            }
        }
    })
    .await?;
    report.series.extend(pace.series(order.kind));
    shown.end();
    Ok(report)
}

fn exit_code(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Passed | Outcome::Degraded | Outcome::Skipped => exit::OK,
        Outcome::Failed => exit::SCRIPT_FAILED,
        Outcome::Error => exit::CANNOT_RUN,
    }
}
