//! `shakedown status`: the machine at a glance, for people, programs and Prometheus.

use std::collections::BTreeMap;

use serde_json::Value;
use shakedown::sandbox::NodeStatus;

use crate::harness::{Ended, Machine, Script, region, until};

impl Machine {
    async fn status(&self, words: &[&str]) -> Ended {
        self.ask("status").words(words).end().await
    }

    async fn status_document(&self) -> Value {
        serde_json::from_str(&self.status(&["--format", "json"]).await.text()).expect("it is JSON")
    }
}

#[tokio::test]
async fn without_a_journal_it_says_so() {
    let machine = Machine::new();
    let ended = machine.status(&[]).await;
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("there is no journal"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_run_that_passed_leaves_nothing_to_do() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("fine", "true")]).await;
    machine.run(&region).end().await;
    let ended = machine.status(&[]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.text());
    for line in
        ["State:         nothing is wrong", "At work:       nothing", "Scripts:       1 of 1", "Undelivered:   nothing"]
    {
        assert!(ended.text().contains(line), "{line}: {}", ended.text());
    }
}

#[tokio::test]
async fn a_failed_script_is_named() {
    let machine = Machine::new();
    let region =
        region(NodeStatus::Testing, &[Script::testing("broken", "exit 3"), Script::testing("fine", "true")]).await;
    machine.run(&region).end().await;
    let ended = machine.status(&[]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.text());
    assert!(ended.text().contains("Failed:        broken (Failed)"), "{}", ended.text());
    let document = machine.status_document().await;
    assert_eq!((&document["state"], &document["run"]["end"]), (&"failed".into(), &"failed".into()));
    let failed: Vec<&Value> = document["run"]["results"]
        .as_array()
        .expect("results")
        .iter()
        .filter(|one| one["is_failure"] == true)
        .collect();
    assert_eq!((failed.len(), &failed[0]["subject"]), (1, &"broken".into()));
}

#[tokio::test]
async fn it_shows_who_works_and_waits_for_the_end() {
    let machine = Machine::new();
    let gate = machine.path("gate");
    let body =
        format!("touch {}; while [ ! -e {} ]; do sleep 0.05; done", machine.path("begun").display(), gate.display());
    let region = region(NodeStatus::Testing, &[Script::testing("slow", body)]).await;
    let run = machine.run(&region).start();
    until("the script runs", || machine.path("begun").exists()).await;
    let document = machine.status_document().await;
    assert_eq!(document["state"], "working", "{document:#}");
    assert_eq!(document["working"][0]["verb"], "run", "{document:#}");
    assert_eq!(document["working"][0]["pid"].as_u64().map(|pid| u32::try_from(pid).expect("a pid")), run.id());
    let text = machine.status(&[]).await.text();
    assert!(text.contains("Running:       slow (Running, begun"), "{text}");
    let waiting = machine.ask("status").words(&["--wait", "--format", "json"]).start();
    std::fs::write(&gate, "").expect("the gate is opened");
    let ended = Ended::of(waiting).await;
    Ended::of(run).await;
    let document: Value = serde_json::from_str(&ended.text()).expect("it is JSON");
    assert_eq!((&document["state"], &document["run"]["is_complete"]), (&"well".into(), &true.into()));
}

#[tokio::test]
async fn an_interrupted_run_is_not_under_way() {
    let machine = Machine::new();
    let body = format!("touch {}; sleep 60", machine.path("begun").display());
    let region = region(NodeStatus::Testing, &[Script::testing("slow", body)]).await;
    machine.run(&region).killed_when("the script runs", || machine.path("begun").exists()).await;
    let ended = machine.status(&["--wait", "60", "--format", "json"]).await;
    let document: Value = serde_json::from_str(&ended.text()).expect("it is JSON");
    assert_eq!((ended.code, &document["state"], &document["run"]["ended"]), (Some(1), &"failed".into(), &Value::Null));
}

#[tokio::test]
async fn what_no_region_has_is_counted() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("fine", "true")]).await;
    machine.run(&region).end().await;
    machine.execute("UPDATE outbox SET state = 'waiting' WHERE id IN (SELECT min(id) FROM outbox)");
    let ended = machine.status(&[]).await;
    assert_eq!(ended.code, Some(4), "{}", ended.text());
    assert!(ended.text().contains("Undelivered:   1 messages, the oldest since"), "{}", ended.text());
    assert_eq!(machine.status_document().await["undelivered"]["waiting"], 1);
}

/// Samples by name and labels, after a check of the form: `# HELP`, then `# TYPE`, then the samples of that metric.
fn samples(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let (mut helped, mut typed) = ("", "");
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            (helped, typed) = (rest.split(' ').next().expect("a name"), "");
            assert!(helped.starts_with("shakedown_"), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            typed = rest.strip_suffix(" gauge").expect("a gauge");
            assert_eq!(typed, helped, "{line}");
        } else {
            let (sample, value) = line.rsplit_once(' ').expect("a value");
            let name = sample.split('{').next().expect("a name");
            assert!(name == typed && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{line}");
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            assert!(found.insert(sample.to_owned(), value.to_owned()).is_none(), "{line}");
        }
    }
    found
}

#[tokio::test]
async fn metrics_are_written_after_a_run_where_the_site_wants_them() {
    let machine = Machine::new();
    let file = machine.path("shakedown.prom");
    let scripts = [Script::testing("fine", "true"), Script::testing("broken", "exit 1")];
    let region = region(NodeStatus::Testing, &scripts).await;
    machine.run(&region).words(&["--set", &format!("metrics.textfile={}", file.display())]).end().await;
    let written = samples(&std::fs::read_to_string(&file).expect("the metrics"));
    assert_eq!(written["shakedown_run_scripts{status=\"Failed\"}"], "1");
    assert_eq!(written["shakedown_script_failed{script=\"broken\",set=\"testing\"}"], "1");
    assert_eq!(written["shakedown_script_failed{script=\"fine\",set=\"testing\"}"], "0");
    let of_run = [&written["shakedown_undelivered_messages"], &written["shakedown_run_complete"]];
    assert_eq!(of_run, ["0", "1"]);
    // Of one length, so that texts compare as their numbers.
    assert!(written["shakedown_run_ended_time_seconds"] >= written["shakedown_run_started_time_seconds"]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().expect("a file").permissions());
    assert_eq!(mode & 0o777, 0o644, "the collector is another user");
    let asked = samples(&machine.status(&["--format", "prometheus"]).await.text());
    assert_eq!(asked.keys().collect::<Vec<_>>(), written.keys().collect::<Vec<_>>());
}

#[tokio::test]
async fn metrics_that_cannot_be_written_spoil_no_run() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("fine", "true")]).await;
    let ended = machine.run(&region).words(&["--set", "metrics.textfile=/proc/no/such/folder/x.prom"]).end().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot write the metrics to /proc/no/such/folder/x.prom"), "{}", ended.stderr);
}
