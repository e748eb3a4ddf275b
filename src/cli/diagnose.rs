//! `shakedown diagnose`: the faults that a machine's own logs and counters report.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;

use super::format::Format;
use super::resources::Machine;
use super::{answer, exit};
use crate::diagnosis::{
    Code, CrashFile, Incident, Judge, Parts, Snapshot, event_in_words, joined, leave_out_told_kills,
};
use crate::host::Host;

const HELP: &str = "\
Examples:
  shakedown diagnose                                 # this machine: log, crash records, BMC, counters
  shakedown diagnose dmesg.txt                       # a saved log, of any form
  shakedown diagnose --format json dmesg.txt

A log is what dmesg, journalctl (both with any option), /dev/kmsg, syslog, a console or pstore, or `ipmitool sel
elist` wrote. A text without any line of a log is not judged.
Lines that programs wrote are never a finding. Nothing is changed or cleared.

Severities:
  info     worth a note, changes nothing
  warning  something was corrected, repeated or slowed down
  error    something failed
  fatal    a device or the machine is gone or stopped

Exit codes:
  0  everything was read, whatever was found; with --check, nothing above info was
  1  with --check: something of severity warning or above
  2  the command line is wrong
  3  a file cannot be read (the others are judged)";

/// Bytes of a log that are read at once.
const PIECE: usize = 4 << 20;
/// Bytes at the start of a log that show whether it is text.
const START: usize = 64 << 10;
/// Why a file that is no text is not judged.
const NO_TEXT: &str = "it is no text: unpack it, or save the log as text, for example with dmesg";
/// Why a text is not judged that has no line of a log.
const NO_LOG: &str =
    "no line of it is a log line of a known form: save the log as dmesg, journalctl or ipmitool print it";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Arguments {
    /// Saved logs; `-` for standard input; none for this machine
    #[arg(value_name = "FILE", conflicts_with = "root")]
    files: Vec<PathBuf>,
    /// For people or for machines
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Let the exit code tell whether there is anything of severity warning or above
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    machine: Machine,
}

/// One entry of the output (a line, as JSON): a file, or a source of this machine.
#[derive(Debug, Serialize)]
struct Source {
    file: String,
    incidents: Vec<Incident>,
    /// The reason why the source was not read completely; `None` if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let mut code = exit::OK;
    let mut raised = false;
    let mut tell = |source: &Source| {
        raised |= source.incidents.iter().any(Incident::is_raised);
        match arguments.format {
            Format::Json => answer(&serde_json::to_string(source).context("cannot write the incidents as JSON")?),
            Format::Table => answer(&page(source)),
        }
    };
    if arguments.files.is_empty() {
        let machine = arguments.machine.open()?;
        machine_says(&machine.host).iter().try_for_each(&mut tell)?;
    }
    for file in &arguments.files {
        match read(file) {
            Ok((incidents, gap)) => {
                // What was not judged is no good news.
                code = if gap.is_some() { exit::CANNOT_RUN } else { code };
                tell(&Source { file: file.to_string_lossy().into_owned(), incidents, gap })?;
            }
            Err(error) => {
                complain!("shakedown: cannot read {}: {error}", file.display());
                code = exit::CANNOT_RUN;
            }
        }
    }
    Ok(if arguments.check && code == exit::OK && raised { exit::SCRIPT_FAILED } else { code })
}

/// Reads a saved log piece by piece, since a log may be larger than the machine's memory.
fn read(path: &Path) -> io::Result<(Vec<Incident>, Option<String>)> {
    if path == Path::new("-") { judge(io::stdin().lock()) } else { judge(File::open(path)?) }
}

/// The incidents of a log, and why there may be more.
fn judge(log: impl Read) -> io::Result<(Vec<Incident>, Option<String>)> {
    let mut log = BufReader::new(log);
    let mut judge = Judge::default();
    let mut is_first = true;
    let mut gap = Some("it is empty: there was nothing to judge");
    loop {
        let mut piece = Vec::new();
        if log.by_ref().take(PIECE as u64).read_to_end(&mut piece)? == 0 {
            let gap = gap.or_else(|| (!judge.has_read_a_log()).then_some(NO_LOG));
            return Ok((judge.end(), gap.map(str::to_owned)));
        }
        if is_first {
            (is_first, gap) = (false, (!is_text(&piece[..piece.len().min(START)])).then_some(NO_TEXT));
        }
        // Read on to the end of the line. The bound is for input that is no log and has no line ends.
        if piece.len() == PIECE {
            log.by_ref().take(PIECE as u64).read_until(b'\n', &mut piece)?;
        }
        judge.read(&String::from_utf8_lossy(&piece));
    }
}

/// False for a packed or encrypted file, of which most characters are none of a text. A log that a crash cut off may have some zeros.
fn is_text(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    let is_odd = |c: &char| *c == char::REPLACEMENT_CHARACTER || c.is_control() && !c.is_whitespace();
    text.chars().filter(is_odd).count() <= text.chars().count() / 4
}

/// Reads every source that a machine has: the kernel's log, crash records, the BMCs' event logs, counters.
fn machine_says(host: &Host) -> Vec<Source> {
    let mut sources = Vec::new();
    if host.is_live() || host.exists("/dev/kmsg") {
        sources.push(kernel_log(host));
    }
    let mut counted = Snapshot::read(host).since_start();
    let of_log = sources.first().map_or(&[][..], |log| &log.incidents);
    leave_out_told_kills(&mut counted, of_log, &[Code::OomKill, Code::OomKillCgroup]);
    for directory in ["/sys/fs/pstore", "/var/lib/systemd/pstore"] {
        sources.extend(crash_records(host, directory));
    }
    for node in host.list("/dev").into_iter().filter(|name| is_bmc(name)) {
        sources.push(bmc_log(host, &node));
    }
    sources.push(Source { file: "counters".into(), incidents: counted, gap: None });
    let parts = Parts::read(host);
    for source in &mut sources {
        parts.name(&mut source.incidents);
    }
    sources
}

fn kernel_log(host: &Host) -> Source {
    let file = "/dev/kmsg".to_string();
    let mut judge = Judge::default();
    let read = host.kernel_log().and_then(|mut log| {
        while let Some(record) = log.next_record()? {
            judge.read(&record);
        }
        Ok(log.take_lost())
    });
    let gap = match read {
        Ok(0) => None,
        Ok(lost) => Some(format!("the kernel overwrote records while they were read, {lost} times")),
        Err(error) => Some(format!("the kernel log is not readable: {error}; run this as root, outside of containers")),
    };
    Source { file, incidents: judge.end(), gap }
}

/// Reads the crash records that the kernel saved before it stopped (pstore): one source for each crash, its parts joined.
fn crash_records(host: &Host, directory: &str) -> Vec<Source> {
    let (mut files, mut sources) = (Vec::new(), Vec::new());
    for path in names_below(host, directory) {
        let read = if path.contains(".enc") {
            Err("the kernel could not unpack it: load the module of its compression, and mount pstore again".to_owned())
        } else {
            host.read(&path).map_err(|error| error.to_string())
        };
        match read {
            Ok(bytes) => files.push(CrashFile { path, text: String::from_utf8_lossy(&bytes).into_owned() }),
            Err(gap) => sources.push(Source { file: path, incidents: Vec::new(), gap: Some(gap) }),
        }
    }
    let judged = joined(files).into_iter().map(|log| {
        let mut judge = Judge::default();
        judge.read(&log.text);
        Source { file: log.name, incidents: judge.end(), gap: None }
    });
    sources.extend(judged);
    sources
}

/// Files of a directory and of those in it: `systemd-pstore` makes one for each crash.
fn names_below(host: &Host, directory: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for name in host.list(directory) {
        let path = format!("{directory}/{name}");
        if host.is_real_directory(&path) {
            paths.extend(names_below(host, &path));
        } else if name.starts_with("dmesg") || name.starts_with("console") || name.starts_with("mce") {
            paths.push(path);
        }
    }
    // systemd-pstore writes the parts that it moved once more, joined.
    if let Some(whole) = paths.iter().find(|path| path.ends_with("/dmesg.txt")).cloned() {
        let parts = format!("{directory}/dmesg-");
        paths.retain(|path| *path == whole || !path.starts_with(&parts));
    }
    paths.sort();
    paths.truncate(200);
    paths
}

fn is_bmc(name: &str) -> bool {
    name.strip_prefix("ipmi").is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn bmc_log(host: &Host, node: &str) -> Source {
    let mut judge = Judge::default();
    let gap = match host.bmc_log(node) {
        Ok(Some(log)) => {
            let events: String =
                log.records.iter().filter_map(|record| event_in_words(record)).map(|line| line + "\n").collect();
            judge.read(&events);
            let cut = log.is_cut.then_some("not all of the event log could be read");
            cut.or(log.is_full.then_some("the event log is full: what came later is not in it")).map(str::to_string)
        }
        Ok(None) => Some("this BMC has no event log".into()),
        Err(error) => Some(format!("the event log is not readable: {error}")),
    };
    Source { file: format!("/dev/{node}"), incidents: judge.end(), gap }
}

fn page(source: &Source) -> String {
    let mut text = source.file.clone();
    if let Some(gap) = &source.gap {
        text.push_str(&format!("\n  not judged: {gap}"));
    }
    if source.incidents.is_empty() && source.gap.is_none() {
        text.push_str(": nothing is wrong");
    }
    for incident in &source.incidents {
        let Incident { code, severity, device, count, first, last, lines, part } = incident;
        let device = if device.is_empty() { "" } else { &format!(" {device}") };
        let when = match (first, last) {
            (Some(first), Some(last)) if first != last => format!(", from [{first}] to [{last}]"),
            (Some(first), _) => format!(", at [{first}]"),
            _ => String::new(),
        };
        text.push_str(&format!("\n  {severity:7} {}{device}: {}", code.word(), incident.meaning()));
        if let Some(part) = part {
            text.push_str(&format!("\n          which is {part}"));
        }
        text.push_str(&format!("\n          {count} times{when}\n          next: {}", incident.next()));
        for line in lines.iter().take(4) {
            text.push_str(&format!("\n          | {line}"));
        }
    }
    text
}
