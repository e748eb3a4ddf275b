//! The sandbox region against the recording of a real one (contract, `exchanges.jsonl`): every recorded request is sent
//! to it over HTTP, and its answer, the node's status, the script results and the new events are compared with what
//! the region answered and held.
//!
//! Needs `SHAKEDOWN_SHARED`, the folder that holds `contract`. Nothing of the recording is left out.

mod caller;
mod compare;
mod events;
#[path = "../support/left_out.rs"]
mod left_out;
mod mask;
mod recording;
mod region;
mod second;
mod second_request;

use std::io::Write as _;
use std::path::Path;

use shakedown::sandbox::{Library, NodeStatus, Options, Sandbox};

use caller::Caller;
use compare::Fact;
use recording::{Scenario, Sets};

#[tokio::test]
async fn the_sandbox_answers_as_a_region_does() {
    let Some(shared) = std::env::var_os("SHAKEDOWN_SHARED").filter(|folder| !folder.is_empty()) else {
        left_out::say("the recorded exchanges with a region: SHAKEDOWN_SHARED is not set");
        return;
    };
    let scenarios = recording::read(&Path::new(&shared).join("contract/exchanges.jsonl"));
    let built_in = recording::built_in(&scenarios);
    let library = region::library(&built_in);
    let mut report = Report::default();
    for scenario in &scenarios {
        replay(scenario, &library, &built_in, &mut report).await;
    }
    say(&format!("compared {} scenarios, {} exchanges\n", scenarios.len(), report.exchanges));
    let recorded: usize = scenarios.iter().map(|scenario| scenario.steps.len()).sum();
    assert_eq!(report.exchanges, recorded, "every exchange is compared");
    assert!(report.mismatches.is_empty(), "{} mismatches:\n{}", report.mismatches.len(), report.mismatches.join("\n"));
}

#[tokio::test]
async fn the_sandbox_answers_at_the_edges_as_a_region_does() {
    let Some(shared) = std::env::var_os("SHAKEDOWN_SHARED").filter(|folder| !folder.is_empty()) else {
        left_out::say("the second recording of exchanges with a region: SHAKEDOWN_SHARED is not set");
        return;
    };
    let contract = Path::new(&shared).join("contract");
    let built_in = recording::built_in(&recording::read(&contract.join("exchanges.jsonl")));
    let scenarios = second::read(&contract.join("exchanges-2.jsonl"));
    let (complaints, equal) = second::replay(&scenarios, &region::library(&built_in), &built_in).await;
    say(&format!("{equal} of {} scenarios are equal\n", scenarios.len()));
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

/// Not recorded to its end: what the installer posts belongs to the result that a deploying node is recorded with.
#[tokio::test]
async fn the_installer_reports_its_log() {
    let mut options = Options::new(Library::default());
    options.status = NodeStatus::Deploying;
    let sandbox = Sandbox::start(options).await.expect("the loopback can be listened on");
    let event = serde_json::json!({"event_type": "finish", "origin": "curtin", "name": "cmd-install/stage-late",
        "description": "installed", "timestamp": 0, "result": "SUCCESS",
        "files": [{"path": "/tmp/install.log", "encoding": "base64", "content": "aGVsbG8="}]});
    assert_eq!(Caller::new(&sandbox).post_event(&event).await.status, 204);
    let results = sandbox.results();
    assert_eq!(
        results.iter().map(|row| (row.set(), row.script.as_str())).collect::<Vec<_>>(),
        [("installation", "/tmp/install.log")]
    );
    assert_eq!((results[0].status.name(), &results[0].output[..]), ("Passed", &b"hello"[..]));
    assert_eq!(sandbox.node_status(), NodeStatus::Deploying);
}

/// What came of the comparison.
#[derive(Default)]
struct Report {
    exchanges: usize,
    mismatches: Vec<String>,
}

impl Report {
    fn compare(&mut self, scenario: &str, step: &str, facts: Vec<Fact>) {
        for Fact { what, recorded, came } in facts.into_iter().filter(|fact| fact.recorded != fact.came) {
            self.mismatches.push(format!("{scenario}: {step}: {what}\n  expected {recorded}\n  came     {came}"));
        }
    }
}

/// Plays a scenario against a region of its own.
async fn replay(scenario: &Scenario, library: &Library, built_in: &Sets<String>, report: &mut Report) {
    let sandbox = region::start(scenario, library, built_in).await;
    let caller = Caller::new(&sandbox);
    if scenario.steps.iter().any(events::is_page) {
        events::fill(&caller).await;
    }
    for step in &scenario.steps {
        let earlier = sandbox.events().len();
        let answer = caller.send(step).await;
        report.compare(&scenario.name, &step.label, compare::answer(step, &answer, &sandbox, built_in));
        if let Some(after) = &step.after {
            report.compare(&scenario.name, &step.label, compare::after(after, &sandbox, earlier, built_in));
        }
        report.exchanges += 1;
    }
}

/// Says something also when the test passes, which `println!` does not.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(format!("\n{text}").as_bytes());
}
