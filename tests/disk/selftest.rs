//! Self-tests from their start to their end.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::machine::{
    Machine, Outcome, ata, ata_after, ata_entry, ata_running, nvme, nvme_after, sas, serial, virtio, with_ata_log,
};
use crate::support::{LIMIT, until};

/// A drive that is at 90 %, then at 10 %, and then ends like this.
fn ata_sequence(end: &serde_json::Value) -> Machine {
    let machine = Machine::with("sda", &ata());
    for (answer, report) in
        [("look", &ata()), ("look.1", &ata_running(90)), ("look.2", &ata_running(10)), ("look.3", end), ("x.1", end)]
    {
        machine.answer("/dev/sda", answer, report);
    }
    machine
}

#[tokio::test]
async fn a_test_that_was_seen_and_logged_as_passed_is_passed() {
    let machine = ata_sequence(&ata_after(0, "Short offline"));
    let outcome = machine.test(&["sda", "--test", "short"]).await;
    assert_eq!((outcome.verdict(), outcome.code()), ("healthy", 0), "{outcome:?}");
    assert_eq!(outcome.self_test(), ("passed", "Completed without error"));
    assert_eq!(
        machine.calls().iter().filter(|call| call.contains("-t ")).collect::<Vec<_>>(),
        ["--json=o -t short /dev/sda"]
    );
    assert_eq!(machine.count("-X"), 0);
    let said = &outcome.finished.stderr;
    assert!(said.contains("/dev/sda: self-test 10 % done") && said.contains("/dev/sda: self-test 90 % done"), "{said}");
}

#[tokio::test]
async fn a_test_that_found_a_defect_fails_the_drive_although_it_says_passed() {
    let machine = ata_sequence(&ata_after(121, "Short offline"));
    let outcome = machine.test(&["sda", "--test", "short"]).await;
    assert_eq!((outcome.verdict(), outcome.code()), ("failed", 1), "{outcome:?}");
    assert_eq!(outcome.self_test().0, "failed");
}

#[tokio::test]
async fn a_test_that_somebody_aborted_is_no_pass() {
    for status in [16, 33] {
        let machine = ata_sequence(&ata_after(status, "Short offline"));
        let outcome = machine.test(&["sda", "--test", "short"]).await;
        assert_eq!((outcome.verdict(), outcome.code(), outcome.self_test().0), ("error", 3, "aborted"), "{outcome:?}");
        assert_eq!(outcome.disk()["health"]["verdict"], "healthy", "what is known of its health is told");
    }
}

#[tokio::test]
async fn exit_status_zero_without_a_test_is_no_pass() {
    // As smartctl 7.1 to 7.3 do for NVMe, and 7.4 for drives without self-tests.
    let machine = Machine::with("sda", &ata());
    machine.answer("/dev/sda", "look", &ata());
    let outcome = machine.test(&["sda", "--test", "short"]).await;
    assert_eq!((outcome.verdict(), outcome.code(), outcome.self_test().0), ("error", 3, "not-started"), "{outcome:?}");
    assert_eq!(machine.count("-X"), 0, "there is nothing to abort");
}

#[tokio::test]
async fn a_test_that_leaves_no_trace_is_unverified() {
    let machine = ata_sequence(&ata());
    let outcome = machine.test(&["sda", "--test", "short"]).await;
    assert_eq!((outcome.verdict(), outcome.code(), outcome.self_test().0), ("error", 3, "unverified"), "{outcome:?}");
}

#[tokio::test]
async fn a_full_log_of_equal_entries_and_the_status_prove_a_pass() {
    let full = || with_ata_log(ata(), &vec![ata_entry("Short offline", 0, 4500); 21]);
    let machine = ata_sequence(&full());
    machine.answer("/dev/sda", "look", &full());
    let outcome = machine.test(&["sda", "--test", "short"]).await;
    assert_eq!((outcome.verdict(), outcome.self_test().0), ("healthy", "passed"), "{outcome:?}");
}

#[tokio::test]
async fn the_entry_of_another_test_proves_nothing() {
    let machine = ata_sequence(&ata_after(0, "Extended offline"));
    let outcome = machine.test(&["sda", "--test", "short"]).await;
    assert_eq!((outcome.verdict(), outcome.self_test().0), ("error", "unverified"), "{outcome:?}");
}

#[tokio::test]
async fn a_running_test_of_somebody_else_is_left_alone() {
    let machine = Machine::with("sda", &ata_running(60));
    machine.answer("/dev/sda", "look", &ata_running(60));
    let outcome = machine.test(&["sda", "--test", "long"]).await;
    assert_eq!((outcome.verdict(), outcome.code(), outcome.self_test().0), ("error", 3, "busy"), "{outcome:?}");
    assert!(outcome.self_test().1.contains("60 % of it left"), "{outcome:?}");
    assert_eq!((machine.count("-t"), machine.count("-X")), (0, 0));
}

#[tokio::test]
async fn a_test_that_the_drive_does_not_have_is_neither_begun_nor_passed() {
    let mut report = ata();
    report["ata_smart_data"]["capabilities"]["conveyance_self_test_supported"] = false.into();
    let machine = Machine::with("sda", &report);
    let outcome = machine.test(&["sda", "--test", "conveyance"]).await;
    assert_eq!((outcome.verdict(), outcome.code(), outcome.self_test().0), ("not-supported", 0, "not-supported"));
    assert_eq!(outcome.disk()["health"]["verdict"], "healthy");
    assert_eq!(machine.count("-t"), 0);
}

#[tokio::test]
async fn beside_disks_that_passed_one_that_has_not_the_test_is_told() {
    let machine = ata_sequence(&ata_after(0, "Short offline"));
    machine.disk("vda", &virtio());
    let outcome = machine.test(&["--all", "--test", "short"]).await;
    assert_eq!(outcome.document["verdict"], "healthy", "a disk without SMART is no news");
    let machine = ata_sequence(&ata_after(0, "Short offline"));
    let mut report = ata();
    report["ata_smart_data"]["capabilities"]["self_tests_supported"] = false.into();
    machine.disk("sdb", &serial(report, "ANOTHER"));
    let outcome = machine.test(&["--all", "--test", "short"]).await;
    assert_eq!((&outcome.document["verdict"], outcome.code()), (&json!("not-supported"), 0), "{outcome:?}");
}

#[tokio::test]
async fn a_smartctl_that_cannot_test_nvme_is_not_asked_to() {
    let mut report = nvme(None);
    report["smartctl"]["version"] = json!([7, 3]);
    let machine = Machine::with("nvme0n1", &report);
    let outcome = machine.test(&["nvme0n1", "--test", "short"]).await;
    assert_eq!((outcome.verdict(), outcome.self_test().0), ("not-supported", "not-supported"), "{outcome:?}");
    assert!(outcome.self_test().1.contains("7.4"), "{outcome:?}");
    assert_eq!(machine.count("-t"), 0);
}

#[tokio::test]
async fn an_nvme_controller_is_waited_for_and_believed_by_its_log() {
    for (result, text, verdict, state) in [
        (0, "Completed without error", "healthy", "passed"),
        (7, "Completed: failed segments", "failed", "failed"),
        (2, "Aborted: Controller Reset", "error", "aborted"),
    ] {
        let machine = Machine::with("nvme0n1", &nvme(None));
        let end = nvme_after(result, text);
        let answers = [("look", &nvme(None)), ("look.1", &nvme(Some(37))), ("look.2", &end), ("x.1", &end)];
        for (answer, report) in answers {
            machine.answer("/dev/nvme0", answer, report);
        }
        let outcome = machine.test(&["nvme0n1", "--test", "short"]).await;
        assert_eq!((outcome.verdict(), outcome.self_test()), (verdict, (state, text)), "{outcome:?}");
        assert!(machine.calls().iter().all(|call| call.ends_with(" /dev/nvme0")), "the controller, not its namespace");
        assert!(outcome.finished.stderr.contains("37 % done"), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_sas_disk_is_waited_for_although_it_says_no_percentage() {
    let before = [(0, "Completed")];
    for (result, text, verdict, state) in [
        (0, "Completed", "healthy", "passed"),
        (5, "Failed in segment -->", "failed", "failed"),
        (2, "Aborted (device reset ?)", "error", "aborted"),
    ] {
        let machine = Machine::with("sda", &sas(&before));
        let running = sas(&[(15, "Self test in progress ..."), (0, "Completed")]);
        let end = sas(&[(result, text), (0, "Completed")]);
        let answers =
            [("look", &sas(&before)), ("look.1", &running), ("look.2", &running), ("look.3", &end), ("x.1", &end)];
        for (answer, report) in answers {
            machine.answer("/dev/sda", answer, report);
        }
        let outcome = machine.test(&["sda", "--test", "short"]).await;
        assert_eq!((outcome.verdict(), outcome.self_test().0), (verdict, state), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_look_that_fails_once_ends_nothing() {
    let machine = ata_sequence(&ata_after(0, "Short offline"));
    machine.mode("/dev/sda", "look.2", "killed");
    let outcome = machine.test(&["sda", "--test", "short"]).await;
    assert_eq!((outcome.verdict(), outcome.self_test().0), ("healthy", "passed"), "{outcome:?}");
}

#[tokio::test]
async fn a_drive_that_stops_answering_is_not_waited_for_for_ever() {
    let machine = ata_sequence(&ata_after(0, "Short offline"));
    machine.mode("/dev/sda", "look.3", "killed");
    let outcome = machine.test(&["sda", "--test", "short"]).await;
    assert_eq!((outcome.verdict(), outcome.code(), outcome.self_test().0), ("error", 3, "unverified"), "{outcome:?}");
    assert_eq!(machine.count("-X"), 1);
}

#[tokio::test]
async fn when_its_time_is_up_a_test_is_aborted_and_says_so() {
    let machine = Machine::with("sda", &ata());
    let aborted = ata_after(24, "Extended offline");
    let answers = [("look", &ata()), ("look.1", &ata_running(90)), ("look.aborted", &aborted), ("x.aborted", &aborted)];
    for (answer, report) in answers {
        machine.answer("/dev/sda", answer, report);
    }
    let outcome = machine.test(&["sda", "--test", "long", "--limit", "1"]).await;
    assert_eq!((outcome.verdict(), outcome.code(), outcome.self_test().0), ("error", 3, "timed-out"), "{outcome:?}");
    assert!(outcome.self_test().1.ends_with("the self-test was aborted"), "{outcome:?}");
    assert_eq!(machine.count("-X"), 1);
}

#[tokio::test]
async fn stopped_it_aborts_the_test_and_leaves() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let machine = Machine::with("sda", &ata());
        for (answer, report) in
            [("look", &ata()), ("look.1", &ata_running(90)), ("look.aborted", &ata_after(25, "Extended offline"))]
        {
            machine.answer("/dev/sda", answer, report);
        }
        let arguments = ["--poll", "0.02", "--format", "json", "sda", "--test", "long"];
        let running = machine.program("test").args(arguments).start();
        until("it looks at the running test", || machine.count("-l") > 3).await;
        running.signal(signal);
        let outcome = Outcome::of(running.finish(LIMIT).await);
        assert_eq!(
            (outcome.verdict(), outcome.code(), outcome.self_test().0),
            ("error", 130, "aborted"),
            "{outcome:?}"
        );
        assert_eq!(machine.count("-X"), 1);
    }
}

#[tokio::test]
async fn a_test_that_cannot_be_aborted_is_told_with_the_way_to_stop_it() {
    let machine = Machine::with("sda", &ata());
    let answers = [("look", &ata()), ("look.1", &ata_running(90)), ("look.aborted", &ata_running(90))];
    for (answer, report) in answers {
        machine.answer("/dev/sda", answer, report);
    }
    let outcome = machine.test(&["sda", "--test", "long", "--limit", "1"]).await;
    assert!(
        outcome.self_test().1.contains("goes on testing all the same: stop it with `smartctl -X /dev/sda`"),
        "{outcome:?}"
    );
}
