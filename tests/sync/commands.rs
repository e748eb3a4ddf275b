//! The program itself with the credentials of a deployed machine.

use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;
use shakedown::sandbox::{NodeStatus, Sandbox};

use crate::deployed::deployed_region;
use crate::support::program::{Finished, Program};
use crate::support::{Node, row};

/// A call with everything that it may write in the machine's home.
fn call(node: &Node, verb: &str) -> Program {
    Program::new(verb).env("SHAKEDOWN_STATE_DIR", node.home().join("state"))
}

async fn sync(node: &Node, words: &[&str]) -> Finished {
    let program = call(node, "sync").arg("--config").arg(node.config());
    program.arg("--storage").arg(node.storage()).args(words).finish().await
}

fn requests(region: &Sandbox) -> Vec<Value> {
    region.requests()
}

/// That the machine is still deployed, and nobody tried to end that: FAILED would be answered 409.
fn assert_untouched(region: &Sandbox, what: &str) {
    assert_eq!(region.node_status(), NodeStatus::Deployed, "{what}");
    assert!(requests(region).iter().all(|request| request["answer"] != 409), "{what}: {:?}", requests(region));
    let changed: Vec<_> = region.events().into_iter().filter(|row| row.type_name == "NODE_CHANGED_STATUS").collect();
    assert!(changed.is_empty(), "{what}: {changed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_takes_a_deployed_machine_out_of_use() {
    let region = deployed_region().await;
    let node = Node::new(&region.deployed_config());
    let calls: [(&str, &[&str]); 12] = [
        ("run", &[]),
        ("run", &["--exit-when-done"]),
        ("run", &["--fresh"]),
        ("signal", &["OK"]),
        ("signal", &["FAILED", "a reason"]),
        ("signal", &["TESTING"]),
        ("signal", &["WORKING"]),
        ("sync", &[]),
        ("sync", &["--full"]),
        ("sync", &["--dry-run"]),
        ("report-results", &["--debug"]),
        ("deliver", &["--give-up-after", "1"]),
    ];
    for (verb, words) in calls {
        let program = call(&node, verb).arg("--config").arg(node.config()).args(words);
        let program = match verb {
            "run" => program.arg(node.storage()),
            "sync" | "report-results" => program.arg("--storage").arg(node.storage()),
            _ => program,
        };
        let finished = program.finish().await;
        assert_untouched(&region, &format!("{verb} {words:?}"));
        let may_end_well =
            !matches!((verb, words.first()), ("run", _) | ("signal", Some(&("OK" | "FAILED" | "TESTING"))));
        assert_eq!(finished.code == Some(3), !may_end_well, "{verb} {words:?}: {finished:?}");
    }
    let last = region.last_sync();
    assert!(last.is_some(), "it was heard of all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_so_when_the_machine_is_not_deployed() {
    let region = deployed_region().await;
    let node = Node::of(&region);
    let datasource = region.node_config().split("reporting:").next().expect("a datasource").to_owned();
    let path = node.home().join("datasource.yaml");
    std::fs::write(&path, datasource).expect("a small file");
    let finished = call(&node, "sync").arg("--config").arg(&path).finish().await;
    assert_eq!(finished.code, Some(3), "{finished:?}");
    assert!(
        finished.stderr.contains("shakedown run") && finished.stderr.contains("maas-machine-creds"),
        "{finished:?}"
    );
    assert_eq!(requests(&region).len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_shows_what_it_did_and_a_second_one_is_quiet() {
    let region = deployed_region().await;
    let node = Node::new(&region.deployed_config());
    let first = sync(&node, &["--dry-run"]).await;
    assert!(first.stdout.contains("it would be sent everything") && requests(&region).is_empty(), "{first:?}");
    let first = sync(&node, &[]).await;
    assert_eq!(first.code, Some(1), "one of its scripts fails: {first:?}");
    assert!(first.stdout.contains("maas-support-info") && first.stdout.contains("the first one"), "{first:?}");
    let count = requests(&region).len();
    let second = sync(&node, &[]).await;
    assert_eq!((second.code, requests(&region).len()), (Some(0), count + 1), "{second:?}");
    assert!(second.stdout.contains("nothing changed"), "{second:?}");
    let third = sync(&node, &["--dry-run"]).await;
    assert!(third.stdout.contains("one sign of life") && requests(&region).len() == count + 1, "{third:?}");
    let last = call(&node, "diff").arg("--last").finish().await;
    assert_eq!((last.code, last.stdout.as_str()), (Some(0), "Nothing changed\n"), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_the_place_of_the_program_that_it_replaces() {
    let region = deployed_region().await;
    let node = Node::new(&region.deployed_config());
    let name = node.home().join("maas-run-scripts");
    symlink(Path::new(env!("CARGO_BIN_EXE_shakedown")), &name).expect("a link");
    let reporting = |config: &Path| {
        let program = Program::at(&name).env("SHAKEDOWN_STATE_DIR", node.home().join("state"));
        program.args(["report-results", "--storage"]).arg(node.storage()).arg("--config").arg(config)
    };
    let finished = reporting(&node.config()).finish().await;
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert_eq!(row(&region, "maas-support-info").exit_status, Some(7), "the exit status is not dropped");
    let text = region.deployed_config();
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)).expect("a line of it");
        line.trim().to_owned()
    };
    let token = [value("consumer_key:"), value("token_key:"), value("token_secret:")].join(":");
    let program = Program::at(&name).env("SHAKEDOWN_STATE_DIR", node.home().join("state"));
    let program = program.args(["report-results", "--storage"]).arg(node.storage()).arg("--machine-token").arg(token);
    let count = requests(&region).len();
    let finished = program.arg("--metadata-url").arg(format!("{}metadata/", region.url())).finish().await;
    assert_eq!((finished.code, requests(&region).len()), (Some(0), count + 1), "{finished:?}");
    assert_untouched(&region, "report-results");
}
