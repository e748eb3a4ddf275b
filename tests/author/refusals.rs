//! What `shakedown try` does not do.

use super::Trial;
use super::support::script;

/// A script that would leave a file behind.
fn marking(trial_header: &str) -> (Trial, std::path::PathBuf) {
    let trial = Trial::of("");
    let mark = trial.path().join("mark");
    let text = script(trial_header, &format!("touch '{}'", mark.display()));
    std::fs::write(trial.script(), text).expect("room for a script");
    (trial, mark)
}

#[tokio::test(flavor = "multi_thread")]
async fn danger_has_to_be_really_meant() {
    for (header, words) in [
        ("timeout: 60\ndestructive: true", "every disk of this machine would be erased"),
        ("timeout: 60\nscript_type: release", "every disk of this machine may be erased"),
        ("timeout: 60\nscript_type: commissioning\nmay_reboot: true", "may reboot this machine"),
        ("timeout: 60\nscript_type: commissioning\ntags: [node, update_firmware]", "(tag update_firmware)"),
        ("timeout: 60\nscript_type: commissioning\ntags: noauto, configure_hba", "(tag configure_hba)"),
        ("timeout: 60\nscript_type: commissioning\ntags: bmc-config", "changes firmware or settings of this machine"),
    ] {
        let (trial, mark) = marking(header);
        let run = trial.text(&[]).await;
        assert_eq!(run.code, Some(3), "{run:?}");
        assert!(run.stderr.contains(words) && run.stderr.contains("--really"), "{run:?}");
        assert!(!mark.exists(), "{header}: it was run");
        let run = trial.text(&["--really"]).await;
        assert!(run.code == Some(0) && mark.exists(), "{run:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_disks_that_would_be_erased_are_named() {
    let header = "hardware_type: storage\ntimeout: 60\ndestructive: true\nparameters: {storage: {type: storage}}";
    let (trial, mark) = marking(header);
    let run = trial.text(&[]).await;
    assert!(run.code == Some(3) && !mark.exists(), "{run:?}");
    for disk in shakedown::host::Host::live().disks() {
        assert!(run.stderr.contains(&disk.path()), "{} in {run:?}", disk.path());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_region_refuses_is_not_run() {
    let (trial, mark) = marking("timeout: soon");
    let run = trial.text(&[]).await;
    assert!(run.code == Some(3) && !mark.exists(), "{run:?}");
    assert!(run.stderr.contains("look:3: error: timeout:"), "{run:?}");
    let (code, document) = trial.json(&[]).await;
    assert_eq!((code, &document["findings"][0]["rule"]), (Some(3), &"timeout".into()), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_not_is_told_with_what_there_is() {
    let header =
        "timeout: 60\nparameters: {storage: {type: storage}, depth: {type: choice, choices: [a, b], required: false}}";
    let (trial, mark) = marking(header);
    for (given, words) in [
        ("disk=sda", "no parameter \"disk\"; it has storage (storage), depth (choice)"),
        ("depth=c", "one of a, b"),
        ("storage=nonexistent", "this machine has no \"nonexistent\"; it has"),
        ("storage", "it is not NAME=VALUE"),
    ] {
        let run = trial.text(&["--param", given]).await;
        assert!(run.code == Some(2) && !mark.exists(), "{given}: {run:?}");
        assert!(run.stderr.contains(words), "{given}: {run:?}");
    }
    let run = super::support::program::Program::new("try").arg(trial.path().join("absent")).finish().await;
    assert!(run.code == Some(3) && run.stderr.contains("absent"), "{run:?}");
}
