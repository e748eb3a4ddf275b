//! Profiles that travel with `shakedown-accept`: put into a region, carried by its script, held against a machine.

use std::fs;
use std::path::Path;
use std::process::Command;

use shakedown::region::Client;
use shakedown::sandbox::{NodeStatus, Sandbox};
use shakedown::script::Status;

use crate::machine::{Machine, operator};
use crate::support::{Node, row};
use crate::{administer, binary, region};

const RIG: &str =
    "schema = 1\nname = \"rig\"\nmatch = { product = \"Rig Server 9000\" }\n[cpu]\ncount = 1\ncores = 4\n";
const OTHER: &str = "schema = 1\nname = \"r760\"\nmatch = { vendor = \"Dell Inc.\" }\n[cpu]\ncount = 2\n";

/// Writes a profile, and gives its path.
fn profile(machine: &Machine, name: &str, text: impl AsRef<[u8]>) -> String {
    fs::write(machine.at(name), text).expect("written");
    machine.at(name).display().to_string()
}

fn changes(region: &Sandbox) -> usize {
    region.requests().iter().filter(|request| request["method"] != "GET").count()
}

/// `region install --scripts shakedown-accept`, with these profiles.
async fn install(machine: &Machine, region: &Sandbox, words: &[&str]) -> (Option<i32>, String) {
    let done = administer(region, "install").arg("--binary").arg(binary(machine));
    let done = done.args(["--scripts", "shakedown-accept"]).args(words).finish().await;
    (done.code, format!("{}{}", done.stdout, done.stderr))
}

/// Commissions a recorded machine, with this script alone.
async fn commissioned(machine: &Machine, region: &Sandbox) -> String {
    let root = machine.at("tree");
    fs::create_dir_all(&root).expect("a directory");
    let snapshot = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines/emulated-server.tar.xz");
    let done = Command::new("tar").arg("-xJf").arg(snapshot).arg("-C").arg(&root).status().expect("tar is there");
    assert!(done.success());
    region.set_node_status(NodeStatus::Ready);
    operator(region, "commission&commissioning_scripts=shakedown-accept").await;
    region.boot();
    let node = Node::of(region);
    node.run().env("SHAKEDOWN_TEST_ROOT", root).finish().await;
    let row = row(region, "shakedown-accept");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{:?}\n{}\n{}", row.status, text(&row.result), text(&row.output))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_deviates_from_its_profile_gets_the_deviation_as_its_result() {
    let (machine, region) = (Machine::new(), region(&[]).await);
    // A shell finds nothing to do in the text.
    let odd = RIG.replace("\"rig\"", "\"rig $(echo x) `id` $PATH\"");
    let (rig, other) = (profile(&machine, "rig.toml", &odd), profile(&machine, "r760.toml", OTHER));
    let (code, told) = install(&machine, &region, &["--profile", &rig, "--profile", &other]).await;
    assert_eq!(code, Some(0), "{told}");
    let told = commissioned(&machine, &region).await;
    assert!(told.starts_with(&format!("{:?}", Status::Failed)), "{told}");
    for expected in
        ["\"profile\":\"rig $(echo x) `id` $PATH\"", "rejected: 1 deviation", "cpu socket 0: cores 2, ordered 4"]
    {
        assert!(told.contains(expected), "{expected:?} in {told}");
    }
    // The next version carries what was ordered, and the same machine is accepted.
    let rig = profile(&machine, "rig.toml", RIG.replace("cores = 4", "cores = 2"));
    let (code, told) = install(&machine, &region, &["--profile", &rig, &other]).await;
    assert_eq!(code, Some(0), "{told}");
    let told = commissioned(&machine, &region).await;
    assert!(told.starts_with(&format!("{:?}", Status::Passed)) && told.contains("\"verdict\":\"accepted\""), "{told}");
    // No profile for this machine is no pass, and says which there are.
    let (code, told) = install(&machine, &region, &["--profile", &other]).await;
    assert!(code == Some(0) && told.contains("take rig.toml (rig, for Rig Server 9000) out of"), "{told}");
    let told = commissioned(&machine, &region).await;
    assert!(
        told.starts_with(&format!("{:?}", Status::Failed)) && told.contains("there are r760 (Dell Inc.)"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_shown_kept_and_taken_away_with_the_script() {
    let (machine, region) = (Machine::new(), region(&[]).await);
    fs::create_dir(machine.at("profiles")).expect("a directory");
    profile(&machine, "profiles/rig.toml", RIG);
    profile(&machine, "profiles/r 760.toml", format!("\u{feff}{}", OTHER.replace('\n', "\r\n")));
    let folder = machine.at("profiles").display().to_string();
    let (code, told) = install(&machine, &region, &["--profile", &folder, "--dry-run"]).await;
    assert_eq!((code, changes(&region)), (Some(0), 0), "{told}");
    assert!(told.contains("would have shakedown-accept carry rig.toml (rig, for Rig Server 9000)"), "{told}");
    // The script comes with its profiles unasked.
    let done = administer(&region, "install").arg("--binary").arg(binary(&machine)).args(["--profile", &folder]);
    let done = done.finish().await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let before = changes(&region);
    for words in [&["--profile", folder.as_str()][..], &[]] {
        let (_, told) = install(&machine, &region, words).await;
        assert!(told.contains("had everything already") && changes(&region) == before, "{words:?}: {told}");
    }
    let status = administer(&region, "status").finish().await;
    for expected in ["rig.toml", "r_760.toml", "Dell Inc.", "Rig Server 9000", "in order"] {
        assert!(status.stdout.contains(expected), "{expected}: {}", status.stdout);
    }
    assert_eq!(status.code, Some(0));
    let removed = administer(&region, "remove").finish().await;
    assert!(removed.stdout.contains("delete script shakedown-accept"), "{}", removed.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_is_wrong_is_refused_before_anything_is_uploaded() {
    let (machine, region) = (Machine::new(), region(&[]).await);
    let rig = profile(&machine, "rig.toml", RIG);
    for (text, expected) in [
        (RIG.replace("cores", "coers").into_bytes(), "line 6, column 1: cpu has no \"coers\"; did you mean \"cores\"?"),
        (RIG.replace("match", "matches").into_bytes(), "matches"),
        (RIG.replace("match = { product = \"Rig Server 9000\" }\n", "").into_bytes(), "without `match`"),
        (RIG.replace("Rig Server", "~Rig.*").into_bytes(), "rig.toml are both for Rig Server 9000"),
        (b"\xff\xfes\0c\0h\0".to_vec(), "a profile is a text in UTF-8, and this is none"),
        (vec![], "wrong"),
        (b"{\"schema\": 1}".to_vec(), "this is no TOML"),
        ([RIG.as_bytes(), &b"# y\n".repeat(300_000)].concat(), "1048576 can travel"),
    ] {
        let wrong = profile(&machine, "wrong.toml", text);
        let (code, told) = install(&machine, &region, &["--profile", &wrong, &rig]).await;
        assert_eq!((code, changes(&region)), (Some(2), 0), "{told}");
        assert!(
            told.contains(expected) && told.contains("wrong.toml") || expected.contains("travel"),
            "{expected:?} in {told}"
        );
    }
    let empty = machine.at("data").display().to_string();
    let address = "http://files.example.com/rig.toml".to_owned();
    for nowhere in [empty, address, machine.at("nowhere.toml").display().to_string()] {
        let (code, told) = install(&machine, &region, &["--profile", &nowhere]).await;
        assert!(code == Some(2) && changes(&region) == 0 && told.contains("Nothing was uploaded"), "{told}");
    }
    let (code, told) = install(&machine, &region, &["--scripts", "shakedown-acept", "--profile", &rig]).await;
    assert!(code == Some(2) && told.contains("there is no script shakedown-acept") && changes(&region) == 0, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_does_to_the_script_meanwhile_is_seen_and_mended() {
    let (machine, region) = (Machine::new(), region(&[]).await);
    // Limits for figures that no commissioning has are told at once.
    let measured = profile(&machine, "rig.toml", format!("{RIG}[measure]\nread = \">=1 GiB/s\"\n"));
    let (code, told) = install(&machine, &region, &["--profile", &measured]).await;
    assert!(code == Some(0) && told.contains("the verdict will be incomplete"), "{told}");
    let rig = profile(&machine, "rig.toml", RIG);
    install(&machine, &region, &["--profile", &rig]).await;
    // Somebody edits the profile in the region's own page.
    let client = Client::new(crate::degraded::options(&region)).expect("a client");
    let script = client.scripts().await.expect("scripts").into_iter().find(|script| script.name == "shakedown-accept");
    let text = String::from_utf8(script.expect("it is there").content).expect("a text");
    for (edited, state) in [
        (text.replace("cores = 4", "cores = 2"), "CHANGED by somebody else"),
        (text.replace("cores = 4", "coers = 4"), "WRONG, install it again: line 6"),
    ] {
        client.replace_script("shakedown-accept", edited.as_bytes(), "").await.expect("it is taken");
        let status = administer(&region, "status").finish().await;
        assert!(status.code == Some(1) && status.stdout.contains(state), "{}", status.stdout);
    }
    let told = commissioned(&machine, &region).await;
    assert!(told.starts_with("Failed") && told.contains("did you mean"), "{told}");
    // Another install keeps what is there, and one with the profile mends it.
    let (_, told) = install(&machine, &region, &[]).await;
    assert!(told.contains("WRONG"), "{told}");
    let (code, told) = install(&machine, &region, &["--profile", &rig]).await;
    assert!(code == Some(0) && told.contains("(it is wrong) out of shakedown-accept"), "{told}");
}
