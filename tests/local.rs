//! Other users and other runs of the same machine: what root runs and believes is root's alone, and one run at a time has a storage directory.

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;

use shakedown::sandbox::{NodeStatus, Sandbox};
use shakedown::script::Status;

use support::{Node, left_out, plain, region, row};

const NOBODY: u32 = 65_534;

async fn hello() -> Sandbox {
    region(&[("testing/hello", plain("echo hello"))], |options| options.status = NodeStatus::Testing).await
}

fn open_to_all(directory: &Path) {
    fs::create_dir(directory).expect("a directory");
    fs::set_permissions(directory, fs::Permissions::from_mode(0o777)).expect("one's own directory");
}

/// A run that refuses its place, with the command that mends it, before the region hears of anything.
async fn is_refused(node: &Node, region: &Sandbox, state: &Path, storage: &Path, says: &str) {
    let run = node.run_at(storage).env("SHAKEDOWN_STATE_DIR", state).finish().await;
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.stderr.contains(says) && run.stderr.contains("Mend it with: "), "{says:?} in {}", run.stderr);
    assert_eq!(region.requests(), Vec::<serde_json::Value>::new(), "nothing is begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_others_can_change_is_refused_with_the_command_that_mends_it() {
    let region = hello().await;
    let node = Node::of(&region);
    let public = node.home().join("public");
    open_to_all(&public);
    let state = node.home().join("state");
    is_refused(&node, &region, &state, &public, "can be written by everybody").await;
    is_refused(&node, &region, &state, &public.join("below"), "can be written by everybody").await;
    is_refused(&node, &region, &public.join("state"), &node.storage(), "can be written by everybody").await;
    if left_out::unless_root("places of other users") {
        let theirs = node.home().join("theirs");
        fs::create_dir(&theirs).expect("a directory");
        chown(&theirs, Some(NOBODY), Some(NOBODY)).expect("root may");
        is_refused(&node, &region, &state, &theirs, "belongs to user 65534").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_a_link_is_not_followed() {
    let region = hello().await;
    let node = Node::of(&region);
    let (state, elsewhere) = (node.home().join("state"), node.home().join("elsewhere"));
    fs::create_dir(&state).expect("a directory");
    symlink(&elsewhere, state.join("journal.db")).expect("a link");
    let run = node.run().env("SHAKEDOWN_STATE_DIR", &state).finish().await;
    assert_eq!((run.code, elsewhere.exists()), (Some(0), false), "{run:?}");
    assert!(run.stderr.contains("no journal"), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_directory_has_one_run_at_a_time() {
    // The first run is held by its script until the second was refused.
    let node_home = tempfile::tempdir().expect("a temporary directory");
    let go = node_home.path().join("go");
    let waits = plain(&format!("until [ -e {} ]; do sleep 0.05; done; echo first", go.display()));
    let first_region = region(&[("testing/first", waits)], |options| options.status = NodeStatus::Testing).await;
    let second_region = hello().await;
    let (first, second) = (Node::of(&first_region), Node::of(&second_region));
    let running = first.run().start();
    support::until("the first script runs", || row(&first_region, "first").status == Status::Running).await;
    let refused = second.run_at(&first.storage()).finish().await;
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("another shakedown run uses the storage directory"), "{}", refused.stderr);
    fs::write(&go, "").expect("a file");
    let ended = running.finish(support::LIMIT).await;
    assert_eq!((ended.code, row(&first_region, "first").status), (Some(0), Status::Passed), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callers_mask_opens_nothing_to_others() {
    let scripts = [("testing/look", plain("umask; touch \"$DOWNLOAD_PATH/made\""))];
    let region = region(&scripts, |options| options.status = NodeStatus::Testing).await;
    let node = Node::of(&region);
    let run = node.run().through(&["sh", "-c", "umask 0; exec \"$0\" \"$@\""]).finish().await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(node.output(&row(&region, "look"), ""), b"0022\n");
    let mut open = vec![node.storage()];
    while let Some(path) = open.pop() {
        let mode = fs::symlink_metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o022, 0, "{} is {mode:o}", path.display());
        if path.is_dir() {
            open.extend(fs::read_dir(&path).expect("a directory").flatten().map(|entry| entry.path()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_file_size_ends_no_run() {
    let scripts = [("testing/prints", plain("head -c 4000000 /dev/zero")), ("testing/later", plain("echo later"))];
    let region = region(&scripts, |options| options.status = NodeStatus::Testing).await;
    let node = Node::of(&region);
    let run = node.run().through(&["prlimit", "--fsize=2000000"]).finish().await;
    assert!(matches!(run.code, Some(0 | 1)), "the agent was not killed: {run:?}");
    assert_eq!(row(&region, "later").status, Status::Passed);
    assert_ne!(row(&region, "prints").status, Status::Passed, "what it printed was lost");
}
