//! `shakedown runs` and `shakedown results`: what was run here, how it ended, and every byte that it printed.

use serde_json::{Value, json};
use shakedown::sandbox::{NodeStatus, Sandbox};

use crate::harness::{Machine, Script, region, row};

/// Every byte but those that move a terminal's position (backspace, line feed, carriage return), and line feeds.
fn every_byte() -> Vec<u8> {
    let still = |byte: &u8| !matches!(byte, 0x08 | b'\n' | b'\r');
    let mut bytes: Vec<u8> = (0..=255).filter(still).collect();
    bytes.push(b'\n');
    bytes.extend((0..=255).rev().filter(still));
    bytes
}

fn octal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:03o}")).collect()
}

/// A run with a script that prints every byte, and one that fails.
async fn after_a_run() -> (Machine, Sandbox) {
    let machine = Machine::new();
    let binary = format!(
        "printf '{}'; printf 'to the other' >&2; printf '{{results: {{speed: 12}}}}' > \"$RESULT_PATH\"",
        octal(&every_byte())
    );
    let scripts =
        [Script::testing("binary", binary), Script::testing("fails", "exit 3"), Script::testing("silent", "")];
    let region = region(NodeStatus::Testing, &scripts).await;
    let ended = machine.run(&region).variable("SUDO_USER", "ann").end().await;
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    (machine, region)
}

async fn output(machine: &Machine, script: &str, which: &str) -> Vec<u8> {
    let ended = machine.ask("results").words(&["--script", script, "--output", which]).end().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    ended.stdout
}

#[tokio::test]
async fn what_a_script_printed_is_given_back_byte_by_byte() {
    let (machine, region) = after_a_run().await;
    assert_eq!(output(&machine, "binary", "stdout").await, every_byte());
    assert_eq!(output(&machine, "binary", "stderr").await, b"to the other");
    assert_eq!(output(&machine, "binary", "result").await, b"{results: {speed: 12}}");
    let combined = output(&machine, "binary", "combined").await;
    assert_eq!(combined.len(), every_byte().len() + b"to the other".len());
    let row = row(&region, "binary");
    assert_eq!(
        (row.stdout, row.stderr, row.output),
        (every_byte(), b"to the other".to_vec(), combined),
        "as the region has it"
    );
}

#[tokio::test]
async fn a_script_that_printed_nothing_gives_nothing() {
    let (machine, _region) = after_a_run().await;
    assert_eq!(output(&machine, "silent", "stdout").await, b"");
    assert_eq!(output(&machine, "silent", "combined").await, b"");
    let ended = machine.ask("results").words(&["--script", "silent", "--output", "result"]).end().await;
    assert_eq!((ended.code, ended.stdout), (Some(0), Vec::new()));
    assert!(ended.stderr.contains("printed nothing there"), "{}", ended.stderr);
}

#[tokio::test]
async fn results_are_one_line_each() {
    let (machine, _region) = after_a_run().await;
    let table = machine.ask("results").end().await.answer();
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["SCRIPT", "SET", "STATUS", "EXIT", "STARTED", "TIME", "USED", "SHA-256", "OUTPUT", "NOTES"]);
    assert_eq!(lines[1][..4], ["binary", "testing", "Passed", "0"]);
    assert_eq!(lines[2][..4], ["fails", "testing", "Failed", "3"]);
    assert_eq!(lines[3][..4], ["silent", "testing", "Passed", "0"]);
    assert!(lines[1].contains(&"processor,"), "{table}");
    let file = machine.path("storage/out/binary.4000").display().to_string();
    assert!(lines[1].contains(&file.as_str()), "{table}");
    let one = machine.ask("results").words(&["1", "--script", "fails"]).end().await.answer();
    assert_eq!(one.lines().count(), 2, "{one}");
}

#[tokio::test]
async fn runs_are_one_line_each_newest_first() {
    let (machine, first) = after_a_run().await;
    let second = region(NodeStatus::Testing, &[Script::testing("later", "echo later")]).await;
    assert_eq!(machine.run(&second).variable("SUDO_USER", "bob").end().await.code, Some(0));
    let table = machine.ask("runs").end().await.answer();
    let lines: Vec<Vec<&str>> =
        table.lines().map(|line| line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect()).collect();
    assert_eq!(lines[0], ["RUN", "STARTED", "ENDED", "SCRIPTS", "FAILED", "BY", "REGION", "OUTCOME"]);
    assert_eq!(
        (lines[1][0], &lines[1][3..6], lines[1][7]),
        ("2", &["1", "0", "bob"][..], "All scripts successfully ran")
    );
    assert_eq!(
        (lines[2][0], &lines[2][3..6], lines[2][7]),
        ("1", &["3", "1", "ann"][..], "1 test scripts failed to run")
    );
    let address = first.url().trim_end_matches("/MAAS/").to_owned();
    assert!(lines[2][6].starts_with(&address), "{table}");
    assert!(machine.ask("results").end().await.answer().contains("later"), "the last run is meant without a number");
    assert!(machine.ask("results").word("1").end().await.answer().contains("binary"));
}

#[tokio::test]
async fn programs_get_runs_and_results_as_json() {
    let (machine, _region) = after_a_run().await;
    let runs: Value =
        serde_json::from_str(&machine.ask("runs").words(&["--format", "json"]).end().await.answer()).expect("JSON");
    assert_eq!((&runs[0]["kind"], &runs[0]["run"], &runs[0]["failed"]), (&json!("run"), &json!(1), &json!(1)));
    assert!(runs[0]["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{runs}");
    let lines = machine.ask("results").words(&["--format", "jsonl"]).end().await.answer();
    let results: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let seen: Vec<_> = results.iter().map(|one| (one["script"].as_str(), one["status"].as_str())).collect();
    assert_eq!(
        seen,
        [(Some("binary"), Some("Passed")), (Some("fails"), Some("Failed")), (Some("silent"), Some("Passed"))]
    );
    assert_eq!(results[1]["exit_status"], 3, "{lines}");
    assert!(results[0]["output"].as_str().is_some_and(|path| std::path::Path::new(path).is_file()), "{lines}");
}

#[tokio::test]
async fn a_command_of_the_site_hears_of_failed_scripts() {
    let machine = Machine::new();
    let heard = machine.path("heard");
    let region =
        region(NodeStatus::Testing, &[Script::testing("good", "true"), Script::testing("bad", "exit 9")]).await;
    let command = format!("cat >> {}", heard.display());
    machine.run(&region).variable("SHAKEDOWN_NOTIFY_COMMAND", &command).end().await;
    let text = std::fs::read_to_string(&heard).expect("the command was called");
    let news: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(news.len(), 1, "{text}");
    assert_eq!(news[0]["kind"], "script-failed");
    assert!(news[0]["description"].as_str().is_some_and(|text| text.contains("bad")), "{text}");
}

#[tokio::test]
async fn what_is_not_there_is_said_with_what_is() {
    let (machine, _region) = after_a_run().await;
    for words in [&["7"][..], &["--script", "nobody"]] {
        let ended = machine.ask("results").words(words).end().await;
        assert_eq!(ended.code, Some(3));
        assert!(ended.only_complaint().contains("`shakedown runs` lists the runs"), "{}", ended.stderr);
    }
    assert_eq!(machine.ask("results").words(&["--output", "stdout"]).end().await.code, Some(2), "of which script?");
}

/// Two regions may give the same number to different results: what one run printed is none of the other's.
#[tokio::test]
async fn what_an_earlier_run_printed_does_not_get_into_a_later_ones_result() {
    let machine = Machine::new();
    for text in ["first", "second"] {
        let body = format!("echo {text}; [ {text} = second ] || echo '{{status: failed}}' > \"$RESULT_PATH\"");
        let region = region(NodeStatus::Testing, &[Script::testing("a", body)]).await;
        machine.run(&region).end().await;
        let row = row(&region, "a");
        assert_eq!(String::from_utf8_lossy(&row.output), format!("{text}\n"));
        assert_eq!(row.status.is_failure(), text == "first", "{}", row.status);
    }
}
