//! Whether what a region answered may be run. Scripts that destroy data: who must have ordered them, and what must be on record before the
//! first byte is gone.
//!
//! Release scripts and those whose header says `destructive` run when the region has just handed them out to a machine that
//! reports back to it, and when the journal holds the audit event that they are about to. Anything else needs the word of the
//! person who starts the run ([`super::Options::allow_destructive`]).

use std::collections::BTreeSet;

use super::outbox::{MessageKind, Outbox};
use super::{Error, Options};
use crate::script::{Declared, Index, Script, ScriptType, Workspace};

/// What stands in the output of a script that was not run for want of a record.
const NOT_ON_RECORD: &str = "This script destroys data, and it cannot be put on record that it is about to: this machine has no \
                                        journal, or the journal failed. It was not run. Give the agent a state directory that can be \
                                        written (--state-dir), or --allow-destructive to run it without a record.\n";

/// Output of a script that became one that destroys data after the run had begun.
const NOT_ORDERED: &str = "This script destroys data by what it holds now, and nobody ordered that. It was not run.\n";

/// Who wants data to be destroyed by the scripts of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    /// Nobody.
    None,
    /// The region, in this very run, of which it hears: when it is on record that it is about to happen.
    Ordered,
    /// The person who starts the run.
    Given,
}

impl Permission {
    /// Of a machine that its region knows, or not. What anybody is handed out who has no credentials is no order.
    pub(super) fn of(options: &Options, is_known: bool) -> Permission {
        if options.allow_destructive {
            Permission::Given
        } else if options.download && options.send && is_known {
            Permission::Ordered
        } else {
            Permission::None
        }
    }

    /// Why a script that destroys data is not run.
    pub(super) fn refusal(self, is_on_record: bool) -> Option<&'static str> {
        match self {
            Permission::None => Some(NOT_ORDERED),
            Permission::Ordered if !is_on_record => Some(NOT_ON_RECORD),
            Permission::Ordered | Permission::Given => None,
        }
    }
}

/// True if a script destroys data, as far as the region or its author say so; what cannot be read may.
pub(super) fn destroys(script: &Script, declared: &Declared) -> bool {
    declared.may_destroy() || script.kind == ScriptType::Release
}

/// The same for a script of which only the file is at hand.
pub(super) fn destroys_by_file(script: &Script, workspace: &Workspace) -> bool {
    destroys(script, &Declared::of(std::fs::read(workspace.executable(script)).ok().as_deref()))
}

/// Refuses a run of scripts that destroy data and that nobody ordered.
pub(super) fn check(index: &Index, workspace: &Workspace, options: &Options, is_known: bool) -> Result<(), Error> {
    if Permission::of(options, is_known) != Permission::None {
        return Ok(());
    }
    let scripts: Vec<&str> = index
        .scripts
        .iter()
        .filter(|script| destroys_by_file(script, workspace))
        .map(|script| script.name.as_str())
        .collect();
    if scripts.is_empty() { Ok(()) } else { Err(Error::NotOrdered(scripts.join(", "))) }
}

/// Whether an answer is for this machine, in a state that may be run.
pub(super) fn check_answer(index: &Index) -> Result<(), Error> {
    if index.scripts.iter().any(|script| script.has_finished) {
        return Err(Error::Deployed);
    }
    if index.scripts.iter().any(|script| script.result_id.is_none()) {
        return Err(Error::Stranger);
    }
    Ok(())
}

/// Refuses to begin a second time what was begun in this run.
pub(super) fn check_repeats(index: &Index, begun: &BTreeSet<i64>) -> Result<(), Error> {
    match index.scripts.iter().find(|script| script.result_id.is_some_and(|id| begun.contains(&id))) {
        Some(script) => Err(Error::Repeated(script.label())),
        None => Ok(()),
    }
}

/// Checks that the region has taken all that was said in this run: it would not hear how the script ends otherwise.
///
/// # Errors
/// A text for the script's output.
pub(super) fn check_heard(outbox: &Outbox) -> Result<(), String> {
    let refused = outbox.refused().into_iter().find(|refused| refused.kind != MessageKind::Event);
    let why = match refused {
        Some(refused) => format!("the region did not take the {}: {}", refused.label, refused.reason),
        None if outbox.undelivered() > 0 => "the region has not heard of all that came before it".to_owned(),
        None => return Ok(()),
    };
    Err(format!("This script destroys data, and {why}. It was not run. --allow-destructive runs it all the same.\n"))
}
