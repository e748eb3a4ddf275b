//! Whole runs under faults of network and region: nothing is lost, nothing is stored twice, no run ends early.

mod support;

use std::time::Duration;

use axum::response::IntoResponse as _;
use shakedown::agent::{End, Outcome};
use shakedown::sandbox::{Action, Fault, NodeStatus, Sandbox};
use shakedown::script::Status;
use tokio_util::sync::CancellationToken;

use support::proxy::Proxy;
use support::tap::Tap;
use support::{Node, answers, events, plain, region, row, script, until};

/// Some scripts of a commissioning and a testing set, with outputs that tell them apart.
fn scripts() -> Vec<(String, String)> {
    let loud =
        |name: &str, parallel: &str| script(&format!("parallel: {parallel}"), &format!("echo {name}; echo e >&2"));
    vec![
        ("commissioning/10-one".to_owned(), plain("echo 10-one; echo e >&2")),
        ("commissioning/20-two".to_owned(), loud("20-two", "any")),
        ("commissioning/30-three".to_owned(), loud("30-three", "any")),
        ("testing/four".to_owned(), loud("four", "instance")),
        ("testing/five".to_owned(), loud("five", "any")),
    ]
}

/// Every script has passed exactly once, with its own output, and the node is ready.
fn all_is_well(region: &Sandbox, outcome: &Outcome) {
    assert_eq!((outcome.end, outcome.undelivered, &outcome.refused), (End::Passed, 0, &Vec::new()));
    assert_eq!(region.node_status(), NodeStatus::Ready);
    let events = events(region);
    for row in region.results() {
        assert_eq!((row.status, row.exit_status), (Status::Passed, Some(0)), "{}", row.script);
        assert_eq!((row.stdout, row.stderr), (format!("{}\n", row.script).into_bytes(), b"e\n".to_vec()));
        let ended = format!("{} changed status from 'Running' to 'Passed'", row.script);
        assert_eq!(events.iter().filter(|event| **event == ended).count(), 1, "{ended} in {events:?}");
    }
    assert_eq!(region.results().len(), 5);
}

async fn with_faults(faults: Vec<Fault>) -> Sandbox {
    let region = region(&scripts(), |_| {}).await;
    for fault in faults {
        region.inject(fault);
    }
    let outcome = Node::of(&region).run_here(&CancellationToken::new(), |_| {}).await.expect("a run");
    all_is_well(&region, &outcome);
    region
}

fn refusal(code: u16) -> Action {
    Action::Answer(code, "<html>try again later</html>".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_busy_is_asked_again() {
    let faults = vec![Fault::new("GET", 30, refusal(503)), Fault::new("POST", 5, refusal(503))];
    let region = with_faults([faults, vec![Fault::for_results(8, refusal(503))]].concat()).await;
    assert_eq!((answers(&region, "GET", 503), answers(&region, "POST", 503)), (30, 13));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_region_passes() {
    with_faults(vec![Fault::for_results(3, refusal(500)), Fault::new("", 6, refusal(502))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_before_the_request_is_made_again() {
    with_faults(vec![Fault::new("", 12, Action::DropBefore), Fault::for_results(9, Action::DropBefore)]).await;
}

/// The region has the result, the node does not know: the repetition is refused, and that is success.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_leaves_one_result() {
    let region = with_faults(vec![Fault::for_results(5, Action::DropAfter)]).await;
    assert_eq!(answers(&region, "POST", 500), 5, "each result was sent twice and stored once");
    with_faults(vec![Fault::new("GET", 1, Action::Half(4000)), Fault::new("POST", 8, Action::Half(20))]).await;
}

/// Networks with a captive portal answer everything with a page and a 200.
#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_is_no_acknowledgement() {
    let page = || Action::Page("<html><body>Please log in</body></html>".to_owned());
    with_faults(vec![Fault::for_results(4, page()), Fault::new("POST", 4, page())]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_decades_off_is_set_right_by_the_first_answer() {
    const YEARS: i64 = 20 * 365 * 24 * 3600;
    for offset in [-YEARS, YEARS] {
        let region = region(&scripts(), |options| options.clock_offset = offset).await;
        let node = Node::of(&region);
        let outcome = node.run_here(&CancellationToken::new(), |_| {}).await.expect("a run");
        all_is_well(&region, &outcome);
        let refused = answers(&region, "GET", 401) + answers(&region, "POST", 401);
        assert!(refused <= 3, "{refused} refusals at {offset} s");
        assert_eq!(refused > 0, offset > 0, "a signature from the future is taken");
    }
}

/// The region is away while scripts start, run and end.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_in_mid_run_costs_nothing() {
    let mut scripts = scripts();
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (reached, go) = (directory.path().join("reached"), directory.path().join("go"));
    let body = format!(
        "touch {}; while [ ! -e {} ]; do sleep 0.05; done; echo 20-two; echo e >&2",
        reached.display(),
        go.display()
    );
    scripts[1].1 = script("parallel: any", &body);
    let region = region(&scripts, |_| {}).await;
    let mut proxy = Proxy::to(&region.url());
    let node = Node::behind(&region, &proxy.url());
    let stop = CancellationToken::new();
    let run = node.run_here(&stop, |options| options.heartbeat = Duration::from_millis(50));
    let outage = async {
        let is_known = || row(&region, "20-two").status == Status::Running;
        until("the middle of the run", || reached.exists() && is_known()).await;
        proxy.cut().await;
        std::fs::write(&go, "").expect("a file can be made");
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(row(&region, "20-two").status, Status::Running, "the region knows nothing of its end");
        proxy.mend();
    };
    let (outcome, ()) = tokio::join!(run, outage);
    all_is_well(&region, &outcome.expect("a run"));
}

/// What a power cut or a dying disk takes of a result after it is on record is not its status.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_file_that_is_lost_before_the_region_has_it_leaves_its_status_behind() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let place = directory.path().display();
    let wait = |name: &str| format!("touch {place}/{name}; while [ ! -e {place}/go-{name} ]; do sleep 0.05; done");
    let first = format!("{}; echo 'status: failed' > $RESULT_PATH", wait("first"));
    let region = region(&[("testing/one", plain(&first)), ("testing/two", plain(&wait("second")))], |_| {}).await;
    let mut proxy = Proxy::to(&region.url());
    let node = Node::behind(&region, &proxy.url());
    let stop = CancellationToken::new();
    let run = node.run_here(&stop, |_| {});
    let loss = async {
        let go = |name: &str| std::fs::write(directory.path().join(name), "").expect("a file can be made");
        until("the first script runs", || row(&region, "one").status == Status::Running).await;
        proxy.cut().await;
        go("go-first");
        until("the first script is on record as ended", || directory.path().join("second").exists()).await;
        let result = node.storage().join(format!("out/one.{}.yaml", row(&region, "one").id));
        std::fs::remove_file(&result).expect("the result file of the first script");
        proxy.mend();
        go("go-second");
    };
    let (outcome, ()) = tokio::join!(run, loss);
    assert_eq!(outcome.expect("a run").end, End::Failed);
    assert_eq!((row(&region, "one").status, row(&region, "one").exit_status), (Status::Failed, Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_go_on_while_an_upload_is_slow() {
    let region = region(&[("commissioning/one", plain("echo one"))], |_| {}).await;
    region.inject(Fault::for_results(1, Action::Delay(Duration::from_secs(3))));
    let tap = Tap::before(&region, |_, _| None).await;
    let node = Node::behind(&region, &tap.url());
    let stop = CancellationToken::new();
    let run = node.run_here(&stop, |options| options.heartbeat = Duration::from_millis(100));
    assert_eq!(run.await.expect("a run").end, End::Passed);
    let signals = tap.signals();
    let upload = signals.iter().position(support::tap::Signal::is_result).expect("a result");
    let beats = &signals[upload + 1..signals.len() - 1];
    assert!(beats.len() >= 5, "{signals:?}");
    for beat in beats {
        assert!(beat.is_about_node() && beat.status() == "WORKING", "{beat:?}");
        assert!(beat.field("error").starts_with("Elapsed time (real): "), "{beat:?}");
    }
    assert_eq!(signals[signals.len() - 1].status(), "OK", "no beat comes after the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_too_large_arrives_shortened() {
    const BYTES: usize = 3_000_000;
    let body = format!("seq -f %07.0f {}", BYTES / 8);
    let region = region(&[("commissioning/large", plain(&body))], |_| {}).await;
    region.inject(Fault::for_results(3, refusal(413)));
    let node = Node::of(&region);
    let outcome = node.run_here(&CancellationToken::new(), |_| {}).await.expect("a run");
    assert_eq!((outcome.end, outcome.undelivered), (End::Passed, 0));
    let row = row(&region, "large");
    assert_eq!(row.status, Status::Passed);
    assert_eq!(node.output(&row, ".out").len(), BYTES, "whole on the node");
    for stored in [&row.output, &row.stdout] {
        let text = String::from_utf8_lossy(stored);
        assert!(text.len() < 1 << 20 && text.len() > 1 << 18, "{} bytes", text.len());
        assert!(text.starts_with("0000001\n") && text.ends_with("0375000\n"));
        assert_eq!(text.matches(" bytes left out here; the whole output is on the node in ").count(), 1);
    }
}

/// What the region parses is worth more whole than the copy of it that people read. It goes without its blanks, then as an event; a script whose
/// output arrives nowhere has not passed.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_region_parses_is_never_cut() {
    let numbers = "seq -f ', %06.0f' 370000 | tr -d '\\n'".replace("%06.0f", "1%05.0f");
    let print = format!("printf '{{\"resources\": {{}}, \"numbers\": [0'; {numbers}; echo ']}}'");
    for (refusals, takes_events) in [(1, true), (2, true), (4, true), (4, false)] {
        let scripts = [("commissioning/50-maas-01-commissioning", plain(&print))];
        let region = region(&scripts, |_| {}).await;
        region.inject(Fault::for_results(refusals, refusal(413)).at("2012-03-01"));
        if !takes_events {
            region.inject(Fault::new("POST", u32::MAX, refusal(413)).at("/status/"));
        }
        let node = Node::of(&region);
        node.run_here(&CancellationToken::new(), |_| {}).await.expect("a run");
        let row = row(&region, "50-maas-01-commissioning");
        let printed: serde_json::Value =
            serde_json::from_slice(&node.output(&row, ".out")).expect("the test's script prints JSON");
        let what = format!("{refusals} refusals, {takes_events}");
        if refusals < 4 || takes_events {
            assert_eq!(row.status, Status::Passed, "{what}");
            let stored: serde_json::Value = serde_json::from_slice(&row.stdout).expect("all of it");
            assert!(stored == printed, "{what}");
        } else {
            assert_eq!((row.status, row.stdout.len()), (Status::Failed, 0), "{what}");
            assert_eq!(region.node_status(), NodeStatus::FailedCommissioning);
            assert!(region.node_error().contains("did not take the result"), "{}", region.node_error());
        }
    }
}

/// A message that the region will never take is told, and holds up nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_is_refused_for_good_blocks_no_other() {
    let scripts = [("testing/first", plain("echo one")), ("testing/second", plain("echo two"))];
    let region = region(&scripts, |options| options.status = NodeStatus::Testing).await;
    let refusal = Action::Answer(400, "{\"exit_status\": [\"Enter a whole number.\"]}".to_owned());
    region.inject(Fault::for_results(1, refusal));
    let run = Node::of(&region).run().finish().await;
    assert_eq!(run.code, Some(4), "{run:?}");
    assert_ne!(row(&region, "first").status, Status::Passed);
    assert_eq!(row(&region, "second").status, Status::Passed);
    assert_eq!(region.node_status(), NodeStatus::FailedTesting, "not every result is there, so it is no OK");
    assert!(region.node_error().contains("The region did not take the result of first"), "{}", region.node_error());
    assert!(
        run.stdout.contains("The region did not take the result of first: the region refuses it with 400"),
        "{run:?}"
    );
}

/// What a script left behind writes on while the region does not answer. What was judged is what is sent, and what is gone is told.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_after_a_result_was_judged_changes_no_verdict() {
    let body = "echo all of it; echo 'status: failed' >\"$RESULT_PATH\"";
    let region = region(&[("testing/one", plain(body))], |options| options.status = NodeStatus::Testing).await;
    let place = std::sync::Arc::new(std::sync::OnceLock::<std::path::PathBuf>::new());
    let (out, count) = (std::sync::Arc::clone(&place), std::sync::atomic::AtomicU32::new(0));
    let tap = Tap::before(&region, move |_, signal| {
        let signal = signal.filter(|signal| signal.is_result())?;
        if count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0 {
            return None;
        }
        let out = out.get()?;
        let name = format!("one.{}", signal.field("script_result_id"));
        std::fs::write(out.join(format!("{name}.yaml")), "status: passed\n").expect("its result file");
        std::fs::write(out.join(format!("{name}.out")), "all").expect("its output");
        std::fs::remove_file(out.join(&name)).expect("its combined output");
        Some((axum::http::StatusCode::BAD_GATEWAY, "").into_response())
    })
    .await;
    let node = Node::behind(&region, &tap.url());
    place.set(node.storage().join("out")).expect("nobody else sets it");
    let run = node.run().args(["--retry-wait", "0.01"]).finish().await;
    assert_eq!(run.code, Some(1), "{run:?}");
    let row = row(&region, "one");
    assert_eq!((row.status, row.result.as_slice()), (Status::Failed, b"status: failed\n".as_slice()));
    let (stdout, output) = (String::from_utf8_lossy(&row.stdout), String::from_utf8_lossy(&row.output));
    assert!(stdout.starts_with("all\n[shakedown: 7 bytes of "), "{stdout}");
    assert!(output.contains("[shakedown: 10 bytes of ") && output.contains("are gone"), "{output}");
}

/// The answer to a result was lost, and the region holds another status: it gave the script up itself, and the result never arrived.
#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_the_region_gave_a_script_itself_is_not_the_one_that_was_sent() {
    for (held, another, code) in [(2, 0, 0), (2, 1, 0), (4, 1, 4), (4, 0, 4), (3, 0, 4)] {
        let region =
            region(&[("testing/one", plain("echo one"))], |options| options.status = NodeStatus::Testing).await;
        let count = std::sync::atomic::AtomicU32::new(0);
        let tap = Tap::before(&region, move |_, signal| {
            let signal = signal.filter(|signal| signal.is_result())?;
            let turn = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            if turn == 0 {
                return Some((axum::http::StatusCode::BAD_GATEWAY, "").into_response());
            }
            let id: i64 = signal.field("script_result_id").parse().expect("a number");
            // An answer about another result is somebody else's, and asked for again.
            let id = if turn == 1 { id + another } else { id };
            let text = format!("Status for scriptresult {id} is not running or pending ({held})");
            Some((axum::http::StatusCode::INTERNAL_SERVER_ERROR, text).into_response())
        })
        .await;
        let node = Node::behind(&region, &tap.url());
        let run = node.run().args(["--retry-wait", "0.001"]).finish().await;
        assert_eq!(run.code, Some(code), "held {held}, about {another}: {run:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_region_says_too_late_of_a_bmc_is_told_as_an_event() {
    let body = "echo 'power_type: nonsense' >\"$BMC_CONFIG_PATH\"";
    let region = region(&[("commissioning/finder".to_owned(), plain(body))], |_| {}).await;
    region.inject(Fault::new("POST", 20, refusal(503)));
    let change = |options: &mut shakedown::agent::Options| options.runner.bmc_patience = Duration::ZERO;
    let outcome = Node::of(&region).run_here(&CancellationToken::new(), change).await.expect("a run");
    assert_eq!((outcome.end, outcome.undelivered), (End::Passed, 0));
    assert_eq!(outcome.refused.len(), 1, "the run does not end as if all were well: {:?}", outcome.refused);
    assert_eq!(row(&region, "finder").status, Status::Passed);
    let mut told = events(&region).into_iter().filter(|text| text.contains("the region refused the access to the BMC"));
    assert!(told.any(|text| text.contains("Bad power_type 'nonsense'")), "{:?}", events(&region));
}
