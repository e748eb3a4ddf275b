//! The files of `/etc/netplan`, aside and back.
//!
//! What is set aside stays in the directory, in one that netplan does not read: a move is then one system call, keeps owner, mode,
//! links and content by itself, and works wherever the directory is mounted. The record lies beside it, so that any later start finds
//! both, whatever state directory that one uses.
//!
//! Going in, the given file comes first and then the own ones leave; going back, the own ones come first and then the given one
//! leaves. At no instant is neither there.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Error;
use super::step::{Step, part};
use crate::host::Host;

/// What the given file is called there.
const GIVEN: &str = "shakedown-configured.yaml";
/// Added to the name of a file that is not the machine's own and was found where it had been.
const LEFT: &str = "shakedown-left";
/// How long a lock is waited for before its holder counts as at work.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Where netplan finds configuration, besides `/etc/netplan`.
const ELSEWHERE: [&str; 3] = ["/run/netplan", "/lib/netplan", "/usr/lib/netplan"];

/// What a later start has to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The script that it is for.
    pub(super) script: String,
    /// When it began.
    pub(super) since: String,
    /// Names of the machine's own files.
    pub(super) files: Vec<String>,
    /// Physical interfaces that were up.
    pub(super) up: Vec<String>,
    /// Virtual interfaces that there were.
    pub(super) links: Vec<String>,
}

/// The configuration directory of a machine.
#[derive(Clone, Debug)]
pub(super) struct Place {
    netplan: PathBuf,
    is_described_elsewhere: bool,
}

impl Place {
    pub(super) fn of(host: &Host) -> Place {
        let is_described_elsewhere = ELSEWHERE.iter().any(|folder| host.list(folder).iter().any(|name| is_read(name)));
        Place { netplan: host.path("/etc/netplan"), is_described_elsewhere }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.netplan
    }

    fn aside(&self) -> PathBuf {
        self.netplan.join(".shakedown")
    }

    fn originals(&self) -> PathBuf {
        self.aside().join("original")
    }

    fn record_file(&self) -> PathBuf {
        self.aside().join("record.json")
    }

    fn staged(&self) -> PathBuf {
        self.aside().join("given.yaml")
    }

    /// Where the given file goes.
    pub(super) fn given(&self) -> PathBuf {
        self.netplan.join(GIVEN)
    }

    /// Keeps other processes of this program away from the directory until the answer is dropped.
    ///
    /// # Errors
    /// [`Error::Busy`] when another is at work there, [`Error::File`] when there is no such directory.
    pub(super) fn lock(&self) -> Result<File, Error> {
        let failed = |source| Error::File { path: self.netplan.clone(), source };
        let directory = File::open(&self.netplan).map_err(failed)?;
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match directory.try_lock() {
                Ok(()) => return Ok(directory),
                // A process that was killed while it started a child leaves the lock with that child for an instant.
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return Err(Error::Busy),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
    }

    /// Whether something was begun here and not ended.
    pub(super) fn is_in_use(&self) -> bool {
        self.aside().symlink_metadata().is_ok()
    }

    /// What was noted before the first change; `None` when it came to no change, or cannot be read.
    pub(super) fn record(&self) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.record_file()).ok()?).ok()
    }

    /// The machine's own files, sorted.
    ///
    /// # Errors
    /// When they cannot be listed, one could not be told from the given file, or there is nothing that could be put back.
    pub(super) fn own_files(&self) -> Result<Vec<String>, Error> {
        let names = names(&self.netplan)?
            .into_iter()
            .map(|name| name.into_string().map_err(|name| Error::Name(self.netplan.join(name))));
        let names = names.collect::<Result<Vec<_>, _>>()?;
        if self.given().symlink_metadata().is_ok() {
            return Err(Error::InTheWay(self.given()));
        }
        if !self.is_described_elsewhere && !names.iter().any(|name| is_read(name)) {
            return Err(Error::NothingToPutBack(self.netplan.clone()));
        }
        Ok(names)
    }

    /// From the machine's own files to the given one.
    ///
    /// # Errors
    /// When the record cannot be written down.
    pub(super) fn plan_in(&self, record: &Record, given: &[u8]) -> Result<Vec<Step>, Error> {
        let text = serde_json::to_vec(record);
        let text = text.map_err(|error| Error::File { path: self.record_file(), source: error.into() })?;
        let mut steps = vec![
            Step::MakeDirectory(self.aside()),
            Step::MakeDirectory(self.originals()),
            Step::Write(self.record_file(), text),
            Step::Write(self.staged(), given.to_vec()),
            Step::Sync(self.aside()),
            Step::Sync(self.netplan.clone()),
            Step::Rename(self.staged(), self.given()),
            Step::Sync(self.netplan.clone()),
        ];
        let moves = record.files.iter().map(|name| Step::Rename(self.netplan.join(name), self.originals().join(name)));
        steps.extend(moves);
        steps.extend([Step::Sync(self.originals()), Step::Sync(self.netplan.clone())]);
        Ok(steps)
    }

    /// Back to the machine's own files, from wherever [`Place::plan_in`], or this, was cut off; and what was found that is not the
    /// machine's own, by its new name.
    ///
    /// # Errors
    /// When the files cannot be listed.
    pub(super) fn plan_back(&self) -> Result<(Vec<Step>, Vec<PathBuf>), Error> {
        let kept = match names(&self.originals()) {
            Err(Error::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        let record = self.record();
        let is_own =
            |name: &OsString| record.as_ref().is_none_or(|record| record.files.iter().any(|own| name == own.as_str()));
        let is_foreign = |name: &OsString| is_read(&name.to_string_lossy()) && *name != GIVEN && !is_own(name);
        let mut foreign: Vec<OsString> = names(&self.netplan)?.into_iter().filter(is_foreign).collect();
        // Whatever took the place of an own one, in whatever form.
        let is_there = |name: &&OsString| self.netplan.join(name).symlink_metadata().is_ok();
        foreign.extend(kept.iter().filter(is_there).cloned());
        foreign.sort_unstable();
        foreign.dedup();
        let (mut steps, mut left) = (Vec::new(), Vec::new());
        for name in foreign {
            let aside = self.free_name(&name);
            steps.push(Step::Rename(self.netplan.join(&name), aside.clone()));
            left.push(aside);
        }
        steps.extend(kept.iter().map(|name| Step::Rename(self.originals().join(name), self.netplan.join(name))));
        steps.extend([Step::Sync(self.netplan.clone()), Step::Remove(self.given()), Step::Sync(self.netplan.clone())]);
        Ok((steps, left))
    }

    /// Removes the record, once all is as it was. What might still be set aside is never removed.
    pub(super) fn plan_end(&self) -> Vec<Step> {
        let (record, staged) = (self.record_file(), self.staged());
        vec![
            Step::Remove(part(&staged)),
            Step::Remove(staged),
            Step::Remove(part(&record)),
            Step::RemoveDirectory(self.originals()),
            Step::Remove(record),
            Step::RemoveDirectory(self.aside()),
            Step::Sync(self.netplan.clone()),
        ]
    }

    fn free_name(&self, name: &OsStr) -> PathBuf {
        let path = self.netplan.join(name).with_added_extension(LEFT);
        let mut numbered = (2..).map(|number: u64| path.with_added_extension(number.to_string()));
        let is_free = |path: &PathBuf| path.symlink_metadata().is_err();
        if is_free(&path) { path.clone() } else { numbered.find(is_free).expect("numbers do not end") }
    }

    /// Whether it was cut off where nothing had been changed yet, or nothing had to be any more.
    pub(super) fn is_unchanged(&self) -> bool {
        let is_empty = names(&self.originals()).map_or(true, |names| names.is_empty());
        is_empty && self.record_file().symlink_metadata().is_err() && self.given().symlink_metadata().is_err()
    }
}

/// Whether netplan reads a file of that name.
fn is_read(name: &str) -> bool {
    name.ends_with(".yaml") && !name.starts_with('.')
}

/// What `*` stands for in a directory, sorted, but for directories: netplan does not look into them.
fn names(directory: &Path) -> Result<Vec<OsString>, Error> {
    let failed = |source| Error::File { path: directory.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if !entry.file_type().map_err(failed)?.is_dir() && !entry.file_name().as_bytes().starts_with(b".") {
            names.push(entry.file_name());
        }
    }
    names.sort_unstable();
    Ok(names)
}
