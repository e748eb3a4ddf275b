//! What is done before scripts run: their place on disk, and their record.

use std::fs::File;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::record::Record;
use super::{Actor, Error, order};
use crate::event::EventType;
use crate::journal::NewResult;
use crate::private::{self, Taken};
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

/// What is on the disk already may be run as it is: nobody else has made any of it.
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

/// Whether it is the lock of a run, which holds a number.
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

/// Writes down which scripts are about to run, with what content; a content that changed since it last ran here, and a
/// script that destroys data, are for the audit. Answers the scripts that destroy data without that being on record.
pub(super) async fn expect(scripts: &[Script], workspace: &Workspace, hostname: &str, record: &Record) -> Vec<Script> {
    let (mut results, mut unrecorded) = (Vec::new(), Vec::new());
    for script in scripts {
        let content = std::fs::read(workspace.executable(script)).ok();
        let declared = Declared::of(content.as_deref());
        let sha256 = content.map(|content| hexadecimal(&Sha256::digest(content)));
        if !audit_script(script, &declared, sha256.as_deref(), hostname, record).await {
            unrecorded.push(script.clone());
        }
        let (script, may_reboot) = (script.clone(), declared.may_reboot());
        let outputs = workspace.outputs(&script);
        results.push(NewResult { script, sha256, may_reboot, outputs });
    }
    if let Some(run_id) = record.run_id {
        record.journal.keep("the scripts of a set", move |store| store.expect_results(run_id, &results)).await;
    }
    unrecorded
}

/// Whether everything is on disk that must be before the script runs.
async fn audit_script(
    script: &Script,
    declared: &Declared,
    sha256: Option<&str>,
    hostname: &str,
    record: &Record,
) -> bool {
    let region = Actor { username: "region".to_owned(), ..Actor::default() };
    let (name, kind) = (script.name.clone(), script.kind);
    let before = record.journal.with("an earlier content", move |store| store.last_sha256(&name, kind)).await;
    if let (Some(Some(before)), Some(now)) = (before, sha256)
        && before != now
    {
        let set = kind.in_messages();
        let text = format!("Script '{script}' ({set}) changed since it last ran here: SHA-256 {before} became {now}.");
        record.audit(EventType::SETTINGS, text, &region).await;
    }
    if !order::destroys(script, declared) {
        return true;
    }
    let what = if declared.may_destroy() { "destructive " } else { "" };
    let text = format!("Started {what}{} script '{script}' on '{hostname}'.", kind.folder());
    record.audit_first(EventType::NODE, text, &region).await
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
