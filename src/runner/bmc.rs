//! What a serial commissioning script found of the machine's BMC (`BMC_CONFIG_PATH`): checked, handed over, and not left lying about.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Conclusion, Ending, Finished, Report, Runner, append, result};
use crate::script::{BmcConfig, Outputs, Script, Unpassed};

/// What became of the access to a BMC. The file is the hearer's to delete, unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// The region has it.
    Taken,
    /// The region will not take it, for a reason.
    Refused(String),
    /// Nobody needs it: the region was told before in this run, or is told nothing of the kind.
    Unneeded,
    /// There is nobody to tell; the file stays.
    Nobody,
}

/// The access to a BMC, as a script that ended left it in its file.
#[derive(Debug)]
pub struct FoundBmc {
    /// What is in the file.
    pub config: BmcConfig,
    /// How the script ended, if nothing is wrong with this.
    pub finished: Finished,
    /// Is told what became of it.
    pub told: oneshot::Sender<Told>,
}

impl Runner {
    /// Hands over what a script that ended left in its file. What cannot be used fails the script.
    pub(super) async fn tell_bmc(&self, script: &Arc<Script>, outputs: &Outputs, finished: Finished) -> Finished {
        let path = &outputs.bmc_config;
        let Ok(metadata) = path.symlink_metadata() else { return finished };
        // Scripts write it with the mode of any file.
        if metadata.is_file()
            && let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        {
            tracing::warn!(path = %path.display(), %error, "a file with a password cannot be made its owner's alone");
        }
        // One that was stopped may have been writing it.
        if !script.may_tell_bmc() || !matches!(finished.ending, Ending::Exited(_) | Ending::Killed(_)) {
            discard(path);
            return finished;
        }
        let why = match BmcConfig::read(path) {
            Ok(None) => return finished,
            Ok(Some(config)) => match self.answer(script, config, &finished).await {
                Some(Told::Refused(reason)) => format!("cannot be used: {reason}"),
                Some(Told::Unneeded) => {
                    discard(path);
                    return finished;
                }
                Some(Told::Taken | Told::Nobody) | None => return finished,
            },
            Err(error) => format!("is wrong: {error}"),
        };
        discard(path);
        fail(script, outputs, finished, &format!("the access to the BMC that it wrote to BMC_CONFIG_PATH {why}"))
    }

    /// What the hearer says; `None` when that takes too long: what comes of it then is told as an event.
    async fn answer(&self, script: &Arc<Script>, config: BmcConfig, finished: &Finished) -> Option<Told> {
        let (tell, told) = oneshot::channel();
        let found = FoundBmc { config, finished: finished.clone(), told: tell };
        self.report(Report::Bmc(Arc::clone(script), found)).await;
        tokio::select! {
            told = told => told.ok(),
            () = tokio::time::sleep(self.options.bmc_patience) => None,
            () = self.cancel.cancelled() => None,
        }
    }
}

/// Deletes a file with the access to a BMC, if it is there.
pub fn discard(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(path = %path.display(), %error, "a file with a password cannot be deleted");
        }
        _ => {}
    }
}

/// Whatever the script said of itself, it failed; its output says why.
fn fail(script: &Script, outputs: &Outputs, mut finished: Finished, text: &str) -> Finished {
    let claims = !matches!(finished.conclusion, Conclusion::Failed | Conclusion::Said(Unpassed::Failed));
    finished.disbelieve(text);
    for path in [&outputs.combined, &outputs.stderr] {
        if let Err(error) = append(path, &format!("\n[shakedown: {text}]\n")) {
            finished.notes.push(format!("its output could not be written: {error}"));
        }
    }
    if claims {
        result::overrule(script, outputs, &mut finished);
    }
    finished
}
