//! The sandbox region against the recording of a real one (contract, `exchanges.jsonl`): every recorded request is sent
//! to it over HTTP, and its answer, the node's status, the script results and the new events are compared with what
//! the region answered and held.
//!
//! Needs `SHAKEDOWN_SHARED`, the folder that holds `contract`. What is not replayed is listed in [`LEFT_OUT`].

mod caller;
mod compare;
mod events;
mod mask;
mod recording;
mod region;

use std::io::Write as _;
use std::path::Path;

use shakedown::sandbox::Library;

use caller::Caller;
use compare::Fact;
use recording::{Scenario, Sets, Step};

const MACHINES: &str = "the sandbox has one node and registers no machines";
const TOKENS: &str = "the sandbox hands out no tokens";

/// What is not replayed, in the order of the recording.
const LEFT_OUT: &[(&str, &str, &str)] = &[
    ("enlistment", "is_registered, unknown", MACHINES),
    ("enlistment", "create, one field per MAC", MACHINES),
    ("enlistment", "is_registered, now", MACHINES),
    ("enlistment", "preseed", TOKENS),
    ("enlistment", "create again, same MACs", MACHINES),
    ("enlistment", "create, MACs joined by commas", MACHINES),
    ("enlistment", "create, bad power type", MACHINES),
    ("enlistment", "create, unknown architecture", MACHINES),
    ("enlistment", "create, no MAC", MACHINES),
    ("administrator: register, tokens, events", "register a deployed machine", MACHINES),
    ("administrator: register, tokens, events", "get_token", TOKENS),
    ("administrator: register, tokens, events", "get_token of nobody", TOKENS),
    ("administrator: register, tokens, events", "register with a used host name", MACHINES),
    ("administrator: register, tokens, events", "the same again", MACHINES),
    ("administrator: register, tokens, events", "register without key", MACHINES),
];

#[tokio::test]
async fn the_sandbox_answers_as_a_region_does() {
    let Some(shared) = std::env::var_os("SHAKEDOWN_SHARED").filter(|folder| !folder.is_empty()) else {
        say("left out: the recorded exchanges with a region: SHAKEDOWN_SHARED is not set\n");
        return;
    };
    let scenarios = recording::read(&Path::new(&shared).join("contract/exchanges.jsonl"));
    let built_in = recording::built_in(&scenarios);
    let library = region::library(&built_in);
    let mut report = Report::default();
    for scenario in &scenarios {
        replay(scenario, &library, &built_in, &mut report).await;
    }
    say(&report.summary());
    let known: Vec<String> = LEFT_OUT.iter().map(left_out).collect();
    report.compare("all scenarios", "what is left out", vec![Fact::new("list", known, report.left_out.clone())]);
    assert!(report.mismatches.is_empty(), "{} mismatches:\n{}", report.mismatches.len(), report.mismatches.join("\n"));
}

/// What came of the comparison.
#[derive(Default)]
struct Report {
    scenarios: usize,
    exchanges: usize,
    left_out: Vec<String>,
    mismatches: Vec<String>,
}

impl Report {
    fn summary(&self) -> String {
        let left_out: String = self.left_out.iter().map(|line| format!("left out: {line}\n")).collect();
        format!("compared {} scenarios, {} exchanges\n{left_out}", self.scenarios, self.exchanges)
    }

    fn leave_out(&mut self, scenario: &Scenario, part: &str, reason: &str) {
        self.left_out.push(left_out(&(&scenario.name, part, reason)));
    }

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
    let before = report.exchanges;
    for step in &scenario.steps {
        if let Some(reason) = why_not(step) {
            report.leave_out(scenario, &step.label, reason);
            continue;
        }
        let earlier = sandbox.events().len();
        let answer = caller.send(step).await;
        report.compare(&scenario.name, &step.label, compare::answer(step, &answer, &sandbox, built_in));
        if let Some(after) = &step.after {
            report.compare(&scenario.name, &step.label, compare::after(after, &sandbox, earlier, built_in));
        }
        report.exchanges += 1;
    }
    report.scenarios += usize::from(report.exchanges > before);
}

/// Why a step cannot be replayed.
fn why_not(step: &Step) -> Option<&'static str> {
    let path = step.request.path.as_str();
    if path.contains("op=get_token") || path.contains("op=get_preseed") {
        Some(TOKENS)
    } else if path.starts_with("/MAAS/api/2.0/machines/") {
        Some(MACHINES)
    } else {
        None
    }
}

fn left_out((scenario, part, reason): &(&str, &str, &str)) -> String {
    format!("{scenario} ({part}): {reason}")
}

/// Says something also when the test passes, which `println!` does not.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(format!("\n{text}").as_bytes());
}
