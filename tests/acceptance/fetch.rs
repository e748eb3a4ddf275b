//! A whole hall with two commands: `region fetch` and `compare`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use shakedown::sandbox::{Library, Options, Sandbox};
use shakedown::script::{Header, Status};
use tempfile::TempDir;

use crate::server;

/// Output of `machine-resources` on a machine with this BIOS.
fn resources(hostname: &str, bios: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines/emulated-server.resources.json");
    let mut document: Value = serde_json::from_str(&fs::read_to_string(path).expect("a recording")).expect("JSON");
    document["environment"]["server_name"] = hostname.into();
    document["resources"]["system"]["firmware"]["version"] = bios.into();
    document
}

async fn hall() -> Sandbox {
    let region = Sandbox::start(Options::new(Library::default())).await.expect("a region");
    for number in 1..=6 {
        let name = format!("node-{number}");
        let bios = if number == 4 { "1.2.2" } else { "1.2.3" };
        let printed = resources(&name, bios).to_string();
        region.add_machine(&name, &[("50-maas-01-commissioning", printed.as_bytes()), ("other", b"text")]);
    }
    region.add_machine("bare", &[("other", b"text")]);
    region
}

/// A region of seven machines with two tests, of which one declares what it measures.
async fn measured() -> (Sandbox, Vec<String>) {
    let mut library = Library::default();
    let header = "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: stream\n# script_type: testing\n# results:\n#   \
                  memory-read:\n#     title: Rate\n# --- End MAAS 1.0 script metadata ---\n";
    library.add(Path::new("testing/stream"), Header::parse(header.as_bytes()).expect("a header"), header.into());
    let region = Sandbox::start(Options::new(library)).await.expect("a region");
    let mut ids = Vec::new();
    for number in 1..=7 {
        let name = format!("node-{number}");
        let printed = resources(&name, "1.2.3").to_string();
        let id = region.add_machine(&name, &[("50-maas-01-commissioning", printed.as_bytes())]);
        let rate = |rate: u64| format!("{{status: passed, results: {{memory-read: {rate} GiB/s, secret: 5}}}}");
        // The first was slow once, the second is slow now, the third failed its last test.
        let (then, now) = (if number == 1 { 200 } else { 400 }, if number == 2 { 300 } else { 400 + number % 2 });
        region.add_tests(&id, &[("stream", Status::Passed, &rate(then)), ("other", Status::Failed, "results: {x: 1}")]);
        let status = if number == 3 { Status::Failed } else { Status::Passed };
        region.add_tests(&id, &[("stream", status, &rate(if number == 3 { 1 } else { now }))]);
        ids.push(id);
    }
    (region, ids)
}

async fn run(place: &TempDir, words: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_shakedown"));
    command.args(words).current_dir(place.path());
    command.output().await.expect("the program can be started")
}

async fn fetch(place: &TempDir, region: &Sandbox, more: &[&str]) -> Output {
    let (url, key) = (region.url(), region.api_key());
    let words = ["region", "fetch", "--url", &url, "--api-key", &key, "--out", "hall", "--pause", "0"];
    run(place, &[&words, more].concat()).await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn a_hall_is_compared_with_two_commands_and_nothing_of_the_region_changes() {
    let (region, place) = (hall().await, tempfile::tempdir().expect("a temporary directory"));
    let output = fetch(&place, &region, &[]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    // The node of the sandbox itself was not commissioned.
    assert_eq!(text(&output.stdout).trim(), "8 machines: 6 fetched, 0 were there already, 2 without inventory.");
    assert!(
        text(&output.stderr).contains("bare: no commissioning on record has an inventory"),
        "{}",
        text(&output.stderr)
    );
    let methods: BTreeSet<String> =
        region.requests().iter().filter_map(|request| request["method"].as_str().map(str::to_owned)).collect();
    assert_eq!(methods, BTreeSet::from(["GET".to_owned()]));
    let output = run(&place, &["compare", "hall"]).await;
    let told = text(&output.stdout);
    assert!(told.starts_with("RigCorp Rig Server 9000 RIG-SKU: 6 machines"), "{told}{}", text(&output.stderr));
    let odd: Vec<&str> = told.lines().filter(|line| line.starts_with("node-")).collect();
    assert!(odd.len() == 1 && odd[0].starts_with("node-4") && odd[0].contains("1.2.3 on 5"), "{told}");
}

#[tokio::test]
async fn what_is_there_is_kept_and_the_next_call_goes_on() {
    let (region, place) = (hall().await, tempfile::tempdir().expect("a temporary directory"));
    let told = |output: &Output| text(&output.stdout).trim().to_owned();
    let first = fetch(&place, &region, &["--limit", "4"]).await;
    assert!(told(&first).ends_with("4 left for the next call."), "{}{}", told(&first), text(&first.stderr));
    let asked = region.requests().len();
    let second = fetch(&place, &region, &[]).await;
    assert!(
        told(&second).starts_with("8 machines: ") && told(&second).ends_with("2 without inventory."),
        "{}",
        told(&second)
    );
    let files = fs::read_dir(place.path().join("hall")).expect("a folder").flatten();
    let (results, inventories): (Vec<_>, Vec<_>) = files
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .partition(|name| name.ends_with(".results.json"));
    // The machine without inventory has results of another script.
    assert_eq!((inventories.len(), results.len()), (6, 7), "{inventories:?} {results:?}");
    let third = fetch(&place, &region, &[]).await;
    assert!(told(&third).contains("0 fetched, 6 were there already"), "{}", told(&third));
    assert!(asked > 0 && region.requests().len() > asked);
    let again = fetch(&place, &region, &["--again"]).await;
    assert!(told(&again).contains("6 fetched, 0 were there already"), "{}", told(&again));
}

#[tokio::test]
async fn the_inventory_of_a_script_is_preferred_and_a_wrong_key_fetches_nothing() {
    let (region, place) = (hall().await, tempfile::tempdir().expect("a temporary directory"));
    let (own, deep) = (resources("deep", "1").to_string(), server::compute().to_string());
    let printed: [(&str, &[u8]); 2] =
        [("50-maas-01-commissioning", own.as_bytes()), ("site-inventory", deep.as_bytes())];
    let id = region.add_machine("deep", &printed);
    assert!(fetch(&place, &region, &[]).await.status.success());
    let file = fs::read_to_string(place.path().join(format!("hall/deep.{id}.json"))).expect("a file");
    assert_eq!(serde_json::from_str::<Value>(&file).expect("JSON")["form"], json!(1));
    let url = region.url();
    let words = ["region", "fetch", "--url", &url, "--api-key", "a:b:c", "--out", "none", "--give-up-after", "1"];
    let output = run(&place, &words).await;
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
}

#[tokio::test]
async fn the_figures_of_a_hall_are_compared_with_two_commands_and_with_those_of_the_run_before() {
    let ((region, ids), place) = (measured().await, tempfile::tempdir().expect("a temporary directory"));
    let output = fetch(&place, &region, &[]).await;
    let told = text(&output.stdout);
    assert!(told.contains("7 fetched") && told.contains("Figures of tests: 7."), "{told}{}", text(&output.stderr));
    let file = fs::read_to_string(place.path().join(format!("hall/node-3.{}.results.json", ids[2]))).expect("a file");
    let document: Value = serde_json::from_str(&file).expect("JSON");
    // What failed measured nothing, and what nobody declared is no figure.
    assert_eq!(document["figures"], json!({"memory-read": {"value": 400.0, "unit": "GiB/s"}}));
    let status = |script: &str| {
        let all = document["scripts"].as_array().expect("a list");
        all.iter().find(|one| one["script"] == script).map(|one| one["status"].clone()).unwrap_or_default()
    };
    assert_eq!((status("stream"), status("other")), (json!("Failed"), json!("Failed")));

    let output = run(&place, &["compare", "hall", "--html", "hall.html"]).await;
    let told = text(&output.stdout)
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect::<Vec<_>>();
    let odd: Vec<&String> = told.iter().filter(|line| line.starts_with("node-")).collect();
    let expected = [
        "node-2 memory-read 300 GiB/s, 25 % below the median 400 GiB/s",
        "node-2 memory-read 300 GiB/s, 25 % below its last run 400 GiB/s then",
    ];
    assert_eq!(odd, expected, "{told:?}{}", text(&output.stderr));
    // An older fetch brought inventories alone; the next one brings the rest of them.
    fs::remove_file(place.path().join(format!("hall/node-3.{}.results.json", ids[2]))).expect("it is there");
    let again = fetch(&place, &region, &[]).await;
    assert!(text(&again.stdout).contains("1 fetched, 6 were there already"), "{}", text(&again.stdout));
    // A folder like this has the siblings' figures for a profile, too.
    fs::write(
        place.path().join("p.toml"),
        "schema = 1\nname = \"x\"\n[measure]\nmemory-read = { within = \"5%\", of = \"siblings\" }\n",
    )
    .expect("a small file");
    let (own, machine) = (format!("hall/node-2.{}.results.json", ids[1]), format!("hall/node-2.{}.json", ids[1]));
    let words = ["accept", "--profile", "p.toml", "--root", &machine, "--measured", &own, "--siblings", "hall"];
    let judged = run(&place, &words).await;
    assert!(text(&judged.stdout).contains("25 % off the median"), "{}{}", text(&judged.stdout), text(&judged.stderr));
}
