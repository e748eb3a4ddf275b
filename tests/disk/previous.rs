//! What is new since the last report of the same drive.

use serde_json::{Value, json};
use shakedown::disk::{Judgement, Policy, Verdict, judge};

use crate::report;

/// A disk with so many transfer errors and pending sectors.
fn disk(crc_errors: u64, pending: u64) -> Value {
    let row = |id: u64, raw: u64| json!({ "id": id, "name": "Name", "value": 100, "worst": 100, "thresh": 0, "when_failed": "", "raw": { "value": raw, "string": raw.to_string() } });
    json!({
        "smartctl": { "version": [7, 4], "exit_status": 0 },
        "device": { "name": "/dev/sda", "type": "sat", "protocol": "ATA" },
        "serial_number": "S1",
        "rotation_rate": 7200,
        "smart_status": { "passed": true },
        "ata_smart_attributes": { "table": [row(199, crc_errors), row(197, pending)] },
    })
}

fn compare(before: &Value, now: &Value, policy: &str) -> Judgement {
    let policy = Policy::parse(policy).expect("a policy");
    judge(&report(now.to_string()), &policy, Some(&report(before.to_string())))
}

fn news(judgement: &Judgement) -> Vec<(&str, Option<bool>)> {
    judgement.reasons.iter().map(|reason| (reason.code, reason.new)).collect()
}

#[test]
fn a_reason_that_was_not_there_or_was_less_is_new() {
    let judgement = compare(&disk(5, 0), &disk(5, 2), "");
    assert_eq!(news(&judgement), [("pending-sectors", Some(true)), ("crc-errors", Some(false))]);
    let judgement = compare(&disk(5, 2), &disk(6, 1), "");
    assert_eq!(news(&judgement), [("pending-sectors", Some(false)), ("crc-errors", Some(true))]);
}

#[test]
fn without_a_previous_report_nothing_is_said_to_be_new() {
    let judgement = judge(&report(disk(5, 2).to_string()), &Policy::default(), None);
    assert!(judgement.reasons.iter().all(|reason| reason.new.is_none()));
}

#[test]
fn a_policy_lets_count_what_is_new() {
    let policy = "crc-errors = { new = \"degraded\" }";
    assert_eq!(compare(&disk(5, 0), &disk(5, 0), policy).verdict, Verdict::Healthy);
    assert_eq!(compare(&disk(5, 0), &disk(6, 0), policy).verdict, Verdict::Degraded);
    let only_news = "pending-sectors = { counts = \"info\", new = \"failed\" }";
    assert_eq!(compare(&disk(0, 2), &disk(0, 2), only_news).verdict, Verdict::Healthy);
    assert_eq!(compare(&disk(0, 2), &disk(0, 3), only_news).verdict, Verdict::Failed);
}
