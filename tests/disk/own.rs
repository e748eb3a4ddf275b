//! The fixtures of this project, and that JSON and text of the same drive say the same.

use shakedown::disk::{Outcome, page};

use crate::{fixture, fixtures, judged, report};

#[test]
fn every_fixture_has_the_verdict_of_the_index() {
    let wrong: Vec<String> = fixtures()
        .into_iter()
        .map(|(name, verdict)| (judged(fixture(&name)).verdict.name(), name, verdict))
        .filter(|(found, _, verdict)| found != verdict)
        .map(|(found, name, verdict)| format!("{name}: {found} instead of {verdict}"))
        .collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn json_and_text_of_a_drive_say_the_same() {
    let pairs: Vec<String> =
        fixtures().into_iter().filter_map(|(name, _)| Some(name.strip_suffix(".txt")?.to_owned())).collect();
    let mut compared = 0;
    for name in pairs {
        let json = format!("{name}.json");
        if !fixtures().iter().any(|(other, _)| *other == json) {
            continue;
        }
        let (json, text) = (report(fixture(&json)), report(fixture(&format!("{name}.txt"))));
        assert_eq!(json.status.passed, text.status.passed, "{name}");
        assert_eq!(json.identity.model, text.identity.model, "{name}");
        assert_eq!(json.identity.serial, text.identity.serial, "{name}");
        assert_eq!(
            json.identity.capacity.is_some() || json.nvme.is_some(),
            text.identity.capacity.is_some() || text.nvme.is_some()
        );
        assert_eq!(json.nvme, text.nvme, "{name}");
        assert_eq!(json.temperature, text.temperature, "{name}");
        assert_eq!(json.self_tests, text.self_tests, "{name}");
        let told = |report: &shakedown::disk::Report| {
            let rows = report.attributes.iter();
            rows.map(|a| (a.id, a.value, a.worst, a.failing, a.prefailure, a.raw)).collect::<Vec<_>>()
        };
        assert_eq!(told(&json), told(&text), "{name}");
        compared += 1;
    }
    assert!(compared >= 5, "only {compared} pairs");
}

#[test]
fn what_runs_what_ran_and_what_could_run_is_known_of_every_transport() {
    let nvme = report(fixture("nvme-self-test-running-7.5.json")).self_tests;
    assert_eq!(nvme.running.and_then(|running| running.remaining), Some(63));
    assert_eq!((nvme.short.supported, nvme.conveyance.supported), (Some(true), Some(false)));
    let ata = report(fixture("ata-self-test-running-7.5.json")).self_tests;
    assert_eq!(ata.running.and_then(|running| running.remaining), Some(90));
    assert_eq!(ata.extended.supported, Some(true));
    let done = report(fixture("ata-self-test-failed-7.5.txt")).self_tests;
    assert_eq!(done.extended.estimate.map(|estimate| estimate.as_secs()), Some(612 * 60));
    assert_eq!(done.newest().map(|entry| (entry.outcome, entry.lba)), Some((Outcome::Failed, Some(123_456_789))));
    let nothing = report(fixture("nvme-self-test-ignored-7.2.json")).self_tests;
    assert_eq!((nothing.running, nothing.log_read), (None, false));
}

#[test]
fn a_page_tells_a_person_what_there_is() {
    let output = fixture("ata-self-test-failed-7.5.txt");
    let page = page(&report(&output), &judged(&output));
    for words in [
        "QEMU HARDDISK",
        "FAILED",
        "self-test-failed (failed, present)",
        "197 Current_Pending_Sector",
        "sector 123456789 !",
    ] {
        assert!(page.contains(words), "{words} is missing in\n{page}");
    }
    let nvme = fixture("nvme-spare-at-threshold-7.5.json");
    let page = shakedown::disk::page(&report(&nvme), &judged(&nvme));
    for words in ["DEGRADED", "Spare blocks        10% (threshold 10%)", "Endurance used      99%", "50 °C"] {
        assert!(page.contains(words), "{words} is missing in\n{page}");
    }
}
