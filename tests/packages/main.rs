//! The software that scripts need: the real program with a sandbox region, a server of files with every fault that servers have,
//! and the machine's own apt and dpkg in a root of the test's own.
//!
//! Where there is no apt the tests that need it are left out, which they say. `snap` is always one that says it is a fake: snapd needs
//! a machine of its own.

#[path = "../support/mod.rs"]
mod support;

mod apt;
mod archives;
mod debian;
mod download;
mod group;
mod mirror;
mod server;
mod snap;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use shakedown::sandbox::{Options, ResultRow, Sandbox};
use shakedown::script::Status;

use support::program::{Finished, Program};
use support::{Node, region, row, script};

/// Limits with which a test is not waited for.
const HASTY: &str = "[packages]\ndownload_bytes = 1000000\nstall_seconds = 1\ntries = 2\n";

/// A `sudo` for who is not root.
const GIVES_NOTHING: &str = "shift; exec env \"$@\"";

/// A testing script that needs URLs.
fn needs_urls(name: &str, urls: &[String], body: &str) -> (String, String) {
    (format!("testing/{name}"), script(&format!("packages: {}", json!({"url": urls})), body))
}

/// A testing script that needs packages.
fn needs_apt(name: &str, packages: &[&str], body: &str) -> (String, String) {
    (format!("testing/{name}"), script(&format!("packages: {}", json!({"apt": packages})), body))
}

/// A region with scripts and a node of it.
async fn scene(scripts: &[(String, String)], change: impl FnOnce(&mut Options)) -> (Sandbox, Node) {
    let region = region(scripts, change).await;
    let node = Node::of(&region);
    (region, node)
}

/// The node's run, with settings of the site.
fn run(node: &Node, settings: &str) -> Program {
    let config = node.home().join("config.toml");
    fs::write(&config, settings).expect("room for a small file");
    node.run().env("SHAKEDOWN_CONFIG", config)
}

/// Runs scripts to their end.
async fn ran(scripts: &[(String, String)], settings: &str) -> (Sandbox, Node, Finished) {
    let (region, node) = scene(scripts, |_| {}).await;
    let finished = run(&node, settings).finish().await;
    (region, node, finished)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The script ran and passed; its standard output.
#[track_caller]
fn passed(region: &Sandbox, name: &str) -> String {
    let row = row(region, name);
    assert_eq!(row.status, Status::Passed, "{name}: {}", text(&row.output));
    text(&row.stdout)
}

/// The script never ran, the region shows why; the row.
#[track_caller]
fn not_installed(region: &Sandbox, name: &str, says: &str) -> ResultRow {
    let row = row(region, name);
    let output = text(&row.output);
    assert_eq!(row.status, Status::FailedInstalling, "{name}: {output}");
    assert!(output.contains(says), "{name} should say {says:?}: {output}");
    assert!(!output.contains("SCRIPT RAN"), "{name}: {output}");
    row
}

/// Every file and directory below a directory; nothing where there is none.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| [vec![path.clone()], if path.is_dir() { files_below(&path) } else { Vec::new() }].concat())
        .collect()
}

/// What downloads left behind of a run that is over: in the store, and in what scripts were given.
fn left_behind(node: &Node) -> Vec<PathBuf> {
    let top = node.storage().join("downloads");
    // Each script has a directory there, empty or not.
    let is_left = |path: &PathBuf| path.parent() != Some(&top) || path.ends_with(".packages");
    files_below(&top).into_iter().filter(is_left).collect()
}

/// A program of the test's own, found first by the program under test.
fn fake(directory: &Path, name: &str, body: &str) -> String {
    fs::create_dir_all(directory).expect("room");
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("room");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("one's own file");
    let others = std::env::var("PATH").unwrap_or_default();
    format!("{}:{others}", directory.display())
}
