//! `shakedown signal`: one message to the region, as `maas-signal` sends it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use super::connection::Options;
use super::{exit, help};
use crate::agent;
use crate::config::Origin;
use crate::host::Host;
use crate::region::{Content, FilePart, ScriptReference, Secret, Signal, SignalStatus, persist};

#[derive(Debug, clap::Args)]
#[command(after_help = help::SIGNAL)]
pub(super) struct Arguments {
    /// OK, FAILED, WORKING, COMMISSIONING, TESTING, TIMEDOUT, INSTALLING, `APPLYING_NETCONF`, RELEASING or DEPLOYING
    #[arg(value_name = "STATUS", value_parser = status)]
    status: SignalStatus,
    /// Text for the operator
    #[arg(value_name = "ERROR")]
    error: Option<String>,
    /// The script result that it is about
    #[arg(long, value_name = "ID")]
    script_result_id: Option<i64>,
    /// The version of that script
    #[arg(long, value_name = "ID")]
    script_version_id: Option<i64>,
    /// The name of that script, for a machine that is not yet known
    #[arg(long, value_name = "NAME")]
    script_name: Option<String>,
    /// How that script ended
    #[arg(long, value_name = "STATUS")]
    exit_status: Option<i32>,
    /// How long that script ran, in seconds
    #[arg(long, value_name = "SECONDS")]
    runtime: Option<f64>,
    /// A file of the result; its name says which: NAME, NAME.out, NAME.err, NAME.yaml. May be given more than once
    #[arg(long = "file", value_name = "PATH")]
    files: Vec<PathBuf>,
    /// Type of the BMC
    #[arg(long, value_name = "TYPE")]
    power_type: Option<String>,
    /// Parameters of the BMC, as JSON
    #[arg(long, value_name = "JSON")]
    power_parameters: Option<String>,
    /// Send OK, FAILED, TESTING or COMMISSIONING also where the region has this machine as deployed: OK takes it out of use at once
    #[arg(long)]
    really: bool,
    /// Give up after so many seconds; 0 tries for ever
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    give_up_after: u64,
    // The last one, since its heading counts for all that follows.
    #[command(flatten)]
    region: Options,
}

fn status(word: &str) -> Result<SignalStatus, String> {
    SignalStatus::from_word(word).ok_or_else(|| {
        let words: Vec<&str> = SignalStatus::ALL.into_iter().map(SignalStatus::word).collect();
        format!("it is none of {}", words.join(", "))
    })
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    use SignalStatus::{Commissioning, Failed, Ok as AllWell, Testing};
    let connected = arguments.region.connect(&Host::live()).await?;
    let ends_state = matches!(arguments.status, AllWell | Failed | Testing | Commissioning) && !arguments.really;
    anyhow::ensure!(
        !(ends_state && connected.origin == Origin::HardwareSync),
        "{} from a deployed machine would take it out of use, and these are a deployed machine's credentials (MAAS's \
         hardware-sync file): not sent. --really sends it all the same",
        arguments.status.word()
    );
    for path in &arguments.files {
        anyhow::ensure!(path.is_file(), "there is no file {}", path.display());
    }
    let names_script = arguments.script_result_id.is_some() || arguments.script_name.is_some();
    let part = |path: &PathBuf| FilePart {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        path: path.clone(),
        size: None,
        content: Content::Output,
    };
    let signal = Signal {
        script: names_script.then(|| ScriptReference {
            name: arguments.script_name.clone().unwrap_or_default(),
            result_id: arguments.script_result_id,
            version_id: arguments.script_version_id,
        }),
        exit_status: arguments.exit_status,
        runtime: arguments.runtime,
        power_type: arguments.power_type.clone(),
        power_parameters: arguments.power_parameters.clone().map(Secret::new),
        files: arguments.files.iter().map(part).collect(),
        ..Signal::node(arguments.status, arguments.error.clone().unwrap_or_default())
    };
    let client = Arc::new(connected.client);
    let cancel = CancellationToken::new();
    if arguments.give_up_after > 0 {
        let cancel = cancel.clone();
        let limit = Duration::from_secs(arguments.give_up_after);
        tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            cancel.cancel();
        });
    }
    if ends_state && client.is_authenticated() {
        let deployed = agent::is_deployed(&client, &connected.retry, &cancel).await;
        anyhow::ensure!(
            !deployed.context("the region does not say whether this machine is deployed, so nothing was sent; --really sends it unasked")?,
            "{} from a deployed machine would take it out of use, and the region has this machine as deployed: not sent. --really sends it \
             all the same",
            arguments.status.word()
        );
    }
    persist(&connected.retry, &cancel, &signal.label(), || client.signal(&signal)).await?;
    Ok(exit::OK)
}
