//! Two of the three promises under random faults of network and disk: a script that did not prove a pass is not Passed at the region, and a
//! message that is marked delivered was taken by the region. The network is a proxy that lies as proxies, portals and load balancers do;
//! the disk fails below the program (`fault.c`).
//!
//! `SHAKEDOWN_FAULT_RUNS` sets how many runs there are (100 by default); `scripts/dev/faults` does two thousand. A run that breaks a
//! promise is printed with its seed; `SHAKEDOWN_FAULT_SEED` does that one again. Processes and sockets keep their own time, so a seed gives the
//! same scripts and faults, but not the same instants.

#[path = "../support/mod.rs"]
mod support;

mod disk;
mod network;
mod plan;
mod sent;
mod unseen;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rusqlite::Connection;
use serde_json::Value;
use shakedown::sandbox::{NodeStatus, Sandbox};
use shakedown::script::Status;

use disk::{Library, LocalFault};
use network::Network;
use plan::Planned;
use support::Node;
use support::program::Finished;

/// Longer than this no run takes, unless it hangs.
const LIMIT: Duration = Duration::from_secs(180);
/// Runs at once: most of a run is waiting.
const AT_ONCE: u64 = 3;

/// What one run was made of, for whoever has to understand its end.
struct Run {
    seed: u64,
    plan: Vec<Planned>,
    local: Option<LocalFault>,
    node: Node,
    region: Sandbox,
    network: Network,
}

impl Run {
    async fn new(seed: u64, library: Option<&Library>) -> Run {
        let mut random = StdRng::seed_from_u64(seed);
        let plan = plan::any(&mut random);
        let local = library.and_then(|library| LocalFault::any(&mut random, library));
        let region = plan::region(&plan, random.random_bool(0.5)).await;
        let network = Network::to(&region.url(), random.random()).await;
        let node = Node::behind(&region, &network.url());
        Run { seed, plan, local, node, region, network }
    }

    async fn go(&self) -> Finished {
        let program = self.node.run().args(["--retry-wait", "0.01"]);
        let program = program.env("SHAKEDOWN_STATE_DIR", self.node.home().join("state"));
        let program = match &self.local {
            Some(fault) => fault.strike(program),
            None => program,
        };
        program.start().finish(LIMIT).await
    }

    fn describe(&self, end: &Finished) -> String {
        let rows = self.region.results();
        let rows: Vec<String> = rows.iter().map(|row| format!("{} {}", row.script, row.status)).collect();
        format!(
            "seed {}, disk {:?}, network {:?}\nregion: {:?} {rows:?}\nexit {:?}\n{}\n{}",
            self.seed,
            self.local,
            self.network.struck(),
            self.region.node_status(),
            end.code,
            end.stdout,
            end.stderr
        )
    }

    /// A script that did not prove a pass is not Passed at the region.
    fn no_pass_without_proof(&self) -> Result<(), String> {
        let rows = self.region.results();
        let unproved = |row: &&shakedown::sandbox::ResultRow| {
            let planned = self.plan.iter().find(|planned| planned.name == row.script);
            row.status == Status::Passed && planned.is_none_or(|planned| !planned.deed.proves_a_pass())
        };
        match rows.iter().find(unproved) {
            Some(row) => Err(format!("{} is Passed at the region and proved nothing", row.script)),
            None => Ok(()),
        }
    }

    /// Whoever is called ready has passed everything.
    fn no_ready_machine_without_passes(&self) -> Result<(), String> {
        if self.region.node_status() != NodeStatus::Ready {
            return Ok(());
        }
        match self.region.results().iter().find(|row| !row.status.is_final() || row.status.is_failure()) {
            Some(row) => Err(format!("the machine is Ready, and {} is {}", row.script, row.status)),
            None => Ok(()),
        }
    }

    /// A message that the journal calls delivered was taken by the region.
    fn delivered_was_taken(&self) -> Result<(), String> {
        let path = self.node.home().join("state/journal.db");
        let Ok(journal) = Connection::open(&path) else { return Ok(()) };
        let Ok(mut rows) = journal.prepare("SELECT label, payload FROM outbox WHERE state = 'delivered'") else {
            return Ok(());
        };
        let text = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        for row in rows.query_map([], text).map_err(|error| error.to_string())?.flatten() {
            let payload: Value = serde_json::from_str(&row.1).map_err(|error| error.to_string())?;
            if !self.network.has_taken(&payload) {
                return Err(format!("{} is marked delivered, and the region never took it", row.0));
            }
        }
        Ok(())
    }

    /// Where the disk is sound and the run came to its end, a script that proved a pass has it: the test would be vacuous otherwise.
    fn a_proved_pass_arrives(&self, end: &Finished) -> Result<(), String> {
        if self.local.is_some() || !matches!(end.code, Some(0 | 1)) {
            return Ok(());
        }
        let rows = self.region.results();
        for planned in self.plan.iter().filter(|planned| planned.deed.proves_a_pass()) {
            let row = rows.iter().find(|row| row.script == planned.name);
            if row.is_none_or(|row| row.status != Status::Passed) {
                return Err(format!(
                    "{} passed here and is {:?} at the region",
                    planned.name,
                    row.map(|row| row.status)
                ));
            }
        }
        Ok(())
    }

    async fn check(&self) -> Result<(), String> {
        let end = self.go().await;
        let known = matches!(end.code, Some(0 | 1 | 3 | 4));
        let ended = if known { Ok(()) } else { Err(format!("the run ended with {:?}", end.code)) };
        ended
            .and_then(|()| self.no_pass_without_proof())
            .and_then(|()| self.no_ready_machine_without_passes())
            .and_then(|()| self.delivered_was_taken())
            .and_then(|()| self.a_proved_pass_arrives(&end))
            .map_err(|broken| format!("{broken}\n{}", self.describe(&end)))
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_makes_a_pass_or_a_delivery_that_is_none() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let library = Library::build(home.path()).map(Arc::new);
    let only = number("SHAKEDOWN_FAULT_SEED");
    let runs = if only.is_some() { 1 } else { number("SHAKEDOWN_FAULT_RUNS").unwrap_or(100) };
    let first = only.unwrap_or_else(|| rand::rng().random_range(0..1 << 40));
    let next = Arc::new(AtomicU64::new(0));
    let worker = || {
        let (library, next) = (library.clone(), Arc::clone(&next));
        async move {
            let mut broken = Vec::new();
            loop {
                let turn = next.fetch_add(1, Ordering::Relaxed);
                if turn >= runs {
                    return broken;
                }
                let run = Run::new(first + turn, library.as_deref()).await;
                broken.extend(run.check().await.err());
            }
        }
    };
    let workers: Vec<_> = (0..AT_ONCE).map(|_| tokio::spawn(worker())).collect();
    let mut broken = Vec::new();
    for worker in workers {
        broken.extend(worker.await.expect("no worker panics"));
    }
    eprintln!("{runs} runs with faults from seed {first}: {} broke a promise", broken.len());
    assert!(broken.is_empty(), "{} of {runs} runs broke a promise:\n\n{}", broken.len(), broken.join("\n\n"));
}
