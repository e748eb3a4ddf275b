//! The instances of a script, one for each disk, and what they install together.

use serde_json::json;
use shakedown::sandbox::{Device, ResultRow, Sandbox};
use shakedown::script::Status;

use super::debian::{Package, Root, is_here};
use super::mirror::Mirror;
use super::server::Server;
use super::support::script;
use super::{HASTY, run, scene, text};

/// Two disks that every machine has.
fn disks() -> Vec<Device> {
    let disk = |id: u32, name: &str| json!({"id": id, "name": name, "model": null, "serial": null, "id_path": format!("/dev/{name}")});
    [disk(1, "null"), disk(2, "zero")].into_iter().filter_map(|disk| disk.as_object().cloned()).collect()
}

/// A script for each disk, all at the same time.
fn for_disks(packages: &serde_json::Value, body: &str) -> (String, String) {
    let header = format!("parallel: instance\nparameters: {{storage: {{type: storage}}}}\npackages: {packages}");
    ("testing/for-disks".to_owned(), script(&header, body))
}

fn rows(region: &Sandbox) -> Vec<ResultRow> {
    let rows: Vec<ResultRow> = region.results().into_iter().filter(|row| row.script == "for-disks").collect();
    assert_eq!(rows.len(), 2, "one a disk");
    rows
}

/// How many events end with these words.
fn events(region: &Sandbox, end: &str) -> usize {
    super::support::events(region).iter().filter(|text| text.ends_with(end)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_disks_need_one_installation() {
    if !is_here() {
        return;
    }
    let mirror = Mirror::of(&[Package::new("tiny", "1.0", "")]).await;
    let archive = super::support::archive::Tar::new().file("data", 0o644, "x").bytes();
    let files = Server::of(vec![("/data.tar".to_owned(), archive)]).await;
    let root = Root::new(&mirror.line());
    let packages = json!({"apt": ["tiny"], "url": [files.url("/data.tar")]});
    let body = "cat \"$DPKG_ROOT\"/usr/share/tiny \"$DOWNLOAD_PATH\"/data >&2; echo more >>\"$DOWNLOAD_PATH\"/own";
    let (region, node) = scene(&[for_disks(&packages, body)], |options| options.disks = disks()).await;
    let finished = root.around(run(&node, HASTY)).finish().await;
    let rows = rows(&region);
    for row in &rows {
        assert_eq!((row.status, text(&row.stderr).ends_with("1.0x")), (Status::Passed, true), "{finished:?}");
    }
    let outputs: Vec<String> = rows.iter().map(|row| text(&row.output)).collect();
    let count = |what: &str| outputs.iter().map(|output| output.matches(what).count()).sum::<usize>();
    // Asked for twice where this machine has fetched lists before, which the test's root has not.
    assert_eq!((count("Unpacking tiny "), count("$ download"), files.asked().len()), (1, 1, 1), "{outputs:?}");
    assert_eq!(count("[its packages were installed for for-disks (id: "), 1, "{outputs:?}");
    assert_eq!(events(&region, "from 'Installing dependencies' to 'Running'"), 2, "both said what they waited for");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_disks_share_a_failure_and_what_was_printed() {
    if !is_here() {
        return;
    }
    let mirror = Mirror::of(&[Package::new("tiny", "1.0", "")]).await;
    let root = Root::new(&mirror.line());
    let scripts = [for_disks(&json!({"apt": ["nonesuch"]}), "echo SCRIPT RAN")];
    let (region, node) = scene(&scripts, |options| options.disks = disks()).await;
    let finished = root.around(run(&node, HASTY)).finish().await;
    for row in rows(&region) {
        let output = text(&row.output);
        assert_eq!((row.status, row.exit_status), (Status::FailedInstalling, Some(100)), "{finished:?}");
        assert!(text(&row.stderr).contains("E: Unable to locate package nonesuch"), "{}", text(&row.stderr));
        assert_eq!(output.matches(" apt-get -qy update").count(), 1, "{output}");
        assert!(output.contains("its packages are not installed") && !output.contains("SCRIPT RAN"), "{output}");
    }
    assert_eq!(mirror.updates(), 1, "one installation for both");
    assert_eq!(events(&region, "failed installing dependencies"), 2);
}
