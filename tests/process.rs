//! Processes of scripts in whole runs: stopped to the last one at the limit and on request, left alone after a normal exit.

#[path = "support/old_kernel.rs"]
mod old_kernel;
mod support;

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use shakedown::agent::End;
use shakedown::sandbox::NodeStatus;
use shakedown::script::Status;
use tokio_util::sync::CancellationToken;

use support::tap::Tap;
use support::{LIMIT, Marker, Node, events, left_out, plain, region, row, script, table, until};

#[tokio::test(flavor = "multi_thread")]
async fn at_its_limit_a_script_is_asked_then_killed() {
    let body =
        "trap 'echo asked' TERM\necho 'status: passed' >\"$RESULT_PATH\"\necho begun\nwhile :; do sleep 0.05; done";
    let region = region(&[("testing/endless", script("timeout: 1", body))], |options| {
        options.status = NodeStatus::Testing;
    })
    .await;
    let tap = Tap::before(&region, |_, _| None).await;
    let node = Node::behind(&region, &tap.url());
    let began = Instant::now();
    let outcome = node.run_here(&CancellationToken::new(), |_| {}).await.expect("a run");
    assert!(began.elapsed() >= Duration::from_secs(2), "the limit and the grace: {:?}", began.elapsed());

    assert_eq!(outcome.end, End::Failed);
    assert_eq!((outcome.scripts[0].status, outcome.scripts[0].exit_status), (Status::TimedOut, 124));
    let row = row(&region, "endless");
    assert_eq!(row.status, Status::TimedOut, "whatever the script wrote before its work was done");
    assert_eq!(String::from_utf8_lossy(&row.stdout), "begun\nasked\n");
    let output = String::from_utf8_lossy(&row.output);
    assert!(output.contains("\nWhere its processes stood at its time limit\n- endless ("), "{output}");
    assert_eq!(region.node_status(), NodeStatus::FailedTesting);
    let signals = tap.signals();
    let result = signals.iter().find(|signal| signal.is_result()).expect("a result");
    assert_eq!((result.status(), result.field("exit_status")), ("TIMEDOUT", "124"));
    let text = result.field("error");
    assert!(text.starts_with(&format!("Timeout(0:00:01) expired on endless (id: {},", row.id)), "{text}");
}

/// Every way to hide from a runner: another session, no parent, no environment.
#[tokio::test(flavor = "multi_thread")]
async fn at_its_limit_a_script_takes_its_descendants_along() {
    let (marker, other) = (Marker::new(), Marker::new());
    let mut hiding = format!(
        "setsid sh -c 'trap \"\" TERM; exec sleep {0}' &\n\
         (setsid sh -c 'trap \"\" TERM; exec sleep {0}' &)\n\
         env -i PATH=\"$PATH\" sh -c 'trap \"\" TERM; exec sleep {0}' &\n\
         env -i PATH=\"$PATH\" setsid sh -c 'trap \"\" TERM; exec sleep {0}' &\n\
         sleep 0.5; exec sleep {0}",
        marker.word()
    );
    let mut count = 5;
    if geteuid().is_root() {
        // For others, nothing tells which of two scripts it is of.
        let hidden = "(env -i PATH=\"$PATH\" setsid sh -c 'trap \"\" TERM; exec sleep ";
        hiding = format!("{hidden}{}' &)\n{hiding}", marker.word());
        count = 6;
    }
    let beside = format!("timeout 7 sleep {}; echo undisturbed", other.word());
    let scripts = [
        ("testing/hides", script("timeout: 4\nparallel: any", &hiding)),
        ("testing/is-beside", script("parallel: any", &beside)),
    ];
    let region = region(&scripts, |options| options.status = NodeStatus::Testing).await;
    let stop = CancellationToken::new();
    let node = Node::of(&region);
    let seen = async {
        until("all of them are there", || marker.alive().len() == count).await;
    };
    let (outcome, ()) = tokio::join!(node.run_here(&stop, |_| {}), seen);
    assert_eq!(outcome.expect("a run").end, End::Failed);
    assert_eq!(marker.alive(), [0; 0], "nobody is left");
    assert_eq!(row(&region, "hides").status, Status::TimedOut);
    let beside = row(&region, "is-beside");
    assert_eq!(
        (beside.status, &beside.output[..]),
        (Status::Passed, &b"undisturbed\n"[..]),
        "a neighbour is left alone"
    );
}

/// `/proc` may be hidden or not mounted: the number of a script's group is known without it.
#[tokio::test(flavor = "multi_thread")]
async fn at_its_limit_a_script_is_killed_with_its_group_where_there_is_no_proc() {
    if !left_out::unless_root("a system without /proc") {
        return;
    }
    let marker = Marker::new();
    let stubborn = format!("sh -c 'trap \"\" TERM; exec sleep {0}' &\nexec sleep {0}", marker.word());
    let region = region(&[("testing/endless", script("timeout: 2", &stubborn))], |options| {
        options.status = NodeStatus::Testing;
    })
    .await;
    let without = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /proc && exec \"$0\" \"$@\""];
    let run = Node::of(&region).run().through(&without).finish().await;
    assert_eq!((run.code, row(&region, "endless").status), (Some(1), Status::TimedOut), "{run:?}");
    assert_eq!(marker.alive(), [0; 0], "nobody is left");
}

/// A daemon that prints, and counts how often it could.
fn daemon(marker: &Marker, count: &str) -> String {
    let work = format!("trap \"\" HUP; while :; do echo from the daemon; echo x >>{count}; sleep 0.1; done");
    format!("echo begun\nsetsid sh -c '{work}' daemon {} &\necho ended", marker.word())
}

/// Passes if a file grows by some lines while it looks.
fn watches(count: &str) -> String {
    plain(&format!(
        "was=$(wc -l <{count}); for i in $(seq 200); do [ $(wc -l <{count}) -gt $((was + 5)) ] && exit 0; sleep 0.1; done; exit 1"
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_holds_the_output_delays_nothing_and_lives_on() {
    let marker = Marker::new();
    let files = tempfile::tempdir().expect("a temporary directory");
    let count = files.path().join("count").display().to_string();
    let slow = format!("timeout 60 sleep {}", marker.word());
    let scripts = [
        ("commissioning/10-daemon", plain(&daemon(&marker, &count))),
        ("commissioning/20-watches", watches(&count)),
        ("commissioning/30-overtime", script("timeout: 1", &slow)),
        ("commissioning/40-watches", watches(&count)),
    ];
    let region = region(&scripts, |_| {}).await;
    let run = Node::of(&region).run().finish().await;
    assert_eq!(run.code, Some(1), "{run:?}");
    let result = row(&region, "10-daemon");
    let span = result.ended.expect("ended").duration_since(result.started.expect("started"));
    assert!(span.as_secs() < 10, "{span} for a script that ends at once");
    assert_eq!(result.status, Status::Passed);
    let output = String::from_utf8_lossy(&result.output);
    assert!(output.starts_with("begun\n") && output.contains("ended\n"), "{output}");
    assert!(run.stdout.contains("still holds its output open"), "{}", run.stdout);
    assert_eq!(row(&region, "20-watches").status, Status::Passed, "it can print while the next script runs");
    assert_eq!(row(&region, "30-overtime").status, Status::TimedOut);
    assert_eq!(row(&region, "40-watches").status, Status::Passed, "stopping one script stops no other one's daemon");
}

/// Whoever runs the tests may have been started by `nohup`, which goes on to all that comes of it.
const HEEDS_SIGHUP: &[&str] = &["env", "--default-signal=HUP"];
const IGNORES_SIGHUP: &[&str] = &["env", "--ignore-signal=HUP"];

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_stops_the_run_in_good_order() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let marker = Marker::new();
        let scripts = [
            ("commissioning/10-done", plain("echo done")),
            ("commissioning/20-long", plain(&format!("echo begun; setsid sleep {0} & sleep {0}", marker.word()))),
            ("commissioning/30-never", plain("echo never")),
            ("testing/never", plain("echo never")),
        ];
        let region = region(&scripts, |_| {}).await;
        let node = Node::of(&region);
        let run = node.run().through(HEEDS_SIGHUP).start();
        until("both processes of the long script are there", || marker.alive().len() == 2).await;
        run.signal(signal);
        let run = run.finish(LIMIT).await;

        assert_eq!(run.code, Some(130), "{signal}: {run:?}");
        assert_eq!(region.node_status(), NodeStatus::FailedCommissioning);
        assert_eq!(region.node_error(), "The run was stopped on the machine before all scripts had ended");
        let table = table(&region);
        assert_eq!(table["10-done"], (Status::Passed, Some(0)));
        assert_eq!(table["20-long"], (Status::Failed, Some(143)));
        assert_eq!(table["30-never"], (Status::Aborted, None));
        assert_eq!(table["never"], (Status::Aborted, None));
        assert_eq!(row(&region, "20-long").output, b"begun\n");
        assert!(events(&region).iter().any(|text| text == "20-long failed"), "{signal}");
        assert_eq!(marker.alive(), [0; 0], "{signal}: nobody is left");
        assert!(!node.storage().join("out/30-never.4002").exists(), "what had not begun is not begun");
    }
}

/// The time that a stopped run has for its farewell begins when its scripts have ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_will_not_stop_costs_no_result() {
    let marker = Marker::new();
    let body =
        format!("echo 'status: passed' >\"$RESULT_PATH\"; trap '' TERM; echo begun; exec sleep {}", marker.word());
    let region = region(&[("commissioning/stubborn", plain(&body))], |_| {}).await;
    let stop = CancellationToken::new();
    let node = Node::of(&region);
    let run = node.run_here(&stop, |options| {
        options.runner.grace = Duration::from_secs(7);
        options.farewell = Duration::from_secs(6);
    });
    let stopping = async {
        until("it runs", || marker.alive().len() == 1).await;
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(run, stopping);
    let outcome = outcome.expect("a run");
    assert_eq!((outcome.end, outcome.undelivered), (End::Stopped, 0));
    let row = row(&region, "stubborn");
    assert_eq!(row.status, Status::Failed, "it was stopped, whatever it wrote before");
    assert_eq!(row.output, b"begun\n");
    assert_eq!(region.node_status(), NodeStatus::FailedCommissioning);
    assert_eq!(marker.alive(), [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_run_at_once() {
    let marker = Marker::new();
    let body = format!("trap '' TERM; exec sleep {}", marker.word());
    let region = region(&[("commissioning/stubborn", plain(&body))], |_| {}).await;
    let node = Node::of(&region);
    let run = node.run().start();
    until("it runs", || marker.alive().len() == 1).await;
    run.signal(Signal::SIGTERM);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(marker.alive().len(), 1, "it has its grace");
    run.signal(Signal::SIGINT);
    let run = run.finish(LIMIT).await;
    assert_eq!(run.code, Some(130), "{run:?}");
    assert!(run.stdout.contains("messages could not be delivered"), "{}", run.stdout);
    assert_eq!(marker.alive(), [0; 0]);
}

/// A shell hangs up on what it started, and the kernel does it once more when the shell has gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_hangs_up_more_than_once_does_not_make_the_run_hasten() {
    let files = tempfile::tempdir().expect("a temporary directory");
    let [begun, asked, go] = ["begun", "asked", "go"].map(|name| files.path().join(name));
    let body = format!(
        "cd {}; trap 'touch asked' TERM; touch begun; while [ ! -e go ]; do sleep 0.02; done; echo done",
        files.path().display()
    );
    let region = region(&[("commissioning/slow", plain(&body))], |_| {}).await;
    let node = Node::of(&region);
    let run = node.run().through(HEEDS_SIGHUP).start();
    until("it runs", || begun.exists()).await;
    until("it was asked to stop", || {
        run.signal(Signal::SIGHUP);
        asked.exists()
    })
    .await;
    run.signal(Signal::SIGHUP);
    std::fs::write(&go, "").expect("room");
    let run = run.finish(LIMIT).await;
    assert_eq!(run.code, Some(130), "{run:?}");
    assert!(!run.stdout.contains("could not be delivered"), "{run:?}");
    let row = row(&region, "slow");
    assert!(row.status == Status::Failed && row.output.ends_with(b"done\n"), "{row:?}");
    assert_eq!(region.node_status(), NodeStatus::FailedCommissioning);
}

#[tokio::test(flavor = "multi_thread")]
async fn under_nohup_a_run_goes_on_without_its_terminal() {
    let files = tempfile::tempdir().expect("a temporary directory");
    let go = files.path().join("go");
    let body = format!("while [ ! -e {} ]; do sleep 0.02; done; echo done", go.display());
    let region = region(&[("commissioning/slow", plain(&body))], |_| {}).await;
    let node = Node::of(&region);
    let run = node.run().through(IGNORES_SIGHUP).start();
    until("it runs", || row(&region, "slow").status == Status::Running).await;
    run.signal(Signal::SIGHUP);
    std::fs::write(&go, "").expect("room");
    let run = run.finish(LIMIT).await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!((row(&region, "slow").status, region.node_status()), (Status::Passed, NodeStatus::Ready));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_without_permission_to_run_says_so() {
    let tar = support::archive::Tar::new()
        .file("testing/unmarked", 0o644, "#!/bin/sh\necho never\n")
        .index(&serde_json::json!({"testing_scripts": [support::archive::entry("unmarked", 5)]}));
    let tap = Tap::archive(tar.bytes()).await;
    let node = Node::new(&tap.config());
    let run = node.run().finish().await;
    assert_eq!(run.code, Some(1), "{run:?}");
    let signals = tap.signals();
    let result = signals.iter().find(|signal| signal.is_result()).expect("a result");
    assert_eq!(result.field("exit_status"), "13", "the system's error number");
    assert!(result.field("error").starts_with("Failed to execute unmarked (id: 5,"), "{result:?}");
    let text = std::fs::read_to_string(node.storage().join("out/unmarked.5")).expect("its output");
    assert!(text.contains("Permission denied"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_file_without_end_is_not_waited_for() {
    let scripts = [
        ("testing/pipe", plain("mkfifo \"$RESULT_PATH\"")),
        // More than is read, and most of it takes no room.
        ("testing/large", plain("echo 'status: skipped' >\"$RESULT_PATH\"; truncate -s 1T \"$RESULT_PATH\"")),
    ];
    let region = region(&scripts, |options| options.status = NodeStatus::Testing).await;
    let node = Node::of(&region);
    let run = node.run().finish().await;
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    for name in ["pipe", "large"] {
        assert_eq!(row(&region, name).status, Status::Failed, "{name}: nobody knows what it says");
        assert!(
            events(&region).iter().any(|text| text.contains(name) && text.contains("its result file cannot be read"))
        );
    }
}

/// What a script moved away it may have written its verdict to, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_moves_its_outputs_away_does_not_pass() {
    let said = "echo 'status: failed' >\"$RESULT_PATH\"; echo said; ";
    let moves = [
        ("directory", "d=$(dirname \"$RESULT_PATH\"); mv \"$d\" \"$d.old\"; mkdir \"$d\""),
        ("file", "mv \"$OUTPUT_STDOUT_PATH\" \"$OUTPUT_STDOUT_PATH.old\"; rm \"$RESULT_PATH\""),
        ("other", "rm \"$OUTPUT_STDOUT_PATH\" \"$RESULT_PATH\"; echo fine >\"$OUTPUT_STDOUT_PATH\""),
    ];
    let scripts: Vec<_> =
        moves.iter().map(|(name, how)| (format!("testing/{name}"), plain(&format!("{said}{how}")))).collect();
    let region = region(&scripts, |options| options.status = NodeStatus::Testing).await;
    let run = Node::of(&region).run().finish().await;
    assert_eq!(run.code, Some(1), "{run:?}");
    for (name, _) in moves {
        assert_eq!(row(&region, name).status, Status::Failed, "{name}: {run:?}");
    }
    assert!(String::from_utf8_lossy(&row(&region, "file").stdout).contains("said"), "what was printed arrives");
}

/// Descriptors for a few of them at once.
#[tokio::test(flavor = "multi_thread")]
async fn more_scripts_than_there_is_room_for_wait_for_their_turn() {
    let one = |number: u32| (format!("testing/s{number:02}"), script("parallel: any", "echo said; sleep 0.1"));
    let scripts: Vec<(String, String)> = (0..40).map(one).collect();
    let region = region(&scripts, |options| options.status = NodeStatus::Testing).await;
    let run = Node::of(&region).run().through(&["prlimit", "--nofile=256:256"]).finish().await;
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(table(&region).values().all(|end| *end == (Status::Passed, Some(0))), "{:?}", table(&region));
}

#[test]
fn on_an_old_kernel_processes_are_stopped_all_the_same() {
    let names = ["at_its_limit", "a_daemon_that_holds", "a_signal_stops"];
    old_kernel::again(&names, &["on_an_old_kernel"], left_out::say);
}
