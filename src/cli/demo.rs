//! `shakedown demo`: a region in a box and a run against it, on this machine's real hardware.

use std::path::PathBuf;

use anyhow::Context as _;

use super::run::{exit_code, watched};
use super::settings::{Given, Settings};
use super::{help, sandbox, show, state};
use crate::config::metadata_url;
use crate::host::Host;
use crate::private::word;
use crate::region::{Client, ClientOptions, Credentials, Secret};
use crate::sandbox::{Library, Options, Sandbox};
use crate::telemetry::LogFormat;
use crate::yaml::{self, Node};

#[derive(Debug, clap::Args)]
#[command(after_help = help::DEMO)]
pub(super) struct Arguments {
    /// Folder of scripts with MAAS 1.0 headers; may be given more than once
    #[arg(long, value_name = "DIR", default_values_os_t = default_scripts())]
    scripts: Vec<PathBuf>,
    /// Where scripts and their outputs are kept; a temporary directory by default
    #[arg(value_name = "STORAGE_DIR")]
    storage: Option<PathBuf>,
}

/// The resource scripts beside the program, as installed, or in the source tree.
fn default_scripts() -> Vec<PathBuf> {
    let installed = PathBuf::from("/usr/share/shakedown/scripts");
    let root = if installed.is_dir() { installed } else { PathBuf::from("scripts") };
    vec![root.join("commissioning"), root.join("testing")]
}

pub(super) async fn run(arguments: Arguments, format: LogFormat) -> anyhow::Result<u8> {
    let host = Host::live();
    let mut options = Options::new(Library::read(&arguments.scripts)?);
    (options.disks, options.interfaces) = sandbox::devices(&host);
    let region = Sandbox::start(options).await?;
    let temporary = tempfile::Builder::new().prefix("shakedown-demo-").tempdir()?;
    let storage = match arguments.storage {
        Some(storage) => storage,
        None => temporary.keep(),
    };
    let machine = host.hostname();
    if format == LogFormat::Text {
        say!("A MAAS region in a box listens on {}", region.url());
        say!("It has node {} in commissioning; this machine ({machine}) plays it.\n", region.system_id());
    }
    let mut connection = ClientOptions::new(metadata_url(&region.url())?, Some(credentials(&region)?));
    connection.system_id = Some(region.system_id());
    connection.direct = true;
    let client = Client::new(connection)?;
    let run = Settings::read(Given::default())?.run(&storage, client.base_url(), &storage.join("state"));
    let journal = state::Options { state_dir: storage.join("state") };
    let store = journal.open_for_run(&machine, &client.identity())?;
    let outcome = Box::pin(watched(client, host, run, store, format)).await?;
    show::summary(&outcome, format);
    if format == LogFormat::Text {
        say!("\nThe region's event log:");
        for row in region.events() {
            let time = row.created.strftime("%H:%M:%S");
            say!("  {time} {:8} {}: {}", row.level.name(), row.type_description, row.description);
        }
        say!("\nThe node is now {}. Outputs are in {}/out.", region.node_status().name(), storage.display());
        say!("Ask the machine itself: shakedown events --state-dir {} query level=DEBUG", word(&storage.join("state")));
    }
    Ok(exit_code(&outcome))
}

/// The node's credentials, the way a node gets them: from its cloud-init configuration.
pub(super) fn credentials(region: &Sandbox) -> anyhow::Result<Credentials> {
    let config = yaml::parse(region.node_config().as_bytes())?;
    let maas = config.get("datasource").and_then(|datasource| datasource.get("MAAS"));
    let field = |key: &str| maas?.get(key).and_then(Node::to_text);
    Ok(Credentials {
        consumer_key: field("consumer_key").context("the sandbox gives no consumer key")?,
        consumer_secret: Secret::default(),
        token_key: Secret::new(field("token_key").context("the sandbox gives no token key")?),
        token_secret: Secret::new(field("token_secret").context("the sandbox gives no token secret")?),
        source: "the region in a box".to_owned(),
    })
}
