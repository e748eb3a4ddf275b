//! SIGKILL at random moments: of the agent, of the guardian, of both, of the watcher.

use std::time::Duration;

use rand::RngExt as _;
use shakedown::sandbox::NodeStatus;
use shakedown::script::Status;

use crate::machine::{LIMIT, Machine, lines};
use crate::support::{LIMIT as SOON, table, until};
use crate::{adopted, site};

const SCRIPTS: usize = 6;

/// One commissioning in which processes with these words are killed; how many kills struck.
async fn commissioned_under_fire(victims: &[&str], most: usize) -> usize {
    let machine = Machine::new();
    let scripts: Vec<_> =
        (0..SCRIPTS).map(|number| site(&machine, &format!("look-{number}"), "", "sleep 0.3")).collect();
    let region = adopted(&machine, &scripts).await;
    let mut runner = machine.boot(&region);
    let mut kills = 0;
    let deadline = std::time::Instant::now() + LIMIT;
    let code = loop {
        if let Some(status) = runner.ended() {
            break status.code();
        }
        assert!(std::time::Instant::now() < deadline, "the machine hangs after {kills} kills: {}", runner.log());
        tokio::time::sleep(Duration::from_millis(rand::rng().random_range(20..700))).await;
        if kills < most && machine.state().join("takeover.json").exists() {
            kills += victims.iter().map(|word| machine.kill(word)).sum::<usize>();
        }
    };
    until("nothing is left of the takeover", || machine.is_quiet()).await;
    let log = std::fs::read_to_string(machine.state().join("takeover.log")).unwrap_or_default();
    let seen = format!("{victims:?}, {kills} kills: {}\n{log}", runner.log());
    // Who was killed before anything was run may have left the work to MAAS's runner, which then did all of it.
    let trace = lines(&machine.at("trace"));
    let by = |who: &str| trace.iter().filter(|line| line.ends_with(who)).count();
    assert!(by("shakedown") == 0 || by(" ") == 0, "two runners ran scripts: {trace:?} {seen}");
    // Commissioning and testing are taken over one after the other: the first may be given back, and the second not.
    let told = runner.log();
    let goes_on = told.rfind("gives back to MAAS's runner") > told.rfind("takes over");
    assert_eq!(code == Some(0), goes_on, "{code:?} {trace:?} {seen}");
    assert!(!goes_on || by("shakedown") == 0, "{trace:?} {seen}");
    for number in 0..SCRIPTS {
        let runs = trace.iter().filter(|line| line.starts_with(&format!("look-{number} "))).count();
        assert!(runs <= 1, "look-{number} was run {runs} times: {seen}");
    }
    let results = table(&region);
    assert_eq!(results.len(), SCRIPTS + 2, "{results:?}");
    let mut interrupted = 0;
    for (name, (status, _)) in &results {
        assert!(status.is_final(), "{name} is {status:?}: {seen}");
        interrupted += usize::from(*status == Status::Failed || *status == Status::Aborted);
    }
    assert!(interrupted <= kills + 1, "{interrupted} {seen}");
    let expected = if interrupted == 0 { NodeStatus::Ready } else { NodeStatus::FailedCommissioning };
    assert_eq!(region.node_status(), expected, "{results:?} {seen}");
    kills
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_is_killed_and_goes_on() {
    assert!(commissioned_under_fire(&["run"], 5).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guardian_is_killed_and_another_takes_its_place() {
    assert!(commissioned_under_fire(&["takeover --guard"], 5).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_and_guardian_are_killed_together() {
    assert!(commissioned_under_fire(&["takeover --guard", "run"], 6).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripts_own_process_is_killed_and_a_watcher_takes_its_place() {
    let machine = Machine::new();
    let region = adopted(&machine, &[site(&machine, "look", "", "sleep 3")]).await;
    let mut runner = machine.boot(&region);
    until("the agent is at work", || !lines(&machine.at("trace")).is_empty()).await;
    assert_eq!(machine.kill("takeover --state-dir"), 1, "the script's own process");
    until("a watcher is there", || !machine.processes("takeover --watch").is_empty()).await;
    assert!(machine.kill("takeover --guard") > 0);
    assert_eq!(runner.finish(|| {}).await, None, "{}", runner.log());
    assert!(table(&region).values().all(|(status, _)| *status == Status::Passed), "{:?}", table(&region));
    assert_eq!(lines(&machine.at("trace")), ["look shakedown"]);
    tokio::time::timeout(SOON, until("nothing is left", || machine.is_quiet())).await.expect("soon");
}

/// A long row of them: `cargo test --test takeover fifty -- --ignored`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes some minutes"]
async fn fifty_random_moments() {
    let mut kills = 0;
    let victims: [&[&str]; 4] =
        [&["run"], &["takeover --guard"], &["takeover --guard", "run"], &["takeover --watch", "run"]];
    for round in 0.. {
        kills += commissioned_under_fire(victims[round % 4], 8).await;
        if kills >= 50 {
            return;
        }
    }
}
