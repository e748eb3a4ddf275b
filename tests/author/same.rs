//! A trial and a run against a region come to the same.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Map, Value, json};
use shakedown::host::Host;
use shakedown::sandbox::{Device, NodeStatus, ResultRow};
use shakedown::script::ResultFile;

use super::Trial;
use super::support::{Node, region, script};

/// What a script came to: status, exit status, results, and the bytes of combined output, stdout, stderr and result file.
#[derive(Debug, PartialEq)]
struct Came {
    status: String,
    exit: Value,
    results: Value,
    files: BTreeMap<&'static str, String>,
}

/// Heading of the section that a time limit adds to the output.
const STOOD: &str = "Where its processes stood at its time limit";
const SUFFIXES: [&str; 4] = ["", ".out", ".err", ".yaml"];

/// Paths of the run's own storage and the numbers of processes are no difference, nor where a process stood at that moment.
fn files(storage: &std::path::Path, id: i64) -> BTreeMap<&'static str, String> {
    let read = |suffix: &&'static str| {
        let bytes = fs::read(storage.join(format!("out/look.{id}{suffix}"))).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).replace(&storage.display().to_string(), "STORAGE");
        let (text, stood) = text.split_once(STOOD).map_or((text.as_str(), ""), |(text, _)| (text, STOOD));
        (*suffix, format!("{text}{stood}"))
    };
    SUFFIXES.iter().map(read).collect()
}

fn results(row: &ResultRow) -> Value {
    let file = ResultFile::parse(&row.result, false).ok();
    file.map_or(Value::Null, |file| Value::Object(file.results.into_iter().collect::<Map<_, _>>()))
}

async fn by_a_region(text: &str, values: &[(&str, Value)], disks: Vec<Device>) -> (Option<i32>, Vec<Came>) {
    let region = region(&[("testing/look", text.to_owned())], |options| {
        options.status = NodeStatus::Testing;
        options.values = values.iter().map(|(name, value)| ((*name).to_owned(), vec![value.clone()])).collect();
        options.disks = disks;
    })
    .await;
    let node = Node::of(&region);
    let run = node.run().finish().await;
    let mut rows = region.results();
    rows.sort_by_key(|row| row.id);
    let came = rows.iter().map(|row| Came {
        status: row.status.name().to_owned(),
        exit: row.exit_status.map_or(Value::Null, Value::from),
        results: results(row),
        files: files(&node.storage(), row.id),
    });
    (run.code, came.collect())
}

async fn by_a_trial(text: &str, words: &[&str]) -> (Option<i32>, Vec<Came>) {
    let trial = Trial::of(text);
    let (code, document) = trial.json(words).await;
    let mut list = document["results"].as_array().expect("a list").clone();
    list.sort_by_key(|result| result["script_result_id"].as_i64());
    let came = list.iter().map(|result| Came {
        status: result["status"].as_str().expect("a status").to_owned(),
        // The region stores none of a script that timed out.
        exit: if result["status"] == "Timed out" { Value::Null } else { result["exit_status"].clone() },
        results: result["results"].clone(),
        files: files(&trial.kept(), result["script_result_id"].as_i64().expect("a number")),
    });
    (code, came.collect())
}

/// Name, metadata, body, exit code of the command, status.
const SCRIPTS: &[(&str, &str, &str, i32, &str)] = &[
    ("pass", "timeout: 60", "echo out; echo err >&2", 0, "Passed"),
    ("fail", "timeout: 60", "echo out; exit 3", 1, "Failed"),
    ("skip", "timeout: 60", "echo 'status: skipped' >\"$RESULT_PATH\"; exit 1", 0, "Skipped"),
    (
        "degraded",
        "timeout: 60",
        "printf 'status: degraded\\nresults: {a: 1, b: [x, 2.5]}\\n' >\"$RESULT_PATH\"",
        0,
        "Degraded",
    ),
    ("timeout", "timeout: 1", "echo begin; sleep 600; echo end", 1, "Timed out"),
    ("no YAML", "timeout: 60", "echo 'status: [' >\"$RESULT_PATH\"; exit 0", 0, "Passed"),
    ("no status", "timeout: 60", "echo 'status: great' >\"$RESULT_PATH\"; exit 4", 1, "Failed"),
    (
        "progress",
        "timeout: 60",
        "for i in 1 2 3; do printf '%s0 %%\\r' $i; done; printf 'abc\\b\\bX\\n'; printf end",
        0,
        "Passed",
    ),
    ("bytes", "timeout: 60", "printf '\\377\\000\\001\\n'", 0, "Passed"),
    (
        "environment",
        "timeout: 60",
        "echo $RUNTIME $HAS_STARTED $DEBIAN_FRONTEND; basename $RESULT_PATH; env | grep -c ^MAAS_",
        0,
        "Passed",
    ),
    ("packages", "timeout: 60\ntags: noauto", "echo noauto", 0, "Passed"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_comes_to_what_a_region_gets() {
    for (name, header, body, code, status) in SCRIPTS {
        let text = script(header, body);
        let tried = by_a_trial(&text, &[]).await;
        let (run_code, came) = by_a_region(&text.replace("tags: noauto", "tags: x"), &[], Vec::new()).await;
        assert_eq!(tried, (run_code, came), "{name}");
        assert_eq!((tried.0, tried.1[0].status.as_str()), (Some(*code), *status), "{name}: {tried:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_interpreter_is_the_same_failure() {
    let text = script("timeout: 60", "true").replace("#!/bin/sh", "#!/nonexistent/perl");
    let tried = by_a_trial(&text, &[]).await;
    assert_eq!(tried, by_a_region(&text, &[], Vec::new()).await);
    assert_eq!((tried.0, tried.1[0].status.as_str()), (Some(1), "Failed"), "{tried:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_become_the_same_arguments() {
    let header = "timeout: 60\nparameters:\n  depth: {type: choice, choices: [low, high], default: low, required: false}\n  \
                  text: {type: string, required: false}\n  flag: {type: boolean, required: false}\n  \
                  limit: {type: runtime, default: '30'}";
    let text = script(header, "printf '<%s>\\n' \"$@\"; echo $RUNTIME");
    let given = ["--param", "depth=high", "--param", "text=two words", "--param", "flag=yes", "--param", "limit=40"];
    let values = [("depth", json!("high")), ("text", json!("two words")), ("flag", json!(true)), ("limit", json!(40))];
    let tried = by_a_trial(&text, &given).await;
    assert_eq!(tried, by_a_region(&text, &values, Vec::new()).await);
    assert_eq!(tried.1[0].files[".out"], "<--depth=high>\n<--text=two words>\n<--flag=True>\n<--limit=40>\n40\n");
    let defaults = by_a_trial(&text, &[]).await;
    assert_eq!(defaults, by_a_region(&text, &[], Vec::new()).await);
    assert_eq!(defaults.1[0].files[".out"], "<--depth=low>\n<--limit=30>\n30\n");
}

/// Without --param a storage script runs once for each disk; where there is none, it fails as in a region that knows none.
#[tokio::test(flavor = "multi_thread")]
async fn a_storage_script_runs_once_for_each_disk() {
    let text = script("hardware_type: storage\ntimeout: 60\nparameters: {storage: {type: storage}}", "echo \"$@\"");
    let disks = Host::live().disks();
    let device = |(number, disk): (usize, &shakedown::host::Disk)| {
        let value = json!({"id": number + 1, "name": disk.name, "model": disk.models.first(), "serial": disk.serials.first(),
            "id_path": disk.path()});
        value.as_object().cloned().expect("an object")
    };
    let known: Vec<Device> = disks.iter().enumerate().map(device).collect();
    let tried = by_a_trial(&text, &[]).await;
    assert_eq!(tried.1.len(), known.len().max(1));
    let words = |came: &[Came]| came.iter().map(|came| (came.status.clone(), came.exit.clone())).collect::<Vec<_>>();
    let run = by_a_region(&text, &[], known).await;
    assert_eq!((tried.0, words(&tried.1)), (run.0, words(&run.1)));
    if let Some(disk) = disks.first() {
        let one = by_a_trial(&text, &["--param", &format!("storage={}", disk.path())]).await;
        assert_eq!((one.0, one.1.len()), (Some(0), 1), "{one:?}");
        assert!(one.1[0].files[".out"].starts_with("--storage=/dev/"), "{one:?}");
    }
}

/// Each type of script has its node status.
#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_run_as_what_it_is() {
    for (kind, status) in
        [("commissioning", "Ready"), ("testing", "Ready"), ("release", "Releasing"), ("deployment", "Deploying")]
    {
        let trial =
            Trial::of(&script(&format!("script_type: {kind}\ntimeout: 60"), "echo \"${BMC_CONFIG_PATH:+bmc}\""));
        let (code, document) = trial.json(&["--really"]).await;
        assert_eq!((code, &document["node_status"]), (Some(0), &status.into()), "{kind}: {document}");
        let output = document["results"][0]["output"].as_str().expect("text");
        assert_eq!(output.trim(), if kind == "commissioning" { "bmc" } else { "" }, "{kind}");
    }
}
