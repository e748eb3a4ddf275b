//! What the site has set and what the command line says beside it, put together once. Every verb takes what concerns it from here,
//! so that a setting is in effect in all of them or in none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::agent::{self, sync};
use crate::config::{Site, site};
use crate::diagnosis::Policy;
use crate::download;
use crate::inventory::NetworkVolumes;
use crate::journal::{Actor, Retention};
use crate::runner::{self, packages};
use crate::status::Notifier;

/// What the command line may say beside `--set`.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    /// `--package-cache`, which beats the site's.
    pub(super) package_cache: Option<PathBuf>,
    /// `--cacert`.
    pub(super) ca_file: Option<PathBuf>,
}

/// The settings in effect.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    retention: Retention,
    full_after: Option<Duration>,
    network_volumes: NetworkVolumes,
    disks_every: Option<Duration>,
    package_cache: Option<PathBuf>,
    download: download::Options,
    output_bytes: Option<u64>,
    memory_reserve: Option<u64>,
    meanwhile: Policy,
    pass_environment: runner::Names,
    metrics_file: Option<PathBuf>,
    notify: Option<String>,
}

impl Settings {
    /// Reads those of the site.
    ///
    /// # Errors
    /// When they cannot be read, or name a directory that cannot.
    pub(super) fn read(given: Given) -> anyhow::Result<Self> {
        Settings::of(site()?, given)
    }

    fn of(site: Site, given: Given) -> anyhow::Result<Self> {
        // Every field by its name: a new one does not compile until something is done with it.
        let Site {
            retention,
            full_after_days,
            network_volumes,
            disks_every_minutes,
            package_cache,
            download,
            output_bytes,
            memory_reserve,
            meanwhile,
            pass_environment,
            metrics_file,
            notify,
        } = site;
        let cache = given.package_cache.or(package_cache).map(|directory| {
            let found = directory.canonicalize().ok().filter(|path| path.is_dir());
            found.with_context(|| format!("the package cache {} is no directory that can be read", directory.display()))
        });
        Ok(Settings {
            retention,
            full_after: full_after_days.map(|days| Duration::from_secs(u64::from(days) * 86_400)),
            network_volumes: if network_volumes { NetworkVolumes::All } else { NetworkVolumes::default() },
            disks_every: disks_every_minutes.map(|minutes| Duration::from_secs(u64::from(minutes) * 60)),
            package_cache: cache.transpose()?,
            download: download::Options { ca_file: given.ca_file, ..download },
            output_bytes,
            memory_reserve,
            meanwhile,
            pass_environment,
            metrics_file,
            notify,
        })
    }

    /// For a run: `run`, `try`, `demo`.
    pub(super) fn run(&self, storage: &Path, base_url: impl Into<String>, state_dir: &Path) -> agent::Options {
        let mut options = agent::Options::new(storage, base_url);
        options.actor = Actor::current();
        options.retention = self.retention;
        self.scripts(&mut options.runner, state_dir);
        options.runner.meanwhile = self.meanwhile.clone();
        options
    }

    /// For a synchronisation: `sync`, `report-results`, the looks of `watch`.
    pub(super) fn sync(&self, storage: &Path, base_url: impl Into<String>, state_dir: &Path) -> sync::Options {
        let mut options = sync::Options::new(storage, base_url);
        options.actor = Actor::current();
        options.retention = self.retention;
        options.full_after = self.full_after;
        options.network_volumes = self.network_volumes;
        self.scripts(&mut options.runner, state_dir);
        options
    }

    /// Which volumes in other machines count, for who compares without options.
    pub(super) fn network_volumes(&self) -> NetworkVolumes {
        self.network_volumes
    }

    /// How often `watch` asks the drives; `None` is never. What the command line says, in seconds, beats the site.
    pub(super) fn disks_every(&self, given: Option<u64>) -> Option<Duration> {
        given.map_or(self.disks_every, |seconds| Some(Duration::from_secs(seconds))).filter(|every| !every.is_zero())
    }

    /// Writes the metrics where the site wants them, when the work of a verb is done. A failure is a warning: the work itself is done.
    pub(super) fn write_metrics(&self, state_dir: &Path) {
        let Some(path) = &self.metrics_file else { return };
        if let Err(error) = super::status::write_metrics(path, state_dir) {
            tracing::warn!("{error:#}: correct [metrics] textfile");
        }
    }

    /// Prepares to tell the site's command, if there is one, what happens from now on.
    pub(super) fn notifier(&self, state_dir: &Path, hostname: &str) -> Notifier {
        Notifier::start(self.notify.as_deref(), state_dir, hostname)
    }

    fn scripts(&self, options: &mut runner::Options, state_dir: &Path) {
        options.packages = packages::Options::new(self.package_cache.clone(), self.download.clone());
        options.state_dir = Some(state_dir.to_owned());
        options.output_bytes = self.output_bytes;
        options.memory_reserve = self.memory_reserve;
        options.pass_environment = self.pass_environment.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{assignment, site_keys, site_with};

    /// What takes settings.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Taker {
        /// `run`, `try`, `demo`.
        Run,
        /// `sync`, `report-results`, a look of `watch`.
        Sync,
        /// When `watch` asks the drives.
        Drives,
        /// Files that are written, and commands that are told, when the work of a verb is done.
        Afterwards,
    }

    const TAKERS: [Taker; 4] = [Taker::Run, Taker::Sync, Taker::Drives, Taker::Afterwards];

    /// Whom a key concerns, and a value that is not its default. A new key is named here, or this fails.
    fn concerned(key: &str) -> (&'static [Taker], &'static str) {
        use Taker::{Afterwards, Drives, Run, Sync};
        match key {
            "sync.full_after_days" => (&[Sync], "17"),
            "sync.network_volumes" => (&[Sync], "true"),
            "watch.disks_every_minutes" => (&[Drives], "17"),
            "journal.keep_runs"
            | "journal.keep_days"
            | "journal.keep_output_bytes"
            | "runner.output_bytes"
            | "runner.memory_reserve"
            | "packages.download_bytes"
            | "packages.download_seconds"
            | "packages.stall_seconds"
            | "packages.tries" => (&[Run, Sync], "17"),
            "runner.meanwhile" => (&[Run], "note"),
            "runner.pass_environment" => (&[Run, Sync], "http_proxy"),
            "metrics.textfile" => (&[Afterwards], "/metrics.prom"),
            "notify.command" => (&[Afterwards], "/bin/true"),
            "packages.cache" => (&[Run, Sync], "/"),
            other => panic!("which verbs does the key {other} concern?"),
        }
    }

    fn effect(taker: Taker, settings: &Settings) -> String {
        let (storage, state) = (Path::new("/storage"), Path::new("/state"));
        match taker {
            Taker::Run => format!("{:?}", settings.run(storage, "http://192.0.2.1", state)),
            Taker::Sync => format!("{:?}", settings.sync(storage, "http://192.0.2.1", state)),
            Taker::Afterwards => format!("{:?} {:?}", settings.metrics_file, settings.notify),
            Taker::Drives => format!("{:?}", settings.disks_every(None)),
        }
    }

    #[test]
    fn every_key_is_in_effect_in_every_verb_that_it_concerns() {
        let usual = Settings::of(Site::default(), Given::default()).expect("the defaults");
        for key in site_keys() {
            let (takers, value) = concerned(key);
            let set = assignment(&format!("{key}={value}")).expect("a value that it may have");
            let settings = Settings::of(site_with(&[set]), Given::default()).expect("settings");
            for taker in TAKERS {
                let is_in_effect = effect(taker, &settings) != effect(taker, &usual);
                assert_eq!(is_in_effect, takers.contains(&taker), "{key} and {taker:?}");
            }
        }
    }

    #[test]
    fn the_command_line_reaches_downloads_and_beats_the_site() {
        let site = site_with(&[assignment("packages.cache=/proc").expect("a value")]);
        let given = Given { package_cache: Some("/".into()), ca_file: Some("/ca.pem".into()) };
        let settings = Settings::of(site, given).expect("settings");
        let run = settings.run(Path::new("/storage"), "", Path::new("/state")).runner.packages;
        let sync = settings.sync(Path::new("/storage"), "", Path::new("/state")).runner.packages;
        for packages in [run, sync] {
            assert_eq!(packages.cache.as_deref(), Some(Path::new("/")));
            assert_eq!(packages.download.ca_file.as_deref(), Some(Path::new("/ca.pem")));
        }
        assert_eq!(settings.disks_every(Some(0)), None);
        assert_eq!(settings.disks_every(Some(5)), Some(Duration::from_secs(5)));
    }

    /// A verb that made its own options would forget some of the settings sooner or later.
    #[test]
    fn no_verb_makes_its_options_past_the_settings() {
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli")];
        let mut read = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if path.ends_with("settings.rs") {
                    continue;
                }
                let text = std::fs::read_to_string(&path).expect("a source");
                read += 1;
                for past in ["agent::Options::new(", "sync::Options::new(", "packages::Options::new(", "site()"] {
                    assert!(!text.contains(past), "{}: {past}", path.display());
                }
            }
        }
        assert!(read > 40, "{read} files");
    }
}
