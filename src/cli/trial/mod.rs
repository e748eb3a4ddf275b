//! `shakedown try`: one script, run on this machine as a region would have it run.
//!
//! A region in a box on the loopback hands the script out and takes its result; the agent is the real one. Its journal and its
//! outputs are in a directory of their own, so that the machine's journal knows nothing of it.

mod document;
mod shown;
mod values;

use std::path::PathBuf;

use anyhow::Context as _;

use super::lint::{self, Format};
use super::run::{exit_code, watched_by};
use super::settings::{Given, Settings};
use super::{answer, demo, exit, sandbox, state};
use crate::config::metadata_url;
use crate::host::Host;
use crate::region::{Client, ClientOptions};
use crate::sandbox::{Library, LibraryScript, NodeStatus, Options, Sandbox};
use crate::script::lint::{Finding, Level};
use crate::script::{Header, ScriptType, seconds};

use values::Chosen;

const EXIT_CODES: &str = "\
A storage or interface parameter that is not given takes every disk or interface, with one result for each, as a region does.

Examples:
  shakedown try disk-look --param storage=/dev/sda
  shakedown try disk-look --timeout 60 --format json

Exit codes:
  0    it passed, was skipped or is degraded
  1    it failed, timed out or could not be run
  2    the command line is wrong: a parameter, device or value that there is not
  3    it was not run: no such file, errors that `shakedown lint` finds, or --really is missing
  130  stopped (Ctrl-C, SIGTERM, SIGHUP)";

/// Tags of what sets up a BMC, firmware or a disk controller (contract SCRIPTS, field `tags`).
const CHANGES: [&str; 3] = ["bmc-config", "configure_hba", "update_firmware"];

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// The script
    #[arg(value_name = "SCRIPT")]
    script: PathBuf,
    /// A parameter: a disk by its name, path, serial number or `all`; an interface by its name, MAC address or `all`; several
    /// with commas; others by their value. May be given more than once
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = values::pair)]
    parameters: Vec<(String, String)>,
    /// Time limit in seconds or HH:MM:SS, in place of the script's own
    #[arg(long, value_name = "TIME", value_parser = time)]
    timeout: Option<u64>,
    /// Install the packages that it names; without, it runs with what is installed
    #[arg(long)]
    packages: bool,
    /// With --packages: directory of packages that is looked into before anything is fetched, as with `run`
    #[arg(long, value_name = "DIR", requires = "packages")]
    package_cache: Option<PathBuf>,
    /// With --packages: CA bundle (PEM) to trust besides the system's when something is downloaded
    #[arg(long, value_name = "FILE", requires = "packages")]
    cacert: Option<PathBuf>,
    /// Output and tables for people, or one JSON document at the end
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Keep script, outputs and journal in this directory
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Run also what destroys data, reboots the machine, changes its firmware, BMC or disk controllers (by its tags), or is meant for
    /// machines that are given back
    #[arg(long)]
    really: bool,
}

fn time(text: &str) -> Result<u64, String> {
    seconds(text).ok_or_else(|| "it is neither seconds nor HH:MM:SS".to_owned())
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    let path = &arguments.script;
    let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let label = path.display().to_string();
    let findings = crate::script::lint::lint(&content);
    let told = lint::lines(&[(&label, findings.clone())], Level::Warning);
    if !told.is_empty() {
        complain!("{}", told.trim_end());
    }
    let Ok(header) = Header::parse(&content) else { return refused(&arguments, &findings) };
    if findings.iter().any(|finding| finding.level == Level::Error) {
        return refused(&arguments, &findings);
    }
    let mut library = Library::default();
    library.add(path, header, content);
    let mut script = library.scripts.remove(0);
    let host = Host::live();
    let chosen = match Chosen::from(&arguments.parameters, &script.header, &host) {
        Ok(chosen) => chosen,
        Err(problem) => {
            complain!("shakedown: {problem}");
            return Ok(exit::USAGE);
        }
    };
    if let Some(danger) = danger(&script, &chosen).filter(|_| !arguments.really) {
        complain!("shakedown: {danger}; it was not run. --really runs it");
        return Ok(exit::CANNOT_RUN);
    }
    let notes = adapt(&mut script, &arguments);
    Box::pin(trial(&arguments, script, chosen, host, Told { findings, notes })).await
}

/// What is said besides the results.
struct Told {
    findings: Vec<Finding>,
    notes: Vec<String>,
}

fn refused(arguments: &Arguments, findings: &[Finding]) -> anyhow::Result<u8> {
    if arguments.format == Format::Json {
        answer(&serde_json::json!({"end": "NotRun", "findings": findings}).to_string())?;
    }
    complain!("shakedown: the region would refuse the script, or it could never work: it was not run");
    Ok(exit::CANNOT_RUN)
}

/// Why somebody has to say that it is really meant.
fn danger(script: &LibraryScript, chosen: &Chosen) -> Option<String> {
    let header = &script.header;
    let disks =
        || if chosen.disks.is_empty() { "every disk of this machine".to_owned() } else { chosen.disks.join(", ") };
    if header.destructive {
        Some(format!("{} is destructive: what is on {} would be erased", script.name, disks()))
    } else if header.kind == ScriptType::Release {
        Some(format!("{} is for machines that are given back: what is on {} may be erased", script.name, disks()))
    } else if header.may_reboot {
        Some(format!("{} may reboot this machine", script.name))
    } else {
        let changes = |tag: &&String| CHANGES.contains(&tag.as_str());
        let tag = header.tags.iter().find(changes)?;
        Some(format!("{} changes firmware or settings of this machine for good (tag {tag})", script.name))
    }
}

/// Changes the script's metadata to what was asked for, and tells what is not as in a region.
fn adapt(script: &mut LibraryScript, arguments: &Arguments) -> Vec<String> {
    let header = &mut script.header;
    let mut notes = Vec::new();
    header.timeout = arguments.timeout.unwrap_or(header.timeout);
    if !arguments.packages && !header.packages.is_empty() {
        let packages = serde_json::Value::Object(std::mem::take(&mut header.packages));
        notes.push(format!("Its packages are not installed, which --packages would do: {packages}"));
    }
    if std::mem::take(&mut header.apply_configured_networking) {
        notes
            .push("The networking of this machine stays as it is: there is no other configuration to apply".to_owned());
    }
    notes
}

async fn trial(
    arguments: &Arguments,
    script: LibraryScript,
    mut chosen: Chosen,
    host: Host,
    told: Told,
) -> anyhow::Result<u8> {
    if let Some(seconds) = arguments.timeout {
        chosen.limit(seconds, &script.header);
    }
    let given = Given { package_cache: arguments.package_cache.clone(), ca_file: arguments.cacert.clone() };
    let settings = Settings::read(given)?;
    let region = region(script, chosen, &host).await?;
    let temporary = tempfile::Builder::new().prefix("shakedown-try-").tempdir()?;
    let storage = arguments.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    let storage = std::path::absolute(&storage).unwrap_or(storage);
    let mut connection = ClientOptions::new(metadata_url(&region.url())?, Some(demo::credentials(&region)?));
    connection.system_id = Some(region.system_id());
    connection.direct = true;
    let client = Client::new(connection)?;
    let mut run = settings.run(&storage, client.base_url(), &storage.join("state"));
    run.fresh = true;
    let journal = state::Options { state_dir: storage.join("state") };
    let store = journal.open_for_run(&host.hostname(), &client.identity())?;
    let is_text = arguments.format == Format::Text;
    for note in told.notes.iter().filter(|_| is_text) {
        say!("{note}");
    }
    let directory = storage.clone();
    let outcome =
        watched_by(client, host, run, store, move |received| shown::live(received, directory, is_text)).await?;
    let code = exit_code(&outcome);
    match arguments.format {
        Format::Text => shown::summary(&outcome, &region, arguments.keep.as_deref()),
        Format::Json => answer(&document::document(&outcome, &region, &told, arguments.keep.is_some()).to_string())?,
    }
    Ok(code)
}

/// A region that has this script for this machine, and nothing else.
async fn region(script: LibraryScript, chosen: Chosen, host: &Host) -> anyhow::Result<Sandbox> {
    let wanted = Some(vec![script.name.clone()]);
    let status = match script.header.kind {
        ScriptType::Commissioning => NodeStatus::Commissioning,
        ScriptType::Testing => NodeStatus::Testing,
        ScriptType::Release => NodeStatus::Releasing,
        ScriptType::Deployment => NodeStatus::Deploying,
    };
    // Tags such as `noauto` say what a region chooses by itself, not what was asked for.
    let mut library = Library::default();
    library.scripts.push(script);
    library.scripts[0].header.tags.retain(|tag| tag != "noauto");
    let mut options = Options::new(library);
    options.status = status;
    (options.commissioning, options.testing, options.release) = (wanted.clone(), wanted.clone(), wanted);
    (options.disks, options.interfaces) = sandbox::devices(host);
    options.values = chosen.values;
    Ok(Sandbox::start(options).await?)
}
