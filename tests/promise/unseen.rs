//! A run passes only what it has seen: all that the region handed out, from its beginning to its end.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use shakedown::sandbox::{NodeStatus, Sandbox};
use shakedown::script::Status;

use super::LIMIT;
use super::support::tap::Tap;
use super::support::{Node, plain, region, row, script, until};

/// A region that commissions the machine and tests it then.
async fn region_with_a_test() -> Sandbox {
    region(&[("commissioning/first", plain("echo one")), ("testing/second", plain("echo two"))], |options| {
        options.status = NodeStatus::Commissioning;
    })
    .await
}

/// Somebody in front of the region, who answers some of the questions for scripts himself: the first is number 0.
async fn in_front_of(region: &Sandbox, answers: impl Fn(u32) -> Option<Response> + Send + Sync + 'static) -> Tap {
    let count = AtomicU32::new(0);
    Tap::before(region, move |parts, _| {
        let asks = parts.uri.path().ends_with("maas-scripts");
        asks.then(|| answers(count.fetch_add(1, Ordering::Relaxed))).flatten()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_run_is_not_believed_at_once() {
    for stray in [0, 1] {
        let region = region_with_a_test().await;
        let portal =
            in_front_of(&region, move |number| (number == stray).then(|| StatusCode::NO_CONTENT.into_response())).await;
        let run = Node::behind(&region, &portal.url()).run().args(["--retry-wait", "0.01"]).start().finish(LIMIT).await;
        assert_eq!(run.code, Some(0), "answer {stray}: {run:?}");
        assert_eq!((row(&region, "second").status, region.node_status()), (Status::Passed, NodeStatus::Ready));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_was_handed_out_and_never_ran_is_no_pass() {
    let region = region_with_a_test().await;
    let portal = in_front_of(&region, |number| (number > 0).then(|| StatusCode::NO_CONTENT.into_response())).await;
    let run = Node::behind(&region, &portal.url()).run().args(["--retry-wait", "0.01"]).start().finish(LIMIT).await;
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_ne!(region.node_status(), NodeStatus::Ready);
    let why = "1 of the scripts that the region handed out never ran, since it does not hand them out any more: second";
    assert!(region.node_error().contains(why), "{}", region.node_error());
}

/// The ephemeral system was in memory, and the power went while a test ran: what failed before is known to the region alone, which takes any OK.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_from_before_the_agent_remembers_is_not_passed() {
    let scripts = [
        ("testing/a", plain("exit 1")),
        (
            "testing/b",
            plain("[ -e \"$ONCE\" ] || { until [ -e \"$ONCE\" ]; do sleep 0.05; done; kill -9 $PPID; sleep 9; }"),
        ),
    ];
    let region = region(&scripts, |options| options.status = NodeStatus::Testing).await;
    let once = tempfile::tempdir().expect("a temporary directory");
    let once = once.path().join("once");
    let node = Node::of(&region);
    let killed = node.run().env("ONCE", &once).start();
    // The agent tells in its own time; the power goes when the region has heard that the second one runs.
    until("the second one runs", || row(&region, "b").status == Status::Running).await;
    std::fs::write(&once, "").expect("a file");
    assert_eq!(killed.finish(LIMIT).await.code, None, "it was killed");
    assert_eq!((row(&region, "a").status, row(&region, "b").status), (Status::Failed, Status::Running));
    let end = Node::of(&region).run().env("ONCE", &once).start().finish(LIMIT).await;
    assert_eq!((end.code, row(&region, "b").status), (Some(1), Status::Passed), "{end:?}");
    assert_eq!(region.node_status(), NodeStatus::FailedTesting);
    assert!(region.node_error().contains("it passes nothing that it has not seen"), "{}", region.node_error());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_data_are_destroyed_when_the_region_does_not_hear_of_it() {
    let header = "script_type: testing\ndestructive: true";
    let scripts = [("testing/a", plain("echo one")), ("testing/b", script(header, "touch \"$DESTROYED\""))];
    for (code, text) in [
        (StatusCode::CONFLICT, "Machine status isn't valid (status is Allocated)"),
        (StatusCode::UNAUTHORIZED, "Authorization Error: 'Invalid access token: abc'"),
    ] {
        let region = region(&scripts, |options| options.status = NodeStatus::Testing).await;
        let refusing = Tap::before(&region, move |_, signal| {
            signal.filter(|signal| !signal.is_about_node() || signal.status() == "TESTING")?;
            Some((code, text).into_response())
        })
        .await;
        let node = Node::behind(&region, &refusing.url());
        let destroyed = node.home().join("destroyed");
        let run = node.run().env("DESTROYED", &destroyed).args(["--retry-wait", "0.01"]).start().finish(LIMIT).await;
        assert!(!destroyed.exists(), "{run:?}");
        let told = std::fs::read_dir(node.storage().join("out")).expect("outputs").flatten().any(|file| {
            let text = std::fs::read_to_string(file.path()).unwrap_or_default();
            text.contains("This script destroys data, and the region did not take the")
        });
        assert!(told, "{run:?}");
    }
}
