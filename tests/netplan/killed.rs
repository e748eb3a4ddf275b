//! The agent is killed at every single call of a program that changes the network; the next start puts all back.

use std::fs::File;

use shakedown::sandbox::{Action, Fault};
use shakedown::script::Status;

use crate::machine::{GIVEN, Machine, handing_out, networking};
use crate::support::program::Finished;
use crate::support::{row, until};

const PUT_BACK: &str = "Put this machine's own networking back, since an earlier run was cut off with that of net";

/// How many calls an undisturbed run makes.
async fn calls() -> usize {
    let region = handing_out(&[networking("", "")], Some(GIVEN)).await;
    let machine = Machine::new(&region);
    machine.run().finish().await;
    machine.calls().len()
}

/// A machine that was killed at a call, with `/etc/netplan` never empty of configuration.
async fn killed_at(machine: &Machine, verb: &str, call: usize) {
    machine.hold(machine.calls().len() + call);
    let agent = match verb {
        "run" => machine.run().start(),
        verb => machine.verb(verb).start(),
    };
    machine.held().await;
    machine.kill(agent).await;
    let (files, _) = machine.network();
    let own = files.contains_key("50-cloud-init.yaml") && files.contains_key("90-site.yaml");
    assert!(own || files.contains_key("shakedown-configured.yaml"), "{:?}", files.keys());
}

fn assert_told(ended: &Finished, machine: &Machine) {
    assert!(ended.stderr.contains(PUT_BACK), "{}", ended.stderr);
    for level in ["AUDIT", "DEBUG"] {
        assert!(machine.log(level).iter().any(|text| text.contains(PUT_BACK)), "{:?}", machine.log(level));
    }
}

#[tokio::test]
async fn whenever_the_agent_is_killed_the_next_start_puts_all_back() {
    let calls = calls().await;
    assert!(calls > 15, "{calls} calls are all there are");
    for call in 1..=calls {
        let region = handing_out(&[networking("", "")], Some(GIVEN)).await;
        let machine = Machine::new(&region);
        let before = machine.network();
        killed_at(&machine, "run", call).await;
        let has_changed = machine.network() != before;
        // The two first calls only look.
        assert_eq!(machine.netplan().join(".shakedown").exists(), call > 2, "call {call}");
        let ended = machine.run().finish().await;
        assert_eq!(machine.network(), before, "call {call}: {}", ended.stderr);
        assert!(!machine.netplan().join(".shakedown").exists());
        if has_changed {
            assert_told(&ended, &machine);
        }
        let result = row(&region, "net");
        // Until the last call the script's end is not on record: nobody may think that it has passed.
        let expected = [Status::FailedApplyingNetconf, Status::Failed, Status::Passed];
        assert!(expected.contains(&result.status) && (result.status != Status::Passed || call > 2), "{result:?}");
    }
}

#[tokio::test]
async fn putting_back_may_be_killed_as_well() {
    for second in 1..=9 {
        let region = handing_out(&[networking("", "")], Some(GIVEN)).await;
        let machine = Machine::new(&region);
        let before = machine.network();
        killed_at(&machine, "run", 10).await;
        killed_at(&machine, "deliver", second).await;
        let ended = machine.verb("deliver").finish().await;
        assert_eq!(machine.network(), before, "call {second}: {}", ended.stderr);
        assert_told(&ended, &machine);
    }
}

#[tokio::test]
async fn a_script_or_a_question_to_the_region_may_be_under_way() {
    for body in ["touch running; exec sleep 1000", ""] {
        let region = handing_out(&[networking("", body)], Some(GIVEN)).await;
        let machine = Machine::new(&region);
        let before = machine.network();
        machine.hold(9);
        let agent = machine.run().start();
        machine.held().await;
        if body.is_empty() {
            region.inject(Fault::new("GET", 1000, Action::DropBefore));
        }
        machine.release();
        if body.is_empty() {
            let asked = || region.requests().iter().filter(|request| request["answer"] == 503).count() > 0;
            until("the region is asked", asked).await;
        } else {
            until("the script runs", || machine.path("running").exists()).await;
        }
        machine.kill(agent).await;
        region.clear_faults();
        let ended = machine.run().finish().await;
        assert_eq!(machine.network(), before, "{}", ended.stderr);
        assert_told(&ended, &machine);
    }
}

#[tokio::test]
async fn every_verb_that_acts_for_the_machine_puts_back_first() {
    for verb in ["run", "deliver", "sync", "report-results", "watch"] {
        let region = handing_out(&[networking("", "")], Some(GIVEN)).await;
        let machine = Machine::new(&region);
        let before = machine.network();
        killed_at(&machine, "run", 10).await;
        // Whatever comes then: some of them refuse to work for a machine that is not deployed.
        let ended = match verb {
            "run" => machine.run().finish().await,
            verb => {
                let agent = machine.verb(verb).start();
                until("it is told", || machine.log("DEBUG").iter().any(|text| text.contains(PUT_BACK))).await;
                agent.signal(nix::sys::signal::Signal::SIGTERM);
                agent.finish(crate::support::LIMIT).await
            }
        };
        assert_eq!(machine.network(), before, "{verb}: {}", ended.stderr);
        assert!(ended.stderr.contains(PUT_BACK), "{verb}: {}", ended.stderr);
    }
}

#[tokio::test]
async fn it_needs_no_journal_and_no_region() {
    let region = handing_out(&[networking("", "")], Some(GIVEN)).await;
    let machine = Machine::new(&region);
    let before = machine.network();
    killed_at(&machine, "run", 10).await;
    machine.write("no-directory", "");
    drop(region);
    let deliver = machine.verb("deliver").env("SHAKEDOWN_STATE_DIR", machine.path("no-directory"));
    let ended = deliver.args(["--give-up-after", "1"]).finish().await;
    assert_eq!(machine.network(), before, "{}", ended.stderr);
    assert!(ended.stderr.contains(PUT_BACK), "{}", ended.stderr);
}

#[tokio::test]
async fn another_that_is_at_work_is_left_alone() {
    let region = handing_out(&[networking("", "")], Some(GIVEN)).await;
    let machine = Machine::new(&region);
    killed_at(&machine, "run", 10).await;
    let between = machine.network();
    let other = File::open(machine.netplan()).expect("a directory");
    other.lock().expect("the one that had it was killed");
    let ended = machine.verb("deliver").args(["--give-up-after", "1"]).finish().await;
    assert_eq!(machine.network(), between, "{}", ended.stderr);
}

#[tokio::test]
async fn what_could_not_be_applied_again_is_tried_again_by_the_next_start() {
    let region = handing_out(&[networking("", "")], Some(GIVEN)).await;
    let machine = Machine::new(&region);
    let before = machine.network();
    killed_at(&machine, "run", 10).await;
    let netplan = machine.bin("netplan");
    std::fs::rename(&netplan, machine.path("away")).expect("it is there");
    let ended = machine.verb("deliver").args(["--give-up-after", "1"]).finish().await;
    assert!(ended.stderr.contains("could not be applied, which the next start tries again"), "{}", ended.stderr);
    assert!(machine.network().0.contains_key("50-cloud-init.yaml"), "the files are back already");
    std::fs::rename(machine.path("away"), &netplan).expect("it is there");
    machine.verb("deliver").args(["--give-up-after", "1"]).finish().await;
    assert_eq!(machine.network(), before);
}
