//! `shakedown new test`: the beginning of a script, to go on from.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};

use super::lint::lines;
use super::{exit, help};
use crate::script::lint::{Finding, Level, lint};

#[derive(Debug, clap::Args)]
#[command(after_help = help::NEW)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A shell script with its metadata, commented, that `shakedown lint` finds nothing in and `shakedown try` passes
    Test(Test),
}

#[derive(Debug, clap::Args)]
struct Test {
    /// Its name in the region
    name: String,
    /// When it runs
    #[arg(long = "type", value_enum, default_value_t)]
    kind: Kind,
    /// What it is about; storage and network scripts run once for each disk or interface
    #[arg(long, value_enum, default_value_t)]
    hardware: Hardware,
    /// Where to write it; by default, a file of its name in this directory
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Kind {
    Commissioning,
    #[default]
    Testing,
    Release,
    Deployment,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Hardware {
    #[default]
    Node,
    Cpu,
    Memory,
    Storage,
    Network,
    Gpu,
}

/// The template; words in capitals between `@` are filled in.
const TEMPLATE: &str = include_str!("new/template.sh");

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let What::Test(test) = &arguments.what;
    let script = template(&test.name, test.kind, test.hardware);
    let findings = lint(script.as_bytes());
    let told = lines(&[(&test.name, findings.clone())], Level::Warning);
    if !told.is_empty() {
        complain!("{}", told.trim_end());
    }
    let is_bad =
        |finding: &Finding| finding.level == Level::Error || ["name-slash", "name-missing"].contains(&finding.rule);
    if findings.iter().any(is_bad) {
        complain!("shakedown: {:?} cannot be the name of a script: nothing was written", test.name);
        return Ok(exit::USAGE);
    }
    let path = test.output.clone().unwrap_or_else(|| PathBuf::from(&test.name));
    let mut options = OpenOptions::new();
    // What is there stays: it may be the work of a day.
    let file = options.write(true).create_new(true).mode(0o755).open(&path);
    let mut file = file.with_context(|| format!("cannot write {}", path.display()))?;
    file.write_all(script.as_bytes()).with_context(|| format!("cannot write {}", path.display()))?;
    say!("{} is written. Now edit it, then: shakedown lint {0}; shakedown try {0}", path.display());
    Ok(exit::OK)
}

fn template(name: &str, kind: Kind, hardware: Hardware) -> String {
    let word = |value: clap::builder::PossibleValue| value.get_name().to_owned();
    let kind_word = kind.to_possible_value().map(word).unwrap_or_default();
    let hardware_word = hardware.to_possible_value().map(word).unwrap_or_default();
    let parts = Parts::of(hardware);
    let when = match kind {
        Kind::Commissioning => "while a machine is inventoried",
        Kind::Testing => "when a machine is tested",
        Kind::Release => "when a machine is given back",
        Kind::Deployment => "while a machine is deployed",
    };
    TEMPLATE
        .replace("# @PARAMETERS@\n", parts.parameters)
        .replace("@ARGUMENTS@\n", parts.arguments)
        .replace("@CHECK@\n", parts.check)
        .replace("@PARALLEL@", parts.parallel)
        .replace("@TITLE@", parts.title)
        .replace("@HARDWARE@", &hardware_word)
        .replace("@TYPE@", &kind_word)
        .replace("@WHEN@", when)
        .replace("@NAME@", name)
}

/// What differs with the hardware.
struct Parts {
    parameters: &'static str,
    arguments: &'static str,
    check: &'static str,
    parallel: &'static str,
    title: &'static str,
}

impl Parts {
    fn of(hardware: Hardware) -> Parts {
        let (parameters, arguments) = match hardware {
            Hardware::Storage => (include_str!("new/storage.yaml"), include_str!("new/storage-arguments.sh")),
            Hardware::Network => (include_str!("new/network.yaml"), include_str!("new/network-arguments.sh")),
            _ => ("", ""),
        };
        let (title, check) = match hardware {
            Hardware::Node => ("Seconds since boot", include_str!("new/node.sh")),
            Hardware::Cpu => ("CPUs", include_str!("new/cpu.sh")),
            Hardware::Memory => ("Memory in KiB", include_str!("new/memory.sh")),
            Hardware::Storage => ("Size in bytes", include_str!("new/storage.sh")),
            Hardware::Network => ("Speed in Mbit/s", include_str!("new/network.sh")),
            Hardware::Gpu => ("Graphics cards", include_str!("new/gpu.sh")),
        };
        let parallel = match hardware {
            Hardware::Storage | Hardware::Network => "instance",
            _ => "disabled",
        };
        Parts { parameters, arguments, check, parallel, title }
    }
}
