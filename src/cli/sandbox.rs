//! `shakedown sandbox`: a region in a box.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::{answer, exit, help};
use crate::host::Host;
use crate::inventory::{collect_disks, open};
use crate::sandbox::{Acquaintance, Device, Fault, Library, NodeStatus, Options, Sandbox};
use crate::script::RegionVersion;

#[derive(Debug, clap::Args)]
#[command(after_help = help::SANDBOX)]
pub(super) struct Arguments {
    /// Folder of scripts with MAAS 1.0 headers; may be given more than once
    #[arg(long, value_name = "DIR", required = true)]
    scripts: Vec<PathBuf>,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The node's status at the start
    #[arg(long, value_name = "STATUS", default_value = "commissioning", value_parser = node_status())]
    node_status: NodeStatus,
    /// Do not know the machine: `shakedown run --config`, with the file that is named, enlists it; it gets the scripts named
    /// `maas-…`, then those that --commissioning-scripts and --testing-scripts name
    #[arg(long, conflicts_with_all = ["registered", "node_status"])]
    enlisting: bool,
    /// Have the machine registered, although it comes without credentials
    #[arg(long, conflicts_with = "node_status")]
    registered: bool,
    /// Names or tags of the commissioning scripts to run; all but those tagged noauto by default
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    commissioning_scripts: Option<Vec<String>>,
    /// The same for testing scripts
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    testing_scripts: Option<Vec<String>>,
    /// The same for release scripts
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    release_scripts: Option<Vec<String>>,
    /// The region's version, 3.2 to 3.8: older ones have no release scripts (before 3.5) or deployment scripts (before 3.8), release a
    /// machine at an OK while its disks are erased (before 3.4.6), and answer a second result without a text (before 3.4)
    #[arg(long, value_name = "VERSION", default_value_t)]
    region_version: RegionVersion,
    /// What the node was before it was tested, for example deployed: that is what it becomes again
    #[arg(long, value_name = "STATUS", value_parser = node_status())]
    previous_status: Option<NodeStatus>,
    /// The most bytes of a request that the proxy before the region lets through; more is a 413
    #[arg(long, value_name = "BYTES")]
    largest_body: Option<usize>,
    /// Let the region know this machine's disks and interfaces, so that scripts get one result for each
    #[arg(long, conflicts_with = "root")]
    this_machine: bool,
    /// The network configuration that was set up for the deployed machine (netplan YAML): it is handed out with scripts that want it
    /// (`apply_configured_networking`)
    #[arg(long, value_name = "FILE")]
    netplan: Option<PathBuf>,
    /// The same with those of another machine: a snapshot of it, or a directory that holds its /sys and /run/udev
    #[arg(long, value_name = "PATH")]
    root: Option<PathBuf>,
    /// Let the region's clock be ahead by so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0, allow_negative_numbers = true)]
    clock_offset: i64,
    /// A fault that strikes once or TIMES times: METHOD:ACTION[:TIMES], METHOD being any, get, post, or power
    /// for a request with the parameters of a BMC, ACTION a status code,
    /// drop-before, drop-after, half, limit=BYTES (a 413 to what is larger) or delay=SECONDS. May be given more than once
    #[arg(long = "fault", value_name = "FAULT", value_parser = Fault::parse)]
    faults: Vec<Fault>,
    /// File that gets one JSON line for each request
    #[arg(long, value_name = "FILE")]
    request_log: Option<PathBuf>,
}

/// A status by its word; help and completions know all words.
fn node_status() -> impl TypedValueParser<Value = NodeStatus> {
    let words = NodeStatus::ALL.iter().map(|status| status.word());
    PossibleValuesParser::new(words).try_map(|word| NodeStatus::from_word(&word).ok_or("it is no status"))
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    let mut options = Options::new(Library::read(&arguments.scripts)?);
    options.listen = arguments.listen;
    options.status = arguments.node_status;
    options.acquaintance = match (arguments.enlisting, arguments.registered) {
        (true, _) => Acquaintance::Stranger,
        (_, true) => Acquaintance::Registered,
        _ => Acquaintance::Node,
    };
    options.commissioning = arguments.commissioning_scripts;
    options.testing = arguments.testing_scripts;
    options.release = arguments.release_scripts;
    options.version = arguments.region_version;
    options.previous = arguments.previous_status;
    options.largest_body = arguments.largest_body.unwrap_or(options.largest_body);
    if let Some(path) = &arguments.netplan {
        options.netplan = Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?);
    }
    options.clock_offset = arguments.clock_offset;
    options.request_log = arguments.request_log;
    if arguments.this_machine {
        (options.disks, options.interfaces) = devices(&Host::live());
    } else if let Some(root) = &arguments.root {
        (options.disks, options.interfaces) = devices(&open(root).context("cannot read the copied machine")?.host);
    }
    let sandbox = Sandbox::start(options).await?;
    for fault in arguments.faults {
        sandbox.inject(fault);
    }
    let mut config = tempfile::Builder::new().prefix("shakedown-sandbox-").suffix(".yaml").tempfile()?;
    let text = if arguments.enlisting || arguments.registered {
        sandbox.stranger_config()
    } else if arguments.node_status == NodeStatus::Deployed {
        sandbox.deployed_config()
    } else {
        sandbox.node_config()
    };
    config.write_all(text.as_bytes()).context("cannot write the node's configuration")?;
    let ready = json!({"url": sandbox.url(), "system_id": sandbox.system_id(), "config": config.path(), "api_key": sandbox.api_key()});
    // Whoever reads the answer may end this in the next moment.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    answer(&ready.to_string())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(exit::OK)
}

/// This machine's disks and physical interfaces, as a region would know them after commissioning.
pub(super) fn devices(host: &Host) -> (Vec<Device>, Vec<Device>) {
    let device = |value: serde_json::Value| value.as_object().cloned().unwrap_or_default();
    let kept = collect_disks(host).into_iter().filter(|disk| disk.kind != "cdrom" && disk.size > 0);
    let disks = kept.zip(1..).map(|(disk, id)| {
        let by_id = disk.links.iter().find(|link| link.contains("/by-id/")).cloned();
        let id_path = by_id.unwrap_or_else(|| format!("/dev/{}", disk.name));
        device(json!({"id": id, "name": disk.name, "model": disk.model, "serial": disk.serial, "id_path": id_path}))
    });
    let physical = host.interfaces().into_iter().filter(|nic| nic.physical && !nic.mac_address.is_empty()).zip(1..);
    let interfaces = physical.map(|(nic, id)| {
        device(json!({"id": id, "name": nic.name, "mac_address": nic.mac_address, "vendor": null, "product": null}))
    });
    (disks.collect(), interfaces.collect())
}
