//! What a trial shows, and what it leaves behind.

use std::fs;

use nix::sys::signal::Signal;

use super::Trial;
use super::support::program::Program;
use super::support::{LIMIT, Marker, script, until};

#[tokio::test(flavor = "multi_thread")]
async fn output_status_results_and_events_are_shown() {
    let body = "echo first; printf 'a\\rb'; printf 'status: degraded\\nresults: {errors: 3}\\n' >\"$RESULT_PATH\"";
    let run = Trial::of(&script("timeout: 60\nresults: {errors: {title: E}}", body)).text(&[]).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    let lines: Vec<&str> = run.stdout.lines().collect();
    for expected in ["| first", "| b", "  INFO     Running test: look"] {
        assert!(lines.contains(&expected), "{expected:?} in {}", run.stdout);
    }
    for (first, last) in
        [("look    Degraded  0", "B"), ("look    errors  3", "3"), ("The machine would now be Ready", ".")]
    {
        assert!(
            lines.iter().any(|line| line.starts_with(first) && line.ends_with(last)),
            "{first:?} in {}",
            run.stdout
        );
    }
}

/// Neither in the journal of this machine nor in the temporary directory.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_behind() {
    let trial = Trial::of(&script("timeout: 60", "echo \"$RESULT_PATH\" \"$SHAKEDOWN_STATE_DIR\""));
    let (state, temporary) = (trial.path().join("state"), trial.path().join("tmp"));
    fs::create_dir(&temporary).expect("a directory");
    let program = Program::new("try").arg(trial.script());
    let run = program.env("SHAKEDOWN_STATE_DIR", &state).env("TMPDIR", &temporary).finish().await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.contains(&format!("| {}/shakedown-try-", temporary.display())), "{run:?}");
    assert!(!state.exists(), "the journal of the machine was touched");
    assert_eq!(fs::read_dir(&temporary).expect("a directory").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_the_machine_by_a_proxy() {
    let trial = Trial::of(&script("timeout: 60", "true"));
    let run = trial
        .program(&[])
        .env("http_proxy", "http://127.0.0.1:9")
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .finish()
        .await;
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_that_are_not_installed_are_told() {
    let trial = Trial::of(&script("timeout: 60\npackages: {apt: [no-such-package]}", "echo ran"));
    let run = trial.text(&[]).await;
    assert!(run.code == Some(0) && run.stdout.contains("| ran"), "{run:?}");
    assert!(run.stdout.contains("not installed") && run.stdout.contains("no-such-package"), "{run:?}");
    let (_, document) = trial.json(&[]).await;
    assert!(document["notes"][0].as_str().is_some_and(|note| note.contains("no-such-package")), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_asked_for_counts() {
    let header = "timeout: 3600\nparameters: {limit: {type: runtime, default: '3000'}}";
    let trial = Trial::of(&script(header, "sleep 600"));
    let (code, document) = trial.json(&["--timeout", "1"]).await;
    assert_eq!((code, &document["results"][0]["status"]), (Some(1), &"Timed out".into()), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_stops_the_script_and_tells_what_became_of_it() {
    let marker = Marker::new();
    let trial = Trial::of(&script("timeout: 3600", &format!("echo begun; sleep {}", marker.word())));
    let running = trial.program(&[]).start();
    until("the script runs", || !marker.alive().is_empty()).await;
    running.signal(Signal::SIGINT);
    let run = running.finish(LIMIT).await;
    assert_eq!(run.code, Some(130), "{run:?}");
    assert!(marker.alive().is_empty(), "it was left running");
    assert!(run.stdout.contains("| begun") && run.stdout.contains("look    Failed"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_can_be_kept() {
    let trial = Trial::of(&script("timeout: 60", "echo kept"));
    let (_, document) = trial.json(&[]).await;
    let output = document["results"][0]["output_path"].as_str().expect("a path");
    assert_eq!(fs::read_to_string(output).expect("it is there"), "kept\n");
    assert!(trial.kept().join("state/journal.db").exists());
    let again = trial.json(&[]).await;
    assert_eq!(
        (again.0, again.1["results"].as_array().map(Vec::len)),
        (Some(0), Some(1)),
        "the directory is used again"
    );
}
