//! Inputs made from public reports of bugs, with the verdicts that are right for each: `SHAKEDOWN_SHARED` names the folder that holds them.

use std::path::PathBuf;

use shakedown::disk::{Judgement, Transport, page, parse};

use crate::judged;

/// The folder of the cases.
fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("SHAKEDOWN_SHARED").filter(|folder| !folder.is_empty())?;
    Some(PathBuf::from(shared).join("cases/disk"))
}

/// File, verdicts that are right.
fn rows(folder: &std::path::Path) -> Vec<(String, Vec<String>)> {
    let index = std::fs::read_to_string(folder.join("INDEX.tsv")).expect("the index of the cases");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        (cells[0].to_owned(), cells[1].split('|').map(str::to_owned).collect())
    };
    index.lines().skip(1).map(row).collect()
}

fn read(folder: &std::path::Path, file: &str) -> Vec<u8> {
    std::fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn every_reported_case_has_a_verdict_that_is_right() {
    let Some(folder) = folder() else {
        return crate::support::left_out::say("61 outputs of public reports: SHAKEDOWN_SHARED is not set");
    };
    let rows = rows(&folder);
    assert!(rows.len() >= 61, "only {} cases", rows.len());
    let wrong: Vec<String> = rows
        .iter()
        .map(|(file, right)| (file, right, judged(read(&folder, file)).verdict.name()))
        .filter(|(_, right, found)| !right.iter().any(|one| one == found))
        .map(|(file, right, found)| format!("{file}: {found} instead of {}", right.join(" or ")))
        .collect();
    assert_eq!(wrong, [""; 0]);
}

/// All that a judgement says, in one text.
fn said(judgement: &Judgement) -> String {
    let reasons = judgement
        .reasons
        .iter()
        .map(|reason| format!("{} {} {} {}\n", reason.code, reason.seen, reason.meaning, reason.next));
    reasons.collect::<String>().to_lowercase()
}

#[test]
fn the_reasons_say_what_an_operator_has_to_know() {
    let Some(folder) = folder() else { return };
    for (file, words) in [
        ("A01b-sas-7.2-prefixed-6pending.json", &["pending defects 6"][..]),
        ("A02-sas-st24000nm007h-7.4-pending56.json", &["pending defects 56"]),
        ("A03-sas-h7240-ascq96.txt", &["0b/96", "drive maker", "not a failure"]),
        ("A04j-sas-temp-warning-0b01.json", &["temperature"]),
        ("A06-sas-iec-disabled-ok.txt", &["switched off", "no evidence"]),
        ("A07-sas-over-trip.txt", &["temperature 52", "limit 50"]),
        ("A09-sas-7.1-grown-bytes.json", &["grown defects 30"]),
        ("A10-iscsi-iet-virtual-disk.json", &["a volume of a storage array, not a drive"]),
        ("A11-areca-volume.txt", &["raid volume", "test its members"]),
        ("A15-sas-st900mm0026-iec-refused.txt", &["refuses its health page"]),
        ("A16-osm839-uncorrected54-nonmedium628595.txt", &["54"]),
        ("B01-nvme-samsung-0x04-used100-spare100.json", &["rated endurance is used", "spare 100%"]),
        ("B04-usb-jms583-medium-or-hardware.json", &["usb bridge", "-d sat", "-d sntjmicron"]),
        ("B08-usb-jms583-phantom-selftest.json", &["not to be trusted"]),
        ("B09-nvme-cli-endurance-group-warning.json", &["endurance group"]),
        ("C06-hdd-short-after-failed-long.txt", &["looks as deep", "4200736"]),
        ("C08-hdd-pending-defects-log.txt", &["pending defects"]),
        ("C10-invalid-checksum.txt", &["checksum"]),
        ("C12-two-drives-in-one.txt", &["more than one report"]),
        ("C18-standby.json", &["standby"]),
        ("C26-hdd-66C.txt", &["temperature 66"]),
        ("D06-nvme-7.4-selftest-log-unread.json", &["self-test"]),
        ("D07-sas-selftest-failed-lba.json", &["sector 123456789"]),
        ("D12-nvme-readonly-0x09.json", &["read-only", "copy the data now"]),
    ] {
        let said = said(&judged(read(&folder, file)));
        for word in words {
            assert!(said.contains(word), "{file} does not say {word:?}:\n{said}");
        }
    }
    let report = parse(&read(&folder, "D08-sas-environmental-temperature.json")).expect("a report");
    assert!(page(&report, &judged(read(&folder, "D08-sas-environmental-temperature.json"))).contains("50 °C"));
    let capacity = parse(&read(&folder, "C14-latin1-capacity.txt")).expect("a report").identity.capacity;
    assert!(capacity.is_some_and(|bytes| bytes > 900_000_000_000), "{capacity:?}");
    let bridge = parse(&read(&folder, "B04-usb-jms583-medium-or-hardware.json")).expect("a report");
    assert_eq!(bridge.transport(), Transport::Usb);
}
