//! Software that a script needs before it runs: packages of apt, snaps, and files from anywhere.
//!
//! The instances of a script (one a disk) need the same: the first that gets there installs it, the others wait and share
//! its end, in a [`Ledger`] that lasts for the run. What is installed already costs a look; the installers wait for each
//! other, since they lock each other out anyway. Installers print into the files of the script that started them.

mod apt;
mod cache;
mod place;
mod snap;
mod step;
mod url;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::{Ending, Finished, Report, Runner, append};
use crate::download;
use crate::script::{Outputs, Script};
use crate::unpack;

/// Where packages come from.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A directory of packages that is looked into before anything is fetched.
    pub cache: Option<PathBuf>,
    /// Limits of downloads.
    pub download: download::Options,
    pub(super) ledger: Arc<Ledger>,
}

impl Options {
    /// For one run: what is installed once in it is remembered in this value and its clones.
    #[must_use]
    pub fn new(cache: Option<PathBuf>, download: download::Options) -> Self {
        Options { cache, download, ledger: Arc::default() }
    }
}

/// What was installed in a run.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    groups: Mutex<HashMap<String, Arc<OnceCell<Outcome>>>>,
    /// One installation at a time.
    turn: tokio::sync::Mutex<State>,
    store: Mutex<Option<PathBuf>>,
}

#[derive(Debug, Default)]
struct State {
    /// apt's lists were fetched, with or without success.
    updated: bool,
    /// What became of an address, by [`download::Source::key`]: a tree to be placed, or nothing where it was installed.
    urls: HashMap<String, Option<PathBuf>>,
    /// Snaps that this run installed or found.
    snaps: HashSet<String>,
}

/// How the installation for a group of scripts ended.
#[derive(Debug)]
struct Outcome {
    /// Whose files hold what was printed, and where in them.
    by: Outputs,
    label: String,
    printed: [(u64, u64); 3],
    result: Result<Vec<PathBuf>, Failure>,
}

/// Why something is not installed.
#[derive(Clone, Debug)]
struct Failure {
    /// Exit status for the region.
    exit: i32,
    /// One line for the operator: what, why, and what to do.
    text: String,
}

impl Failure {
    fn new(text: impl Into<String>) -> Self {
        Failure { exit: 1, text: text.into() }
    }

    /// The run was stopped.
    fn stopped() -> Self {
        Failure { exit: 143, text: "the installation was stopped with the run".to_owned() }
    }
}

/// One installation, with whom it is for.
struct Job<'a> {
    runner: &'a Runner,
    script: &'a Arc<Script>,
    outputs: &'a Outputs,
}

impl Ledger {
    fn group(&self, script: &Script) -> Arc<OnceCell<Outcome>> {
        let key = format!("{} {:?}", script.name, script.packages);
        Arc::clone(self.groups.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default())
    }

    /// Takes a directory for downloads. What an agent that was killed left in it is removed.
    pub(super) fn open(&self, store: &Path) {
        let mut opened = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.is_none() {
            if let Err(error) = unpack::remove(store) {
                tracing::warn!(path = %store.display(), %error, "downloads of an earlier run cannot be removed");
            }
            *opened = Some(store.to_owned());
        }
    }
}

impl Drop for Ledger {
    /// The run is over. What scripts were given is in their own directories.
    fn drop(&mut self) {
        if let Some(store) = self.store.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = unpack::remove(&store);
        }
    }
}

impl Runner {
    /// Installs what a script needs, or waits for who does.
    ///
    /// # Errors
    /// The script's end, when something cannot be installed.
    pub(super) async fn install(&self, script: &Arc<Script>, outputs: &Outputs) -> Result<(), Finished> {
        let packages = &script.packages;
        if packages.is_empty() {
            return Ok(());
        }
        let kinds = [("apt", packages.apt.len()), ("snap", packages.snap.len()), ("URL", packages.url.len())];
        let kinds: Vec<&str> = kinds.iter().filter(|(_, count)| *count > 0).map(|(kind, _)| *kind).collect();
        // Once: a second one would be no transition.
        let what = format!("Installing {} packages", kinds.join(" and "));
        self.report(Report::Installing(Arc::clone(script), what)).await;
        let group = self.options.packages.ledger.group(script);
        let job = Job { runner: self, script, outputs };
        let outcome = group.get_or_init(|| job.run()).await;
        if outcome.by.combined != outputs.combined {
            follow(outcome, outputs);
        }
        let placed = match &outcome.result {
            Ok(trees) => trees.iter().try_for_each(|tree| {
                place::link_tree(tree, &outputs.download)
                    .map_err(|error| Failure::new(format!("{} cannot be filled: {error}", outputs.download.display())))
            }),
            Err(failure) => Err(failure.clone()),
        };
        placed.map_err(|failure| {
            let text = format!("{script}: its packages are not installed: {}\n", failure.text);
            Finished { ending: Ending::NotInstalled(failure.exit), ..self.not_executed(script, failure.exit, &text) }
        })
    }
}

impl Job<'_> {
    async fn run(&self) -> Outcome {
        let before = sizes(self.outputs);
        let mut state = self.runner.options.packages.ledger.turn.lock().await;
        let result =
            if self.runner.cancel.is_cancelled() { Err(Failure::stopped()) } else { self.all(&mut state).await };
        let after = sizes(self.outputs);
        let printed = [0, 1, 2].map(|i| (before[i], after[i]));
        Outcome { by: self.outputs.clone(), label: self.script.label(), printed, result }
    }

    async fn all(&self, state: &mut State) -> Result<Vec<PathBuf>, Failure> {
        let packages = &self.script.packages;
        self.apt(state, &packages.apt).await?;
        for snap in &packages.snap {
            self.snap(state, snap).await?;
        }
        let mut trees = Vec::new();
        for url in &packages.url {
            trees.extend(self.url(state, url).await?);
        }
        Ok(trees)
    }

    /// Tells in the script's output what is done.
    fn say(&self, line: &str) {
        let _ = append(&self.outputs.combined, &format!("{line}\n"));
    }
}

fn files(outputs: &Outputs) -> [&PathBuf; 3] {
    [&outputs.combined, &outputs.stdout, &outputs.stderr]
}

fn sizes(outputs: &Outputs) -> [u64; 3] {
    files(outputs).map(|path| std::fs::metadata(path).map_or(0, |metadata| metadata.len()))
}

/// The output of a script for which another one installed: after a failure all that was printed, else one line.
fn follow(outcome: &Outcome, outputs: &Outputs) {
    if outcome.result.is_ok() {
        let _ = append(&outputs.combined, &format!("[its packages were installed for {}]\n", outcome.label));
        return;
    }
    for ((from, to), (start, end)) in files(&outcome.by).into_iter().zip(files(outputs)).zip(outcome.printed) {
        let copied = append(to, "").and_then(|()| {
            let mut source = File::open(from)?;
            source.seek(SeekFrom::Start(start))?;
            let mut target = File::options().append(true).open(to)?;
            std::io::copy(&mut source.take(end - start), &mut target)?;
            target.flush()
        });
        if let Err(error) = copied {
            tracing::warn!(path = %to.display(), %error, "the output of the installation cannot be copied");
        }
    }
}
