//! What a running kernel answers besides files, and the notes of it that make a copied machine answer the same.
//!
//! While a snapshot is taken, a [`Recorder`] writes down what is looked at and what is answered. The snapshot keeps the answers as
//! [`Notes`]; a [`Host`] that has them gives them instead of asking a kernel that is another machine's.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::libc;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Host;

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// This.
    Value(Value),
    /// The system's error, by its number (`errno`).
    Error(i32),
}

/// What a copied machine knows beside its files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Notes {
    /// What the kernel answered by question, for example `link_detected eth0`; `None` where there was no kernel to ask, but a plain
    /// copy.
    pub answers: Option<BTreeMap<String, Answer>>,
    /// Files that were there and could not be read, with the number of the system's error.
    pub errors: BTreeMap<PathBuf, i32>,
}

/// Something below the root, as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was asked whether it is there, or where it leads.
    Place,
    /// A file with this content.
    File(Vec<u8>),
    /// A directory with these names.
    Directory(Vec<String>),
    /// It could not be read, with the number of the system's error.
    Error(i32),
}

/// What was looked at and answered while a machine was read.
#[derive(Debug, Default)]
pub struct Recorder {
    seen: Mutex<BTreeMap<PathBuf, Seen>>,
    answers: Mutex<BTreeMap<String, Answer>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A reader that panicked while it held the lock has left whole entries.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    /// All that was looked at, by absolute path as it was asked for.
    #[must_use]
    pub fn seen(&self) -> BTreeMap<PathBuf, Seen> {
        lock(&self.seen).clone()
    }

    /// All that was answered.
    #[must_use]
    pub fn answers(&self) -> BTreeMap<String, Answer> {
        lock(&self.answers).clone()
    }

    fn note(&self, path: &Path, seen: Seen) {
        let mut all = lock(&self.seen);
        match all.get(path) {
            // What was read tells more than that it is there.
            Some(known) if *known != Seen::Place => {}
            _ => drop(all.insert(path.to_owned(), seen)),
        }
    }
}

impl Host {
    /// The same machine, with everything that is read of it from now on written down.
    #[must_use]
    pub fn recorded(&self) -> (Host, Arc<Recorder>) {
        let recorder = Arc::new(Recorder::default());
        (Host { recorder: Some(Arc::clone(&recorder)), ..self.clone() }, recorder)
    }

    /// The same copied machine, with what its kernel once answered.
    #[must_use]
    pub fn with_notes(&self, notes: Notes) -> Host {
        Host { notes: Some(Arc::new(notes)), ..self.clone() }
    }

    /// Whether a kernel answers for it: its own, or the notes of a snapshot. A plain copy has none.
    #[must_use]
    pub fn has_kernel(&self) -> bool {
        self.is_live() || self.answers().is_some()
    }

    /// Asks this machine's kernel, or the notes of a copied one; `question` names what is asked, and of whom.
    ///
    /// # Errors
    /// The kernel's; `ENODEV` in a copied tree whose notes do not have the question.
    pub fn ask<T: Serialize + DeserializeOwned>(
        &self,
        question: &str,
        kernel: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let absent = || io::Error::from_raw_os_error(libc::ENODEV);
        let answer = if self.is_live() {
            kernel()
        } else {
            match self.answers().and_then(|answers| answers.get(question)).ok_or_else(absent)? {
                Answer::Value(value) => serde_json::from_value(value.clone()).map_err(io::Error::other),
                Answer::Error(number) => Err(io::Error::from_raw_os_error(*number)),
            }
        };
        if let Some(recorder) = &self.recorder {
            let noted = match &answer {
                Ok(value) => serde_json::to_value(value).map(Answer::Value).ok(),
                Err(error) => Some(Answer::Error(error.raw_os_error().unwrap_or(libc::EIO))),
            };
            lock(&recorder.answers).extend(noted.map(|noted| (question.to_owned(), noted)));
        }
        answer
    }

    fn answers(&self) -> Option<&BTreeMap<String, Answer>> {
        self.notes.as_ref()?.answers.as_ref()
    }

    /// The error that a file gave when the snapshot was taken.
    pub(super) fn noted_error(&self, path: &Path) -> io::Result<()> {
        let error = self.notes.as_ref().and_then(|notes| notes.errors.get(path));
        error.map_or(Ok(()), |number| Err(io::Error::from_raw_os_error(*number)))
    }

    /// Whether it is written down what is read.
    pub(super) fn is_recorded(&self) -> bool {
        self.recorder.is_some()
    }

    /// Writes down that a place was looked at.
    pub(super) fn note_place(&self, path: &Path) {
        if let Some(recorder) = &self.recorder {
            recorder.note(path, Seen::Place);
        }
    }

    /// Writes down what a file or a directory held, or why it could not be read.
    pub(super) fn note_read<T: Clone>(&self, path: &Path, read: &io::Result<T>, seen: fn(T) -> Seen) {
        let Some(recorder) = &self.recorder else { return };
        match read {
            Ok(content) => recorder.note(path, seen(content.clone())),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => recorder.note(path, error.raw_os_error().map_or(Seen::Place, Seen::Error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copied_machine_answers_what_the_kernel_answered_while_it_was_recorded() {
        let (live, recorder) = Host::live().recorded();
        let asked = |host: &Host, question: &str| host.ask(question, || Ok(7)).ok();
        assert_eq!(asked(&live, "seven"), Some(7));
        let refused: io::Result<u32> = live.ask("refused", || Err(io::Error::from_raw_os_error(libc::EINVAL)));
        assert!(refused.is_err());
        let plain = Host::at("/nowhere");
        assert_eq!(asked(&plain, "seven"), None, "a plain copy has no kernel");
        assert!(!plain.has_kernel());
        let copied = plain.with_notes(Notes { answers: Some(recorder.answers()), ..Notes::default() });
        assert!(copied.has_kernel());
        assert_eq!(copied.ask("seven", || Ok(8)).ok(), Some(7), "this machine's kernel is not asked");
        assert_eq!(asked(&copied, "eight"), None);
        let refused: io::Result<u32> = copied.ask("refused", || Ok(1));
        assert_eq!(refused.err().and_then(|error| error.raw_os_error()), Some(libc::EINVAL));
    }

    #[test]
    fn what_is_read_is_written_down_once_and_absence_is_not() {
        let root = tempfile::tempdir().expect("temporary directory");
        std::fs::write(root.path().join("file"), "text").expect("write");
        let (host, recorder) = Host::at(root.path()).recorded();
        assert!(host.has("/file") && host.read("/file").is_ok() && host.has("/file"));
        assert!(host.read("/absent").is_err() && host.read("/").is_err());
        assert_eq!(host.names("/").ok(), Some(vec!["file".to_owned()]));
        let seen = recorder.seen();
        assert_eq!(seen.get(Path::new("/file")), Some(&Seen::File(b"text".to_vec())));
        assert_eq!(seen.get(Path::new("/")), Some(&Seen::Directory(vec!["file".to_owned()])));
        assert!(!seen.contains_key(Path::new("/absent")));
    }
}
