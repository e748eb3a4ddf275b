//! The record that the processes of a takeover share: one small file, which is replaced as a whole.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::process::Peer;

/// Smallest size of a record, in bytes. Padding keeps room on the disk, so that a later record can overwrite it when the disk is full.
const ROOM: usize = 4096;

/// The phase of a takeover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Everything is prepared; MAAS's runner is still at work.
    Ready,
    /// MAAS's runner is halted, or is about to be.
    Halted,
    /// The fate of MAAS's runner is decided; every process that reads this carries the decision out.
    Ended(Ending),
}

/// The fate of MAAS's runner at the end of a takeover.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The agent did its work: the runner is ended.
    Done,
    /// The agent ran nothing, for this reason: the runner goes on.
    GivenBack(String),
    /// The agent ran something and cannot go on, for this reason: the runner is ended, and the region is sent FAILED.
    Hopeless(String),
}

/// The record of a takeover, as `takeover.json` in the state directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The boot in which the takeover began (`/proc/sys/kernel/random/boot_id`): process numbers mean nothing in another boot.
    pub boot_id: String,
    /// MAAS's runner.
    pub runner: Peer,
    /// The process of the takeover script, which MAAS's runner waits for.
    pub script: Peer,
    /// Options of the agent that name the region and the credentials.
    pub options: Vec<String>,
    /// The region's number of the takeover script's result, which MAAS's runner has begun; `None` when it is not known.
    pub begun: Option<i64>,
    /// The number of the journal's last run before the takeover; 0 when there was none.
    pub last_run: i64,
    /// The agent's process; `None` until it was started.
    pub agent: Option<Peer>,
    /// The phase of the takeover.
    pub phase: Phase,
}

impl Record {
    /// The path of the record.
    #[must_use]
    pub fn file(state_directory: &Path) -> PathBuf {
        state_directory.join("takeover.json")
    }

    /// Reads the record; `None` when there is none of this boot.
    #[must_use]
    pub fn read(state_directory: &Path) -> Option<Record> {
        let bytes = fs::read(Record::file(state_directory)).ok()?;
        let record: Record = serde_json::from_slice(&bytes).ok()?;
        (record.boot_id == boot_id()).then_some(record)
    }

    /// Writes the record by replacing the file. On a full disk it overwrites the old record in place: a torn record is possible then, but a
    /// decision that is lost would be worse.
    ///
    /// # Errors
    /// Neither way of writing succeeded.
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

    /// The decision; `None` before there is one.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        match &self.phase {
            Phase::Ended(ending) => Some(ending),
            Phase::Ready | Phase::Halted => None,
        }
    }

    /// Carries out the decision on MAAS's runner. Repeating it is harmless.
    pub(super) fn carry_out(&self) {
        match self.ending() {
            Some(Ending::Done | Ending::Hopeless(_)) => self.runner.kill(),
            Some(Ending::GivenBack(_)) => self.runner.go_on(),
            None => {}
        }
    }
}

/// The kernel's identifier of this boot; empty when it cannot be read.
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
            begun: Some(4),
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
