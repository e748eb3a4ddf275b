//! The agent is killed at random points of a run, again and again, and started again until the run ends: nothing is lost,
//! nothing is reported twice, and the machine's own record tells the same story as the region's.
//!
//! `SHAKEDOWN_CRASHES` sets how many kills there are (40 by default); `scripts/dev/crash` does a thousand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rand::RngExt as _;
use shakedown::journal::Store;
use shakedown::sandbox::{Action, Fault, Library, NodeStatus, Options, ResultRow, Sandbox};
use shakedown::script::{Header, Status};

/// What a script does when nobody interrupts it.
struct Planned {
    name: String,
    lines: usize,
    status: Status,
    may_reboot: bool,
}

/// Ten commissioning scripts that may reboot, so that they are run again; ten tests that may not, so that they are not.
fn plan() -> Vec<Planned> {
    (0..20)
        .map(|number| {
            let may_reboot = number < 10;
            let status = match number {
                13 => Status::Failed,
                16 => Status::Degraded,
                18 => Status::Skipped,
                _ => Status::Passed,
            };
            Planned { name: format!("s{number:02}"), lines: 1 + number % 4, status, may_reboot }
        })
        .collect()
}

fn text(planned: &Planned, number: usize) -> String {
    let kind = if planned.may_reboot { "commissioning" } else { "testing" };
    let parallel = ["none", "any", "instance"][number % 3];
    let mut text = format!(
        "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: {}\n# script_type: {kind}\n# parallel: {parallel}\n\
         # timeout: 60\n# may_reboot: {}\n# --- End MAAS 1.0 script metadata ---\n",
        planned.name, planned.may_reboot
    );
    for line in 0..planned.lines {
        text.push_str(&format!("echo '{} {line}'\nsleep 0.01\n", planned.name));
    }
    match planned.status {
        Status::Failed => text.push_str("exit 3\n"),
        Status::Degraded => text.push_str("echo '{status: degraded}' > \"$RESULT_PATH\"\n"),
        Status::Skipped => text.push_str("echo '{status: skipped}' > \"$RESULT_PATH\"\n"),
        _ => {}
    }
    text
}

fn printed(planned: &Planned) -> String {
    (0..planned.lines).map(|line| format!("{} {line}\n", planned.name)).collect()
}

fn library(plan: &[Planned]) -> Library {
    let mut library = Library::default();
    for (number, planned) in plan.iter().enumerate() {
        let content = text(planned, number).into_bytes();
        let header = Header::parse(&content).expect("our own header is valid");
        library.add(Path::new(&planned.name), header, content);
    }
    library
}

/// One run from its first start to its end; how often the agent was killed.
async fn run_with_kills(directory: &Path, region: &Sandbox, most: u32) -> u32 {
    let config = directory.join("node.yaml");
    std::fs::write(&config, region.node_config()).expect("the configuration is written");
    let mut kills = 0;
    loop {
        inject(region);
        let mut agent = tokio::process::Command::new(env!("CARGO_BIN_EXE_shakedown"))
            .args(["run", "--retry-wait", "0.01", "--config"])
            .arg(&config)
            .arg("--state-dir")
            .arg(directory.join("state"))
            .arg(directory.join("storage"))
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(directory.join("stderr")).expect("a file for what the agent says"))
            .kill_on_drop(true)
            .spawn()
            .expect("the agent starts");
        let life = if kills < most {
            Duration::from_millis(rand::rng().random_range(5..500))
        } else {
            Duration::from_secs(120)
        };
        if let Ok(status) = tokio::time::timeout(life, agent.wait()).await {
            let code = status.expect("the agent is waited for").code();
            let said = std::fs::read_to_string(directory.join("stderr")).unwrap_or_default();
            assert!(matches!(code, Some(0 | 1)), "the run ended with {code:?}: {said}");
            return kills;
        }
        assert!(kills < most, "the run does not end");
        agent.kill().await.expect("the agent is killed");
        kills += 1;
    }
}

/// Sometimes the network is bad, too.
fn inject(region: &Sandbox) {
    let mut random = rand::rng();
    region.clear_faults();
    for _ in 0..random.random_range(0..3) {
        let action = match random.random_range(0..4) {
            0 => Action::Answer(503, String::new()),
            1 => Action::DropBefore,
            2 => Action::DropAfter,
            _ => Action::Half(40),
        };
        region.inject(Fault::new("POST", random.random_range(1..4), action));
    }
}

fn check(directory: &Path, region: &Sandbox, plan: &[Planned]) {
    let rows: BTreeMap<String, ResultRow> = region.results().into_iter().map(|row| (row.script.clone(), row)).collect();
    assert_eq!(rows.len(), plan.len(), "one result for each script");
    let store = Store::read(&directory.join("state")).expect("the journal is readable");
    let runs = store.runs().expect("runs");
    // Who is killed between the end of the run and its own starts anew, and has nothing to run.
    let (run, later) = runs.split_last().expect("a run");
    assert!(later.iter().all(|run| run.scripts == 0), "all starts were one run: {runs:?}");
    let local: BTreeMap<String, Status> =
        store.results(run.id).expect("results").into_iter().map(|result| (result.name, result.status)).collect();
    assert!(store.waiting_messages(&run.region).expect("outbox").is_empty(), "everything was delivered");
    assert_eq!(store.refused_messages().expect("outbox"), [], "nothing was refused");
    assert!(store.verify_audit().expect("readable").is_ok(), "the audit chain holds");
    for planned in plan {
        let row = &rows[&planned.name];
        assert!(row.status.is_final(), "{} is {}", planned.name, row.status);
        assert_eq!(local.get(&planned.name), Some(&row.status), "both records of {} agree", planned.name);
        let output = String::from_utf8_lossy(&row.output).into_owned();
        if output.contains("interrupted by") {
            assert!(!planned.may_reboot, "{} should have been run again", planned.name);
            assert_eq!(row.status, Status::Failed, "{} did not come to its end", planned.name);
        } else {
            assert_eq!(row.status, planned.status, "{}: {output}", planned.name);
            assert!(output.ends_with(&printed(planned)), "{} printed {output:?}", planned.name);
        }
    }
    let ends = region.events().iter().filter(|event| event.description.contains(" failed")).count();
    let failed = rows.values().filter(|row| row.status == Status::Failed).count();
    assert_eq!(ends, failed, "each failure is one event");
    assert!(matches!(region.node_status(), NodeStatus::FailedTesting), "{:?}", region.node_status());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_agent_loses_nothing_and_repeats_nothing() {
    let wanted: u32 = std::env::var("SHAKEDOWN_CRASHES").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let plan = plan();
    let (mut kills, mut runs) = (0, 0);
    while kills < wanted {
        let temporary = tempfile::tempdir().expect("temporary directory");
        let directory: PathBuf = temporary.path().to_owned();
        let region = Sandbox::start(Options::new(library(&plan))).await.expect("the sandbox starts");
        kills += run_with_kills(&directory, &region, (wanted - kills).min(25)).await;
        runs += 1;
        check(&directory, &region, &plan);
    }
    eprintln!("{kills} kills in {runs} runs of {} scripts: nothing lost, nothing twice", plan.len());
}
