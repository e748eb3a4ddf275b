//! What is done before scripts run: their place on disk, and their record.

use std::fs::File;

use sha2::{Digest as _, Sha256};

use super::record::Record;
use super::{Actor, Error, order};
use crate::event::EventType;
use crate::journal::NewResult;
use crate::private::{self, Taken};
use crate::script::{Declared, Script, Workspace};

/// Makes the directories of a workspace, for its owner alone, and keeps other runs out of it for as long as the file is held: two of them would
/// empty each other's scripts.
pub(super) fn storage(workspace: &Workspace) -> Result<File, Error> {
    let root = workspace.root();
    private::make(root).map_err(of_directory)?;
    let lock = private::exclusive(&root.join(".lock")).map_err(|taken| match taken {
        Taken::By(pid) => Error::StorageInUse { path: root.to_owned(), pid },
        Taken::Unusable(source) => Error::Storage { path: root.to_owned(), source },
    })?;
    private::make(&workspace.out()).map_err(of_directory)?;
    Ok(lock)
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
