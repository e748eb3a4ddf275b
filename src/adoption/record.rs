//! What the processes of a takeover know together: one small file, which appears whole or not at all.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::process::Peer;

/// A record has this many bytes, so that a later one finds its room.
const ROOM: usize = 4096;

/// How far a takeover is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// All is ready; MAAS's runner is still at work.
    Ready,
    /// MAAS's runner is halted, or is about to be.
    Halted,
    /// It is decided what becomes of MAAS's runner, and whoever reads this does it.
    Ended(Ending),
}

/// What becomes of MAAS's runner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The agent did its work: the runner is ended.
    Done,
    /// The agent ran nothing, for this reason: the runner goes on.
    GivenBack(String),
    /// The agent ran something and cannot go on, for this reason: the runner is ended, and the region is told FAILED.
    Hopeless(String),
}

/// A takeover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// In which boot it began: numbers of processes mean nothing in another.
    pub boot_id: String,
    /// MAAS's runner.
    pub runner: Peer,
    /// The script's own process, which that runner waits for.
    pub script: Peer,
    /// Which region, and as whom: options of the agent.
    pub options: Vec<String>,
    /// The last run of the journal from before it.
    pub last_run: i64,
    /// The agent, once it was started.
    pub agent: Option<Peer>,
    /// How far it is.
    pub phase: Phase,
}

impl Record {
    /// Where it is kept.
    #[must_use]
    pub fn file(state_directory: &Path) -> PathBuf {
        state_directory.join("takeover.json")
    }

    /// Reads it; `None` when there is none of this boot.
    #[must_use]
    pub fn read(state_directory: &Path) -> Option<Record> {
        let bytes = fs::read(Record::file(state_directory)).ok()?;
        let record: Record = serde_json::from_slice(&bytes).ok()?;
        (record.boot_id == boot_id()).then_some(record)
    }

    /// Writes it. On a disk that is full it goes into the place that the one before it has: that may be torn, and a decision that nobody hears of
    /// is worse.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn write(&self, state_directory: &Path) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.resize(bytes.len().max(ROOM), b' ');
        let whole = || {
            let mut file = tempfile::Builder::new().prefix(".takeover.").tempfile_in(state_directory)?;
            file.write_all(&bytes)?;
            file.persist(Record::file(state_directory)).map_err(|error| error.error)?;
            Ok(())
        };
        whole().or_else(|error: io::Error| {
            match fs::OpenOptions::new().write(true).open(Record::file(state_directory)) {
                Ok(mut file) => file.write_all(&bytes),
                Err(_) => Err(error),
            }
        })
    }

    /// The decision, if there is one.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        match &self.phase {
            Phase::Ended(ending) => Some(ending),
            Phase::Ready | Phase::Halted => None,
        }
    }

    /// Does to MAAS's runner what was decided. More than once is as good as once.
    pub(super) fn carry_out(&self) {
        match self.ending() {
            Some(Ending::Done | Ending::Hopeless(_)) => self.runner.kill(),
            Some(Ending::GivenBack(_)) => self.runner.go_on(),
            None => {}
        }
    }
}

/// Which boot this is.
pub(super) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_boot_is_none() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let this = Peer::this().expect("this process");
        let mut record = Record {
            boot_id: boot_id(),
            runner: this,
            script: this,
            options: vec!["--config".into(), "/tmp/c".into()],
            last_run: 7,
            agent: None,
            phase: Phase::Ended(Ending::GivenBack("no room".into())),
        };
        record.write(place.path()).expect("written");
        assert_eq!(Record::read(place.path()).as_ref(), Some(&record));
        record.boot_id = "another".into();
        record.write(place.path()).expect("written");
        assert_eq!(Record::read(place.path()), None);
    }
}
