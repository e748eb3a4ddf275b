//! `region install` and `region remove` that are interrupted, meet each other, or meet what somebody else did meanwhile.

use shakedown::region::Client;
use shakedown::sandbox::{Action, Fault, Sandbox};

use crate::degraded::options;
use crate::machine::Machine;
use crate::support::program::Program;
use crate::{administer, binary, region, site};

fn install(region: &Sandbox, machine: &Machine) -> Program {
    administer(region, "install").arg("--binary").arg(binary(machine)).args(["--scripts", "shakedown-cpu"])
}

async fn is_well(region: &Sandbox) {
    let done = administer(region, "status").finish().await;
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    for name in ["00-shakedown-commissioning", "00-shakedown-testing", "shakedown-cpu"] {
        assert_eq!(done.stdout.matches(name).count(), 1, "{}", done.stdout);
    }
}

fn client(region: &Sandbox) -> Client {
    Client::new(options(region)).expect("a client")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_goes_on_whichever_request_or_answer_is_lost() {
    let machine = Machine::new();
    for action in [Action::DropBefore, Action::DropAfter, Action::Half(1), Action::Answer(502, "busy".to_owned())] {
        for skip in 0..4 {
            let region = region(&[site(&machine, "look", "", "")]).await;
            region.inject(Fault { skip, ..Fault::new("POST", 1, action.clone()) });
            let done = install(&region, &machine).finish().await;
            assert_eq!(done.code, Some(0), "{action:?} {skip}: {}{}", done.stdout, done.stderr);
            is_well(&region).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_that_was_given_up_is_finished_by_the_next() {
    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    region.inject(Fault { skip: 2, ..Fault::new("POST", 500, Action::DropBefore) });
    let done = install(&region, &machine).args(["--give-up-after", "1"]).finish().await;
    assert_eq!(done.code, Some(3), "{}{}", done.stdout, done.stderr);
    assert!(done.stderr.contains("this was not done: make script"), "{}", done.stderr);
    region.clear_faults();
    let done = install(&region, &machine).finish().await;
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    is_well(&region).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_installations_at_once_leave_one_whole() {
    for are_equal in [true, false] {
        let (machine, other) = (Machine::new(), Machine::new());
        if are_equal {
            other.program("shakedown", &std::fs::read_to_string(machine.at("shakedown")).expect("text"));
        } else {
            other.program("shakedown", "#!/bin/sh\nexit 9\n");
        }
        let region = region(&[site(&machine, "look", "", "")]).await;
        let (one, two) = tokio::join!(install(&region, &machine).finish(), install(&region, &other).finish());
        for done in [one, two] {
            assert_eq!(done.code, Some(0), "{are_equal}: {}{}", done.stdout, done.stderr);
        }
        is_well(&region).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_named_as_such_and_never_shown() {
    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    for key in ["consumer:token:wrong-secret", "no-key-at-all", ""] {
        for verb in ["install", "status", "remove"] {
            let program = administer(&region, verb).env("SHAKEDOWN_API_KEY", key);
            let program = if verb == "install" { program.arg("--binary").arg(binary(&machine)) } else { program };
            let done = program.finish().await;
            assert_eq!(done.code, Some(3), "{verb} {key}: {}{}", done.stdout, done.stderr);
            assert!(done.stderr.to_lowercase().contains("key"), "{verb} {key}: {}", done.stderr);
            assert!(!done.stderr.contains("wrong-secret"), "{}", done.stderr);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changed_is_seen_replaced_by_a_version_and_removed_only_on_request() {
    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    install(&region, &machine).finish().await;
    let before = client(&region).scripts().await.expect("a list");
    let own = before.iter().find(|script| script.name == "00-shakedown-testing").expect("installed");
    let theirs = String::from_utf8_lossy(&own.content).replace("set -u", "set -u # mine");
    let change = || async {
        client(&region).replace_script(&own.name, theirs.as_bytes(), "ticket 7").await.expect("taken");
    };
    change().await;

    let done = administer(&region, "status").finish().await;
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stdout.contains("CHANGED by somebody else: ticket 7"), "{}", done.stdout);

    let done = administer(&region, "remove").finish().await;
    assert_eq!(done.code, Some(1), "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("00-shakedown-testing. --changed"), "{}", done.stdout);
    assert!(!done.stdout.contains("delete file"), "the script that stays takes it: {}", done.stdout);

    let done = install(&region, &machine).finish().await;
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("the region keeps it"), "{}", done.stdout);
    is_well(&region).await;

    change().await;
    let done = administer(&region, "remove").arg("--changed").finish().await;
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    let left = client(&region).scripts().await.expect("a list");
    assert!(left.iter().all(|script| !script.name.contains("shakedown")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_somebody_deleted_is_missed_and_put_back() {
    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    install(&region, &machine).finish().await;
    let files = client(&region).files("shakedown-").await.expect("a list");
    client(&region).delete_file(&files[0].name).await.expect("deleted");
    let done = administer(&region, "status").finish().await;
    assert_eq!(done.code, Some(1), "{}", done.stdout);
    assert!(done.stdout.contains("MISSING: install again"), "{}", done.stdout);
    assert_eq!(install(&region, &machine).finish().await.code, Some(0));
    is_well(&region).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_program_removes_what_a_newer_one_installed() {
    let machine = Machine::new();
    let region = region(&[site(&machine, "look", "", "")]).await;
    let name = "shakedown-9.9.9-x86_64-0123456789ab.xz";
    client(&region).upload_file(name, b"newer").await.expect("taken");
    let script = "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: shakedown-of-tomorrow\n# tags: [shakedown-installed]\n\
                  # --- End MAAS 1.0 script metadata ---\n";
    let sum: String = {
        use sha2::Digest as _;
        sha2::Sha256::digest(script).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let comment = format!("shakedown 9.9.9 ({})", &sum[..12]);
    client(&region).create_script(script.as_bytes(), &comment).await.expect("taken");
    install(&region, &machine).finish().await;
    let done = administer(&region, "remove").finish().await;
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    for word in ["delete script shakedown-of-tomorrow", "delete script 00-shakedown-testing"] {
        assert!(done.stdout.contains(word), "{word}: {}", done.stdout);
    }
    assert_eq!(client(&region).files("shakedown-").await.expect("a list"), []);
}
