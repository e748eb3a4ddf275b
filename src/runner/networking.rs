//! A script that wants the networking of the deployed machine (contract REGION, "Custom networking").

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use super::{Ending, Finished, Interruption, Report, Runner};
use crate::netplan::{self, Failed};
use crate::script::{Outputs, Script};

impl Runner {
    /// Runs a script between applying the networking that it wants and putting the machine's own back, which happens however the script
    /// ends.
    pub(super) async fn run_with_networking(&self, script: &Arc<Script>, outputs: &Outputs) -> Finished {
        let (go, recorded) = oneshot::channel();
        self.report(Report::ApplyingNetconf(Arc::clone(script), go)).await;
        let _ = recorded.await;
        let Some(options) = &self.options.networking else {
            let text = format!(
                "{script} wants the networking of the deployed machine, and a machine that is deployed keeps its own: it was not run.\n"
            );
            return Finished { ending: Ending::NetworkingFailed(1), ..self.not_executed(script, 1, &text) };
        };
        let given = self.workspace.netplan();
        let name = script.to_string();
        let applied = match netplan::apply(&self.host, &given, &name, options, &self.cancel).await {
            Ok(applied) => applied,
            Err(failed) => return self.not_applied(script, *failed).await,
        };
        self.report(Report::Networking(format!("Applied custom network configuration for script '{script}'."))).await;
        let run = AssertUnwindSafe(self.run_prepared(script, outputs)).catch_unwind().await;
        let trouble = applied.put_back(&self.options.hurry).await;
        self.say_end(script, &trouble).await;
        match run {
            Ok(finished) => Finished { notes: finished.notes.into_iter().chain(trouble).collect(), ..finished },
            // It goes on to where the loss of a script's task is dealt with.
            Err(panic) => resume_unwind(panic),
        }
    }

    async fn not_applied(&self, script: &Arc<Script>, failed: Failed) -> Finished {
        let Failed { error, said, trouble } = failed;
        self.say_end(script, &trouble).await;
        let text = format!(
            "{script} was not run: the network configuration of the deployed machine could not be applied: {error}.\n{}\n\n{said}",
            state(&trouble)
        );
        let (ending, exit) = match error {
            netplan::Error::Stopped => (Ending::Interrupted(Interruption::Stop), 143),
            _ => (Ending::NetworkingFailed(1), 1),
        };
        let mut finished = Finished { ending, ..self.not_executed(script, exit, &text) };
        finished.notes.push(error.to_string());
        finished.notes.extend(trouble);
        finished
    }

    async fn say_end(&self, script: &Script, trouble: &[String]) {
        let text = format!("Custom network configuration for script '{script}' ended. {}", state(trouble));
        self.report(Report::Networking(text)).await;
    }
}

fn state(trouble: &[String]) -> String {
    match trouble {
        [] => "The machine's own networking is as it was.".to_owned(),
        _ => format!("Not all is as it was: {}.", trouble.join("; ")),
    }
}
