//! What the program does with a machine in each of its states, and what the region makes of it: signals in their order, the node's
//! status, the events. And scripts that destroy data: who must have ordered them, and what must be on record before.

mod support;

use std::fs;
use std::path::Path;

use shakedown::event::{EventQuery, EventRecord};
use shakedown::journal::Store;
use shakedown::sandbox::{Acquaintance, NodeStatus, Sandbox};
use shakedown::script::Status;

use support::program::{Finished, Program};
use support::tap::Tap;
use support::{Node, plain, region, row, script};

/// What becomes of a machine.
struct Case {
    begins: NodeStatus,
    folder: &'static str,
    exit: i32,
    code: i32,
    signals: &'static [&'static str],
    ends: NodeStatus,
    /// Types of the region's events, after those of the script itself.
    events: &'static [&'static str],
}

const CHANGED: &str = "NODE_CHANGED_STATUS";
const MARKED: &str = "REQUEST_NODE_MARK_FAILED_SYSTEM";

fn cases() -> Vec<Case> {
    use NodeStatus as N;
    let case = |begins, folder, exit, signals, ends, events| Case {
        begins,
        folder,
        exit,
        code: i32::from(exit != 0),
        signals,
        ends,
        events,
    };
    vec![
        case(N::Commissioning, "commissioning", 0, &["WORKING", "WORKING", "OK"], N::Ready, &["READY", CHANGED]),
        case(
            N::Commissioning,
            "commissioning",
            3,
            &["WORKING", "WORKING", "FAILED"],
            N::FailedCommissioning,
            &["FAILED_COMMISSIONING", CHANGED],
        ),
        case(N::Testing, "testing", 0, &["TESTING", "WORKING", "WORKING", "OK"], N::Ready, &["READY", CHANGED]),
        case(
            N::Testing,
            "testing",
            3,
            &["TESTING", "WORKING", "WORKING", "FAILED"],
            N::FailedTesting,
            &["FAILED_TESTING", CHANGED],
        ),
        // Release ends with cloud-init's own report: nothing more comes from here.
        case(
            N::Releasing,
            "release",
            0,
            &["RELEASING", "WORKING", "WORKING", "OK"],
            N::Releasing,
            &["NODE_RELEASE_SCRIPTS_OK"],
        ),
        case(
            N::Releasing,
            "release",
            3,
            &["RELEASING", "WORKING", "WORKING", "FAILED"],
            N::ReleasingFailed,
            &[MARKED, CHANGED],
        ),
        case(
            N::DiskErasing,
            "release",
            0,
            &["RELEASING", "WORKING", "WORKING", "OK"],
            N::DiskErasing,
            &["NODE_DISKS_ERASED"],
        ),
        case(
            N::DiskErasing,
            "release",
            3,
            &["RELEASING", "WORKING", "WORKING", "FAILED"],
            N::FailedDiskErasing,
            &[MARKED, CHANGED],
        ),
        // No OK: a deploying node does nothing with it, and a deployed one would be released by it.
        case(N::Deploying, "deployment", 0, &["DEPLOYING", "WORKING", "WORKING"], N::Deploying, &[]),
        case(
            N::Deploying,
            "deployment",
            3,
            &["DEPLOYING", "WORKING", "WORKING", "FAILED"],
            N::FailedDeployment,
            &[MARKED, CHANGED],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_state_ends_as_the_region_expects() {
    for case in cases() {
        let told = format!("{} with exit {}", case.begins.name(), case.exit);
        let scripts = [(format!("{}/one", case.folder), plain(&format!("echo one; exit {}", case.exit)))];
        let region = region(&scripts, |options| options.status = case.begins).await;
        let tap = Tap::before(&region, |_, _| None).await;
        let run = Node::behind(&region, &tap.url()).run().finish().await;
        assert_eq!(run.code, Some(case.code), "{told}: {run:?}");
        // The head of the record is told as an event, which is no signal.
        let signals = tap.signals().into_iter().map(|signal| signal.status().to_owned());
        let signals: Vec<String> = signals.filter(|status| !status.is_empty()).collect();
        assert_eq!(signals, case.signals, "{told}");
        assert_eq!(region.node_status(), case.ends, "{told}");
        let status = if case.exit == 0 { Status::Passed } else { Status::Failed };
        // A region stores nothing of what comes while disks are erased (contract VERSIONS, §1).
        let is_stored = case.begins != NodeStatus::DiskErasing;
        let expected = if is_stored { (status, Some(case.exit.into())) } else { (Status::Pending, None) };
        let result = row(&region, "one");
        assert_eq!((result.status, result.exit_status), expected, "{told}");
        let of_node = |event: &&EventRecord| {
            !["RUNNING_TEST", "SCRIPT_RESULT_CHANGED_STATUS", "SCRIPT_DID_NOT_COMPLETE"].contains(&&*event.type_name)
                && event.description != "From 'Commissioning' to 'Testing'"
                && event.action != "shakedown/audit-head"
        };
        let events = region.events();
        let events: Vec<&str> = events.iter().filter(of_node).map(|event| event.type_name.as_str()).collect();
        assert_eq!(events, case.events, "{told}");
    }
}

/// But for the entering of rescue mode: its machine has no scripts, and the region waits for a word of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_without_scripts_is_left_as_it_is() {
    use NodeStatus as N;
    let with_scripts = [N::Commissioning, N::Testing, N::Releasing, N::DiskErasing, N::Deploying, N::Deployed];
    let folders = ["commissioning", "testing", "release", "deployment"];
    for status in NodeStatus::ALL.iter().copied().filter(|status| !with_scripts.contains(status)) {
        let scripts = folders.map(|folder| (format!("{folder}/of-{folder}"), plain("exit 1")));
        let region = region(&scripts, |options| options.status = status).await;
        let run = Node::of(&region).run().finish().await;
        assert_eq!(run.code, Some(0), "{}: {run:?}", status.name());
        let ends = if status == N::EnteringRescueMode { N::RescueMode } else { status };
        assert_eq!(region.node_status(), ends, "{}", status.name());
    }
}

/// The power failed between the last result and the end of the run, and the system with its journal was in memory: for the region the
/// run never ends, and what nobody here has seen is not passed.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_record_is_lost_ends_as_failed() {
    use NodeStatus as N;
    for (begins, folder, ends) in
        [(N::Commissioning, "commissioning", N::FailedCommissioning), (N::Testing, "testing", N::FailedTesting)]
    {
        for stored in [Status::Passed, Status::Failed, Status::TimedOut] {
            let region = region(&[(format!("{folder}/one"), plain("exit 1"))], |options| options.status = begins).await;
            region.set_result("one", stored);
            let run = Node::of(&region).run().finish().await;
            assert_eq!((run.code, region.node_status()), (Some(0), ends), "{stored:?}: {run:?}");
            assert_eq!(row(&region, "one").status, stored, "what was stored stays");
        }
    }
}

/// The region lets its own scripts run again, under the numbers that they had.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_asks_for_it_has_commissioning_begin_anew_once() {
    let node = Node::new("");
    let count = |name: &str| format!("echo {name} >>{}", trace(&node).display());
    let scripts = [
        ("commissioning/20-maas-01-look", plain(&count("look"))),
        ("commissioning/90-update", script("script_type: commissioning\nrecommission: true", &count("update"))),
        ("testing/check", plain(&count("check"))),
    ];
    let region = region(&scripts, |_| {}).await;
    fs::write(node.config(), region.node_config()).expect("a small file");
    let run = node.run().finish().await;
    assert_eq!((run.code, region.node_status()), (Some(0), NodeStatus::Ready), "{run:?}");
    assert_eq!(fs::read_to_string(trace(&node)).expect("they ran"), "look\nupdate\nlook\ncheck\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn rescue_mode_is_entered_by_a_signal() {
    for (word, ends) in [
        ("OK", NodeStatus::RescueMode),
        ("WORKING", NodeStatus::RescueMode),
        ("FAILED", NodeStatus::FailedEnteringRescueMode),
    ] {
        let region = region::<&str>(&[], |options| options.status = NodeStatus::EnteringRescueMode).await;
        let node = Node::of(&region);
        let call = Program::new("signal").arg("--config").arg(node.config()).args([word, "by hand"]);
        let run = call.finish().await;
        assert_eq!((run.code, region.node_status()), (Some(0), ends), "{word}: {run:?}");
    }
}

/// A script that leaves a trace where nobody cleans up.
fn destroyer(node: &Node, kind: &str) -> String {
    script(&format!("script_type: {kind}\ndestructive: true"), &format!("echo gone >{}", trace(node).display()))
}

fn trace(node: &Node) -> std::path::PathBuf {
    node.home().join("trace")
}

async fn releasing(scripts: &[(&str, String)]) -> Sandbox {
    region(scripts, |options| options.status = NodeStatus::Releasing).await
}

/// Audit events of a journal, oldest first.
fn audit(state: &Path) -> Vec<String> {
    let store = Store::read(state).expect("a journal");
    let query = EventQuery::parse(&[("level".to_owned(), "AUDIT".to_owned())]).expect("a query");
    let mut rows = store.events(&query).expect("readable");
    rows.reverse();
    rows.into_iter().map(|row| row.description).collect()
}

/// The script's first instruction copies the journal as it is at that moment.
#[tokio::test(flavor = "multi_thread")]
async fn that_data_is_destroyed_is_on_record_before_the_first_byte_is() {
    for header in
        ["script_type: release\ndestructive: true", "script_type: release", "script_type: testing\ndestructive: true"]
    {
        let place = tempfile::tempdir().expect("a temporary directory");
        let (state, copy) = (place.path().join("state"), place.path().join("copy"));
        fs::create_dir(&copy).expect("room for a directory");
        let folder = if header.contains("release") { "release" } else { "testing" };
        let body = format!("cp {}/journal.db* {}/; echo wiped", state.display(), copy.display());
        let scripts = [(format!("{folder}/wipe"), script(header, &body))];
        let status = if folder == "release" { NodeStatus::Releasing } else { NodeStatus::Testing };
        let region = region(&scripts, |options| options.status = status).await;
        let run = Node::of(&region).run().env("SHAKEDOWN_STATE_DIR", &state).finish().await;
        assert_eq!(run.code, Some(0), "{header}: {run:?}");
        let then = audit(&copy);
        let what = if header.contains("destructive") { "destructive " } else { "" };
        let expected = format!("Started {what}{folder} script 'wipe' on '");
        assert!(then.iter().any(|row| row.starts_with(&expected)), "{header}: {then:?}");
    }
}

/// Nobody could say later who destroyed the data, so the data stays.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_journal_nothing_is_destroyed() {
    let node = Node::new("");
    let region = releasing(&[("release/wipe", destroyer(&node, "release"))]).await;
    fs::write(node.config(), region.node_config()).expect("a small file");
    let no_directory = node.home().join("file/state");
    fs::write(node.home().join("file"), "in the way").expect("a small file");
    let run = node.run().env("SHAKEDOWN_STATE_DIR", &no_directory).finish().await;
    assert_eq!((run.code, trace(&node).exists()), (Some(1), false), "{run:?}");
    let result = row(&region, "wipe");
    assert_eq!((result.status, result.exit_status), (Status::Failed, Some(2)));
    assert!(String::from_utf8_lossy(&result.output).contains("--allow-destructive"), "{result:?}");
    assert_eq!(region.node_status(), NodeStatus::ReleasingFailed);

    let region = releasing(&[("release/wipe", destroyer(&node, "release"))]).await;
    fs::write(node.config(), region.node_config()).expect("a small file");
    let run = node.run().arg("--allow-destructive").env("SHAKEDOWN_STATE_DIR", &no_directory).finish().await;
    assert_eq!((run.code, trace(&node).exists()), (Some(0), true), "{run:?}");
    assert_eq!(row(&region, "wipe").status, Status::Passed);
}

/// Data that a script on the disk would destroy, without a region that wants it now or hears of it.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_region_orders_destruction() {
    let node = Node::new("");
    let scripts = [("release/wipe", destroyer(&node, "release")), ("release/plain", plain("echo also of the release"))];
    let region = releasing(&scripts).await;
    fs::write(node.config(), region.node_config()).expect("a small file");
    let refused = |run: &Finished| {
        assert_eq!((run.code, trace(&node).exists()), (Some(3), false), "{run:?}");
        assert!(run.stderr.contains("plain, wipe") && run.stderr.contains("--allow-destructive"), "{}", run.stderr);
        assert_eq!(region.node_status(), NodeStatus::Releasing, "not the region's concern");
    };
    // Its archive is on the disk after this.
    refused(&node.run().arg("--no-send").finish().await);
    refused(&node.run().arg("--no-download").finish().await);
    refused(&node.run().args(["--no-download", "--no-send"]).finish().await);
    let posts = region.requests().iter().filter(|request| request["method"] == "POST").count();
    assert_eq!(posts, 0, "nothing was said to the region");
    let run = node.run().args(["--no-download", "--allow-destructive"]).finish().await;
    assert_eq!((run.code, trace(&node).exists()), (Some(0), true), "{run:?}");
    assert_eq!(row(&region, "wipe").status, Status::Passed);
}

/// Half an erasure is not started again by itself, and is never told as done.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_was_cut_off_has_failed() {
    let node = Node::new("");
    let body = format!("echo begun >>{}; kill -9 $PPID; sleep 60", trace(&node).display());
    let region = releasing(&[("release/wipe", script("script_type: release\ndestructive: true", &body))]).await;
    fs::write(node.config(), region.node_config()).expect("a small file");
    let run = || node.run().env("SHAKEDOWN_STATE_DIR", node.home().join("state")).finish();
    let killed = run().await;
    assert_eq!((killed.code, region.node_status()), (None, NodeStatus::Releasing), "{killed:?}");
    let resumed = run().await;
    assert_eq!(resumed.code, Some(1), "{resumed:?}");
    assert_eq!(row(&region, "wipe").status, Status::Failed);
    assert_eq!(region.node_status(), NodeStatus::ReleasingFailed);
    assert_eq!(fs::read_to_string(trace(&node)).expect("it was begun"), "begun\n", "once");
}

/// Nobody has said who answers a machine without credentials, and nobody there knows which machine it is.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stranger_is_handed_out_is_no_order() {
    let node = Node::new("");
    let scripts = [("commissioning/maas-wipe", destroyer(&node, "commissioning"))];
    let region = region(&scripts, |options| options.acquaintance = Acquaintance::Stranger).await;
    fs::write(node.config(), region.stranger_config()).expect("a small file");
    let run = node.run().finish().await;
    assert_eq!((run.code, trace(&node).exists()), (Some(3), false), "{run:?}");
    assert!(run.stderr.contains("maas-wipe"), "{}", run.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_machine_runs_nothing_that_destroys() {
    let node = Node::new("");
    let header = "script_type: commissioning\ndestructive: true\ntags: deploy-info";
    let wipe = script(header, &format!("echo gone >{}", trace(&node).display()));
    let scripts =
        [("commissioning/maas-wipe", wipe), ("commissioning/maas-look", script("tags: deploy-info", "echo look"))];
    let region = region(&scripts, |options| options.status = NodeStatus::Deployed).await;
    fs::write(node.config(), region.deployed_config()).expect("a small file");
    let run = Program::new("sync").arg("--full").arg("--config").arg(node.config()).finish().await;
    assert!(!trace(&node).exists(), "{run:?}");
    assert_eq!(row(&region, "maas-look").stdout, b"look\n", "{run:?}");
    assert_eq!(region.node_status(), NodeStatus::Deployed);
}

/// What is on the disk is from before: what has become of the machine since is the region's to say.
#[tokio::test(flavor = "multi_thread")]
async fn old_scripts_release_no_machine_that_is_deployed_by_now() {
    let scripts = [("commissioning/look", plain("echo looked"))];
    let before = region(&scripts, |_| {}).await;
    let node = Node::of(&before);
    assert_eq!(node.run().arg("--no-send").finish().await.code, Some(0));
    let now = region(&scripts, |options| options.status = NodeStatus::Deployed).await;
    fs::write(node.config(), now.node_config()).expect("a small file");
    let run = node.run().arg("--no-download").finish().await;
    let posts = now.requests().iter().filter(|request| request["method"] == "POST").count();
    assert_eq!((run.code, now.node_status(), posts), (Some(3), NodeStatus::Deployed, 0), "{run:?}");
    assert!(run.stderr.contains("release the machine"), "{}", run.stderr);
    fs::write(node.config(), before.node_config()).expect("a small file");
    assert_eq!(node.run().arg("--no-download").finish().await.code, Some(0), "a machine in commissioning is run");
    assert_eq!(before.node_status(), NodeStatus::Ready);
}

/// The region finds it in the kernel's command line, among the interfaces of the inventory: that has to be stored before, however large it is.
#[tokio::test(flavor = "multi_thread")]
async fn the_region_knows_the_interface_that_was_booted_from() {
    let inventory = r#"printf '{"resources": {"filler": "'; head -c 6000000 /dev/zero | tr '\0' x
        printf '"}, "networks": {"nic0": {"hwaddr": "52:54:00:00:00:01"}, "nic1": {"hwaddr": "52:54:00:00:00:02"}}}'"#;
    let line = "echo BOOTIF=01-52-54-00-00-00-02";
    let scripts = [
        ("commissioning/50-maas-01-commissioning", plain(inventory)),
        ("commissioning/maas-kernel-cmdline", script("script_type: commissioning\nparallel: any", line)),
    ];
    let region = region(&scripts, |_| {}).await;
    let run = Node::of(&region).run().finish().await;
    assert_eq!((run.code, region.node_status()), (Some(0), NodeStatus::Ready), "{run:?}");
    assert_eq!(region.boot_interface().as_deref(), Some("nic1"));
}
