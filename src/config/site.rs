//! The settings of a site, and the one list of their keys. **To add a key**: a field of [`Site`] with its default, a line of [`KEYS`], its
//! explanation in `packaging/config/config.toml`, and its effect in `cli/settings.rs`: tests ask for both.

use std::path::PathBuf;

use super::value::{Key, key};
use crate::diagnosis::Policy;
use crate::download;
use crate::journal::Retention;
use crate::runner::{DEFAULT_MEMORY_RESERVE, DEFAULT_OUTPUT_BYTES, Names};

/// The settings of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Limits of the journal: runs, days, bytes of script output.
    pub retention: Retention,
    /// Days after which hardware sync sends everything again; `None` for never.
    pub full_after_days: Option<u32>,
    /// Volumes in other machines count as hardware of this one, also those that the system is not on.
    pub network_volumes: bool,
    /// Minutes between two health checks of the drives by `watch`; `None` for never.
    pub disks_every_minutes: Option<u32>,
    /// Most bytes of output files of one script; `None` is no bound.
    pub output_bytes: Option<u64>,
    /// Bytes of memory that scripts leave to the agent and the system; `None` bounds no script.
    pub memory_reserve: Option<u64>,
    /// Policy for faults that the machine reports while a script runs: ignored, noted, or counted against its pass.
    pub meanwhile: Policy,
    /// Variables that scripts get with the passwords that are in them.
    pub pass_environment: Names,
    /// A directory of packages that is looked into before anything is fetched.
    pub package_cache: Option<PathBuf>,
    /// File that gets the metrics of this machine after each run, synchronisation and look; `None` is no file.
    pub metrics_file: Option<PathBuf>,
    /// Command that gets what operators have to hear of on its standard input; `None` is no command.
    pub notify: Option<String>,
    /// Limits of what scripts have downloaded.
    pub download: download::Options,
}

impl Default for Site {
    fn default() -> Self {
        let (retention, download) = (Retention::default(), download::Options::default());
        Site {
            retention,
            full_after_days: Some(7),
            network_volumes: false,
            disks_every_minutes: Some(30),
            output_bytes: Some(DEFAULT_OUTPUT_BYTES),
            memory_reserve: Some(DEFAULT_MEMORY_RESERVE),
            meanwhile: Policy::default(),
            pass_environment: Names::default(),
            package_cache: None,
            metrics_file: None,
            notify: None,
            download,
        }
    }
}

/// Every key: its name in the file, the field that it sets, and its meaning in a few words.
pub(super) const KEYS: &[Key] = &[
    key!("journal.keep_runs", retention.runs, "runs that are kept; 0 keeps all"),
    key!("journal.keep_days", retention.days, "days that runs and events are kept; 0 keeps them for ever"),
    key!("journal.keep_output_bytes", retention.bytes, "bytes of script output that are kept; 0 is no limit"),
    key!("sync.full_after_days", full_after_days, "days after which hardware sync sends everything; 0 is never"),
    key!(
        "sync.network_volumes",
        network_volumes,
        "whether volumes in other machines (iSCSI, NVMe over a network, Fibre Channel) count as this machine's hardware"
    ),
    key!(
        "watch.disks_every_minutes",
        disks_every_minutes,
        "minutes between two looks at the disks' health; 0 is never"
    ),
    key!("runner.output_bytes", output_bytes, "most bytes of one script's output files; 0 is no bound"),
    key!(
        "runner.memory_reserve",
        memory_reserve,
        "bytes of memory that scripts leave to agent and system, at least; 0 bounds no script"
    ),
    key!(
        "runner.meanwhile",
        meanwhile,
        "what the machine reports while scripts run: count, note or off; then CODE=EFFECT"
    ),
    key!(
        "runner.pass_environment",
        pass_environment,
        "variables that scripts get whole, with the passwords of proxies in them"
    ),
    key!(
        "metrics.textfile",
        metrics_file,
        "file that gets the metrics of this machine, for node_exporter's textfile collector"
    ),
    key!(
        "notify.command",
        notify,
        "command that gets failed scripts, failing disks and changes of the hardware as JSON on its standard input"
    ),
    key!("packages.cache", package_cache, "directory of packages that is looked into before anything is fetched"),
    key!("packages.download_bytes", download.most, "most bytes of one download"),
    key!("packages.download_seconds", download.total, "longest time of one download, in seconds"),
    key!("packages.stall_seconds", download.stall, "longest time without a byte, in seconds"),
    key!("packages.tries", download.tries, "how often a download is begun or resumed"),
];
