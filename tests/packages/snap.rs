//! Snaps, with a `snap` that says it is a fake: what it is called with, and what becomes of its answers.

use std::fs;

use serde_json::json;

use super::server::Server;
use super::support::script;
use super::{GIVES_NOTHING, HASTY, fake, needs_urls, not_installed, passed, run, scene, text};

/// Knows one snap and writes down what it is asked.
const FAKE: &str = r#"echo "$*" >>"$FAKE_SNAP_LOG"
echo "a fake snap, for a test: $*"
case "$1 $2" in "list there") exit 0 ;; list*) exit 1 ;; "install broken") echo 'error: snap "broken" not found' >&2; exit 10 ;; esac"#;

fn needs_snap(name: &str, snap: &serde_json::Value) -> (String, String) {
    (format!("testing/{name}"), script(&format!("packages: {}", json!({ "snap": [snap] })), "echo SCRIPT RAN"))
}

#[tokio::test(flavor = "multi_thread")]
async fn snaps_are_installed_once_and_from_where_the_site_has_them() {
    let image = b"hsqs, as a squashfs image begins".to_vec();
    let server = Server::of(vec![("/tool".to_owned(), image)]).await;
    let scripts = [
        needs_snap("a-edge", &json!({"name": "edgy", "channel": "edge", "mode": "classic"})),
        needs_snap("b-again", &json!("edgy")),
        needs_snap("c-there", &json!("there")),
        needs_snap("d-cached", &json!({"name": "cached", "channel": "beta"})),
        needs_snap("e-broken", &json!("broken")),
        needs_snap("f-option", &json!("--dangerous")),
        needs_urls("g-file", &[server.url("/tool")], "echo SCRIPT RAN"),
    ];
    let (region, node) = scene(&scripts, |_| {}).await;
    let (log, cache) = (node.home().join("log"), node.home().join("cache"));
    fs::create_dir(&cache).expect("room");
    for name in ["cached_7.snap", "cached_8.snap", "cached_8.assert"] {
        fs::write(cache.join(name), "x").expect("room");
    }
    let path = fake(&node.home().join("bin"), "snap", FAKE);
    fake(&node.home().join("bin"), "sudo", GIVES_NOTHING);
    let settings = format!("{HASTY}cache = {}\n", json!(cache));
    let finished = run(&node, &settings).env("PATH", path).env("FAKE_SNAP_LOG", &log).finish().await;
    for name in ["a-edge", "b-again", "c-there", "d-cached", "g-file"] {
        assert!(passed(&region, name).ends_with("SCRIPT RAN\n"), "{name} {finished:?}");
    }
    let broken = not_installed(&region, "e-broken", "failed with exit status 10");
    assert_eq!((broken.exit_status, text(&broken.stderr).contains("snap \"broken\" not found")), (Some(10), true));
    not_installed(&region, "f-option", "is no name of a snap");
    let store = node.storage().join("downloads/.packages");
    let log = fs::read_to_string(log).expect("it was called").replace(&format!("{}/", cache.display()), "CACHE/");
    let calls: Vec<String> = log
        .lines()
        .map(|line| match line.split_once(&format!("{}/", store.display())) {
            Some((before, _)) => format!("{before}FILE"),
            None => line.to_owned(),
        })
        .collect();
    let expected = [
        "list edgy",
        "install edgy --edge --classic",
        "list there",
        "list cached",
        "ack CACHE/cached_8.assert",
        "install CACHE/cached_8.snap",
        "list broken",
        "install broken",
        "install --dangerous FILE",
    ];
    assert_eq!(calls, expected);
}
