//! No secret is in the journal, its log, or anything else in the state directory, whatever happens.

use std::fs;
use std::path::Path;

use shakedown::sandbox::{Action, Fault, NodeStatus, Sandbox};
use shakedown::script::Status;

use crate::harness::{Machine, Script, region, row};

/// Token key and token secret of a region's node.
fn secrets(region: &Sandbox) -> Vec<String> {
    let config = region.node_config();
    let value = |key: &str| {
        let line = config.lines().find(|line| line.contains(key)).expect("the configuration has it");
        line.rsplit(' ').next().unwrap_or_default().to_owned()
    };
    let secrets = vec![value("token_key"), value("token_secret")];
    assert!(secrets.iter().all(|secret| secret.len() >= 18), "{secrets:?}");
    secrets
}

/// Every file of the state directory, and which of these texts it holds.
fn found(directory: &Path, texts: &[String]) -> Vec<String> {
    let files: Vec<_> =
        fs::read_dir(directory).expect("the state directory").flatten().map(|entry| entry.path()).collect();
    assert!(files.iter().any(|path| path.ends_with("journal.db")), "{files:?}");
    let holds = |path: &Path| {
        let bytes = fs::read(path).expect("readable");
        let has = |text: &&String| memchr::memmem::find(&bytes, text.as_bytes()).is_some();
        texts.iter().filter(has).map(|text| format!("{} in {}", text, path.display())).collect::<Vec<_>>()
    };
    files.iter().flat_map(|path| holds(path)).collect()
}

#[tokio::test]
async fn after_a_run_with_all_kinds_of_messages() {
    let machine = Machine::new();
    let scripts = [
        Script::testing("a", "echo one"),
        Script::testing("b", "echo two; exit 3"),
        Script::testing("c", "echo '{status: degraded}' > \"$RESULT_PATH\""),
    ];
    let region = region(NodeStatus::Testing, &scripts).await;
    region.inject(Fault::for_results(1, Action::Answer(400, "no".to_owned())));
    assert_eq!(machine.run(&region).end().await.code, Some(1));
    assert_eq!(found(&machine.state, &secrets(&region)), Vec::<String>::new());
}

#[tokio::test]
async fn in_mid_run_in_the_log_beside_the_journal() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo begun; sleep 60")]).await;
    machine.run(&region).killed_when("it has begun", || machine.has("storage/out/a.4000", "begun")).await;
    assert!(fs::metadata(machine.state.join("journal.db-wal")).is_ok_and(|log| log.len() > 0), "there is a log");
    assert_eq!(found(&machine.state, &secrets(&region)), Vec::<String>::new());
    assert_eq!(machine.run(&region).end().await.code, Some(1));
    assert_eq!(found(&machine.state, &secrets(&region)), Vec::<String>::new());
}

/// A region's answer to a wrong secret has the right one in it.
#[tokio::test]
async fn after_the_region_refused_a_wrong_secret() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo one")]).await;
    let secrets = secrets(&region);
    let wrong = "a-wrong-secret-of-some-length".to_owned();
    let config = machine.path("wrong.yaml");
    fs::write(&config, region.node_config().replace(&secrets[1], &wrong)).expect("a file");
    let ended = machine.run_with(&config).end().await;
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("the token secret is wrong"), "{}", ended.stderr);
    let texts = [&secrets[..], &[wrong]].concat();
    assert_eq!(found(&machine.state, &texts), Vec::<String>::new());
    let said = format!("{}{}", ended.text(), ended.stderr);
    assert!(texts.iter().all(|text| !said.contains(text.as_str())), "{said}");
}

#[tokio::test]
async fn nor_is_a_password_that_a_script_is_given() {
    let machine = Machine::new();
    let password = "correct-horse-battery-staple";
    let parameters =
        format!("parameters: {{word: {{type: password, default: {password}, argument_format: '--word={{input}}'}}}}");
    let script = Script::testing("a", "[ \"$1\" = --word=correct-horse-battery-staple ] && echo it was given")
        .field(&parameters);
    let region = region(NodeStatus::Testing, &[script]).await;
    assert_eq!(machine.run(&region).end().await.code, Some(0));
    let row = row(&region, "a");
    assert_eq!((row.status, row.output.as_slice()), (Status::Passed, &b"it was given\n"[..]));
    assert_eq!(found(&machine.state, &[password.to_owned()]), Vec::<String>::new());
}

#[tokio::test]
async fn nobody_else_may_read_any_of_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo begun; sleep 60")]).await;
    machine.run(&region).killed_when("it has begun", || machine.has("storage/out/a.4000", "begun")).await;
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&machine.state), 0o700);
    for entry in fs::read_dir(&machine.state).expect("the state directory").flatten() {
        assert_eq!(mode(&entry.path()), 0o600, "{}", entry.path().display());
    }
    assert_eq!(machine.run(&region).end().await.code, Some(1));
}
