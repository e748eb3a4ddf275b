//! A deployed machine with its region: a tree for its hardware, a journal, the sandbox.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use shakedown::agent::sync::{Options, Outcome, Sync};
use shakedown::config::{Given, connection};
use shakedown::event::{EventQuery, EventRecord};
use shakedown::host::Host;
use shakedown::inventory::Inventory;
use shakedown::journal::{Journal, Store};
use shakedown::region::{Client, DeployedClient, RetryOptions};
use shakedown::sandbox::{NodeStatus, Sandbox};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::{region, script};
use crate::tree::Tree;

/// A day on which nothing else happens.
const FIRST_DAY: &str = "2026-11-01T10:00:00Z";

/// What a region asks of deployed machines, and what it does not ask although it hands it out.
pub(crate) async fn deployed_region() -> Sandbox {
    let asked = |body: &str| script("tags: deploy-info", body);
    let scripts = [
        ("commissioning/20-maas-03-machine-resources", asked("echo the script itself; exit 9")),
        ("commissioning/maas-support-info", asked("echo known; exit 7")),
        (
            "commissioning/50-maas-01-commissioning",
            asked("cat \"$MAAS_RESOURCES_FILE\" && test ! -e \"${MAAS_RESOURCES_FILE%/*}/fail\""),
        ),
        ("commissioning/maas-untagged", script("title: x", "echo not asked")),
        ("commissioning/custom", asked("echo not of the default set")),
    ];
    region(&scripts, |options| options.status = NodeStatus::Deployed).await
}

pub(crate) struct Deployed {
    pub(crate) region: Sandbox,
    home: TempDir,
    sync: Option<Sync>,
}

impl Deployed {
    /// With a machine that the region knows nothing of yet.
    pub(crate) async fn new(tree: &Tree) -> Deployed {
        let region = deployed_region().await;
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut machine = Deployed { region, home, sync: None };
        machine.restart(tree).await;
        machine
    }

    /// The agent ends and is started again.
    pub(crate) async fn restart(&mut self, tree: &Tree) {
        self.sync = None;
        let host = Host::at(tree.root());
        let config = self.home.path().join("creds.yml");
        std::fs::write(&config, self.region.deployed_config()).expect("a small file");
        let given = Given { config: Some(config.display().to_string()), deployed: true, ..Given::default() };
        let connection = connection(&given, &host).await.expect("a hardware-sync file");
        let client = DeployedClient::new(Client::new(connection.client).expect("HTTP can be set up"));
        let mut options = Options::new(self.home.path().join("storage"), client.base_url());
        options.retry =
            RetryOptions { first: Duration::from_millis(5), cap: Duration::from_millis(20), few: 2, ..options.retry };
        options.patience = Duration::from_secs(2);
        options.settle = Duration::ZERO;
        let store = Store::open(&self.state(), "host", &client.identity()).expect("a journal").store;
        let journal = Arc::new(Journal::start(Some(store)));
        let (notices, _) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        self.sync = Some(Sync { client: Arc::new(client), host, journal, options, notices, stop });
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.home.path().join("state")
    }

    /// The agent is no more, and its journal is free.
    pub(crate) fn end(&mut self) {
        self.sync = None;
    }

    /// Stops it; it can be started again.
    pub(crate) fn stop(&self) {
        self.sync.as_ref().expect("it was started").stop.cancel();
    }

    /// Changes how it synchronises.
    pub(crate) fn options(&mut self) -> &mut Options {
        &mut self.sync.as_mut().expect("it was started").options
    }

    /// Synchronises on the first day.
    pub(crate) async fn sync(&self) -> Outcome {
        self.sync_with(None, 0).await
    }

    /// Synchronises so many days later, with an inventory that somebody else collected.
    pub(crate) async fn sync_with(&self, known: Option<Inventory>, days: i64) -> Outcome {
        let first: Timestamp = FIRST_DAY.parse().expect("a time");
        let now = first + jiff::SignedDuration::from_hours(24 * days);
        let sync = self.sync.as_ref().expect("it was started");
        sync.once(known, now).await.expect("it can be done")
    }

    /// What the machine's own log has of hardware, oldest first.
    pub(crate) fn log(&self) -> Vec<String> {
        let text = |row: EventRecord| format!("{} {}: {}", row.type_name, row.action, row.description);
        let rows = self.events().into_iter().filter(|row| row.type_name.starts_with("NODE_HARDWARE_SYNC"));
        rows.map(text).collect()
    }

    /// All audit events, oldest first; their chain holds.
    pub(crate) fn events(&self) -> Vec<EventRecord> {
        let store = Store::read(&self.state()).expect("a journal");
        store.verify_audit().expect("readable").expect("nobody touched it");
        let pairs = [("level".to_owned(), "AUDIT".to_owned()), ("limit".to_owned(), "1000".to_owned())];
        let mut rows = store.events(&EventQuery::parse(&pairs).expect("a query")).expect("readable");
        rows.reverse();
        rows
    }

    /// What the region's log has of our own telling.
    pub(crate) fn told(&self) -> Vec<String> {
        let rows = self.region.events().into_iter().filter(|row| row.action == "shakedown/hardware-sync");
        rows.map(|row| row.description).collect()
    }

    /// Requests since a number of them, as `METHOD PAGE ANSWER`.
    pub(crate) fn requests_since(&self, count: usize) -> Vec<String> {
        let page = |path: &str| {
            let page = if path.contains("/status/") { "event" } else { path.rsplit('/').next().unwrap_or_default() };
            page.to_owned()
        };
        let line = |request: &serde_json::Value| {
            let path = request["path"].as_str().expect("a path");
            format!("{} {} {}", request["method"].as_str().expect("a method"), page(path), request["answer"])
        };
        self.region.requests().iter().skip(count).map(line).collect()
    }

    /// How many requests there were.
    pub(crate) fn requests(&self) -> usize {
        self.region.requests().len()
    }
}
