//! `shakedown disk judge`: a verdict for recorded output of smartctl, without a drive.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;

use crate::cli::{answer, exit};
use crate::disk::{
    Device, Identified, Judgement, LIMIT, Policy, Report, Transport, Unreadable, Verdict, identify, judge,
    judge_unreadable, parse,
};

const HELP: &str = "\
Examples:
  shakedown disk judge smartctl.json

Verdicts:
  healthy        nothing counts against the drive
  degraded       it works, and something counts against it
  failed         it is defective
  not-supported  it cannot be judged: virtual, a RAID volume, no SMART
  error          it should have been judged and was not: no permission, damaged, torn or foreign output, several reports in one
                 file, a drive that answers no question about its health

Policy, in TOML, a line for each code of a reason that should count otherwise:
  pending-sectors = \"failed\"                          # info, degraded, failed, error or not-supported
  reallocated-sectors = { limit = 50 }                # from which number on it counts
  crc-errors = { counts = \"info\", new = \"degraded\" }  # if it is new since --previous, or the last test here

Exit codes:
  0  there is a line for every file, whatever its verdict; with --check, no drive is failed and none was left unjudged
  1  with --check: a verdict is failed or error
  2  the command line is wrong
  3  a file cannot be read (the others are judged), or the policy is wrong";

#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Arguments {
    /// What `smartctl -x`, with or without `--json` (best `--json=o`), printed; `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What this site thinks otherwise
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// What the same drive printed the last time, to tell what is new
    #[arg(long, value_name = "FILE")]
    previous: Option<PathBuf>,
    /// Let the exit code tell whether a drive is failed or could not be judged
    #[arg(long)]
    check: bool,
}

/// A line of the answer.
#[derive(Debug, Serialize)]
struct Line<'a> {
    file: &'a str,
    transport: &'static str,
    /// What the device is.
    device: &'static str,
    /// Which words say so.
    evidence: String,
    #[serde(flatten)]
    judgement: Judgement,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    anyhow::ensure!(
        arguments.previous.is_none() || arguments.files.len() == 1,
        "--previous is of one drive: give one FILE with it"
    );
    let policy = arguments.policy.as_deref().map_or_else(|| Ok(Policy::default()), policy)?;
    let previous = arguments.previous.as_deref().map(earlier).transpose()?;
    let mut code = exit::OK;
    for file in &arguments.files {
        let name = file.to_string_lossy();
        let (transport, identified, judgement) = match read(file) {
            Ok(bytes) => judged(&bytes, &policy, previous.as_ref())?,
            Err(error) => {
                code = exit::CANNOT_RUN;
                (Transport::Unknown, unknown(), judge_unreadable(&Unreadable::Input(error.to_string())))
            }
        };
        if arguments.check && code == exit::OK && matches!(judgement.verdict, Verdict::Failed | Verdict::Error) {
            code = exit::SCRIPT_FAILED;
        }
        let Identified { device, evidence } = identified;
        let (transport, device) = (transport.name(), device.name());
        let line = serde_json::to_string(&Line { file: &name, transport, device, evidence, judgement })
            .context("cannot write the verdict as JSON")?;
        answer(&line)?;
    }
    Ok(code)
}

fn unknown() -> Identified {
    Identified { device: Device::Unknown, evidence: String::new() }
}

type Judged = (Transport, Identified, Judgement);

fn judged(bytes: &[u8], policy: &Policy, previous: Option<&Report>) -> anyhow::Result<Judged> {
    match parse(bytes) {
        Ok(report) => {
            let same = previous.is_none_or(|previous| previous.may_be_same_drive(&report));
            anyhow::ensure!(same, "the previous report is of another drive: its serial number or unit differs");
            Ok((report.transport(), identify(&report), judge(&report, policy, previous)))
        }
        Err(why) => Ok((Transport::Unknown, unknown(), judge_unreadable(&why))),
    }
}

pub(super) fn policy(path: &Path) -> anyhow::Result<Policy> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the policy {}", path.display()))?;
    Policy::parse(&text).with_context(|| format!("cannot use the policy {}", path.display()))
}

fn earlier(path: &Path) -> anyhow::Result<Report> {
    let bytes = read(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&bytes).with_context(|| format!("cannot use {} as the previous report", path.display()))
}

/// A little more than what is parsed at most, so that what is larger is known to be.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let most = LIMIT as u64 + 1;
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
