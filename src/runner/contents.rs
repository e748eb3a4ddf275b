//! The content of scripts as it is on record, and that no other is run.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::private::{Seen, Sum};
use crate::script::Script;

/// Hashes of the scripts of a set when they were put on record; nothing of those that could not be read then.
#[derive(Clone, Debug, Default)]
pub struct Contents(BTreeMap<PathBuf, Sum>);

impl Contents {
    /// Adds the executable of a script.
    pub fn record(&mut self, program: &Path, sum: Sum) {
        self.0.insert(program.to_owned(), sum);
    }

    /// Reads a script that is about to run; else an exit status, and a text for its output.
    pub(super) fn check(&self, script: &Script, program: &Path) -> Result<Seen, (i32, String)> {
        let shown = program.display();
        let seen = Seen::look(program).map_err(|error: io::Error| {
            (error.raw_os_error().unwrap_or(2), format!("{script} could not be started: cannot run {shown}: {error}\n"))
        })?;
        let why = match self.0.get(program) {
            Some(recorded) if *recorded == seen.sum() => return Ok(seen),
            Some(recorded) => format!("its SHA-256 is {}, and {recorded} is on record", seen.sum()),
            None => "it could not be read when it was put on record".to_owned(),
        };
        Err((2, format!("{script} was not run: {shown} is not the script that the run began with: {why}\n")))
    }
}
