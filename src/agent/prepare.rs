//! What is done before scripts run: their place on disk, and their record.

use std::fs::File;
use std::path::Path;

use super::order::Permission;
use super::record::Record;
use super::{Actor, Error, order};
use crate::event::EventType;
use crate::journal::NewResult;
use crate::private::{self, Seen, Taken};
use crate::runner::Contents;
use crate::script::{Declared, Script, Workspace};

/// Held by the run that uses a storage directory; its mark ever after.
const LOCK: &str = ".lock";

/// Makes the directories of a workspace, for its owner alone, and keeps other runs out of it for as long as the file is held: two of them would
/// empty each other's scripts.
pub(super) fn storage(workspace: &Workspace) -> Result<File, Error> {
    let root = workspace.root();
    private::make(root).map_err(of_directory)?;
    let mark = root.join(LOCK);
    check_owner(workspace, &mark)?;
    let lock = private::exclusive(&mark).map_err(|taken| match taken {
        Taken::By(pid) => Error::StorageInUse { path: root.to_owned(), pid },
        Taken::Exposed(exposed) => Error::Exposed(exposed),
        Taken::Unusable(source) => Error::Storage { path: root.to_owned(), source },
    })?;
    private::make(&workspace.out()).map_err(of_directory)?;
    for directory in workspace.directories().iter().filter(|directory| directory.symlink_metadata().is_ok()) {
        private::check(directory).map_err(of_directory)?;
    }
    for file in [workspace.netplan(), workspace.resources()] {
        match private::check_file(&file) {
            Err(exposed @ private::Error::Exposed { .. }) => return Err(Error::Exposed(exposed)),
            // What else a script put there is its own affair.
            Err(private::Error::Unusable { .. }) | Ok(_) => {}
        }
    }
    Ok(lock)
}

/// Checks that nobody else has made any of the scripts that are on the disk already: they may be run as they are.
pub(super) fn check_scripts(workspace: &Workspace) -> Result<(), Error> {
    if workspace.scripts().exists() { private::check_tree(&workspace.scripts()).map_err(of_directory) } else { Ok(()) }
}

/// A run deletes without a question what an earlier one left. In a directory that has no mark of a run, that would be somebody else's.
fn check_owner(workspace: &Workspace, mark: &Path) -> Result<(), Error> {
    // An earlier run's, or one of the region's own program.
    if is_mark(mark) || workspace.index().is_file() {
        return Ok(());
    }
    let is_in_use = |path: &Path| path.symlink_metadata().is_ok_and(|found| !found.is_dir() || !is_empty(path));
    match [workspace.scripts(), workspace.incoming(), workspace.netplan()].into_iter().find(|path| is_in_use(path)) {
        Some(path) => Err(Error::Foreign { path }),
        None => Ok(()),
    }
}

/// True if it is the lock of a run, which holds a number.
fn is_mark(path: &Path) -> bool {
    let is_number = |bytes: Vec<u8>| bytes.len() < 20 && bytes.iter().all(u8::is_ascii_digit);
    path.symlink_metadata().is_ok_and(|found| found.is_file() && found.len() < 20)
        && std::fs::read(path).is_ok_and(is_number)
}

fn is_empty(directory: &Path) -> bool {
    std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

fn of_directory(error: private::Error) -> Error {
    match error {
        private::Error::Unusable { path, source } => Error::Storage { path, source },
        exposed @ private::Error::Exposed { .. } => Error::Exposed(exposed),
    }
}

/// The record of scripts that are about to run.
pub(super) struct Expected {
    /// The content of each of them.
    pub(super) contents: Contents,
    /// Those that must not be run, with the reason.
    pub(super) refused: Vec<(Script, &'static str)>,
}

/// Writes down which scripts are about to run, with what content; a content that changed since it last ran here, and a
/// script that destroys data, are for the audit. What decides is what the script holds here, since nothing else is run.
pub(super) async fn expect(
    scripts: &[Script],
    workspace: &Workspace,
    hostname: &str,
    record: &Record,
    permission: Permission,
) -> Expected {
    let (mut results, mut refused, mut contents) = (Vec::new(), Vec::new(), Contents::default());
    for script in scripts {
        let program = workspace.executable(script);
        let (seen, content) = Seen::read(&program).ok().unzip();
        let declared = Declared::of(content.as_deref());
        let sha256 = seen.map(|seen| {
            contents.record(&program, seen.sum());
            seen.sum().to_string()
        });
        audit_content(script, sha256.as_deref(), record).await;
        // What cannot be read is not run, and what is not run has not started.
        if sha256.is_some() && order::destroys(script, &declared) {
            let started = permission != Permission::None && audit_start(script, &declared, hostname, record).await;
            refused.extend(permission.refusal(started).map(|why| (script.clone(), why)));
        }
        let (script, may_reboot) = (script.clone(), declared.may_reboot());
        let outputs = workspace.outputs(&script);
        results.push(NewResult { script, sha256, may_reboot, outputs });
    }
    if let Some(run_id) = record.run_id {
        record.journal.keep("the scripts of a set", move |store| store.expect_results(run_id, &results)).await;
    }
    Expected { contents, refused }
}

fn region() -> Actor {
    Actor { username: "region".to_owned(), ..Actor::default() }
}

async fn audit_content(script: &Script, sha256: Option<&str>, record: &Record) {
    let (name, kind) = (script.name.clone(), script.kind);
    let before = record.journal.with("an earlier content", move |store| store.last_sha256(&name, kind)).await;
    if let (Some(Some(before)), Some(now)) = (before, sha256)
        && before != now
    {
        let set = kind.in_messages();
        let text = format!("Script '{script}' ({set}) changed since it last ran here: SHA-256 {before} became {now}.");
        record.audit(EventType::SETTINGS, text, &region()).await;
    }
}

/// True if it is on disk that a script which destroys data is about to run.
async fn audit_start(script: &Script, declared: &Declared, hostname: &str, record: &Record) -> bool {
    let what = if declared.may_destroy() { "destructive " } else { "" };
    let text = format!("Started {what}{} script '{script}' on '{hostname}'.", script.kind.folder());
    record.audit_first(EventType::NODE, text, &region()).await
}
