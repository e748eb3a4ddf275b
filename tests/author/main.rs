//! What authors of scripts have: `shakedown try` does what a region and `shakedown run` do, and `shakedown new test` writes what
//! passes both `lint` and `try`.

#[path = "../support/mod.rs"]
mod support;

mod new;
mod refusals;
mod same;
mod shown;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use support::program::{Finished, Program};

/// A script in a folder, tried with everything kept beside it.
pub(crate) struct Trial {
    home: TempDir,
}

impl Trial {
    pub(crate) fn of(script: &str) -> Trial {
        let home = tempfile::tempdir().expect("a temporary directory");
        fs::write(home.path().join("look"), script).expect("room for a script");
        Trial { home }
    }

    pub(crate) fn script(&self) -> PathBuf {
        self.home.path().join("look")
    }

    pub(crate) fn kept(&self) -> PathBuf {
        self.home.path().join("kept")
    }

    pub(crate) fn path(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn program(&self, words: &[&str]) -> Program {
        Program::new("try").arg(self.script()).args(words)
    }

    /// The exit code and the document.
    pub(crate) async fn json(&self, words: &[&str]) -> (Option<i32>, Value) {
        let run = self.program(words).args(["--format", "json", "--keep"]).arg(self.kept()).finish().await;
        let document = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        (run.code, document)
    }

    pub(crate) async fn text(&self, words: &[&str]) -> Finished {
        self.program(words).finish().await
    }
}
