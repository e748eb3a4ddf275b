//! What a site may change, and what not.

use shakedown::disk::{Limit, Policy, RULES, Rule, Verdict, judge};

use crate::{fixture, report};

fn with(policy: &str, name: &str) -> Verdict {
    judge(&report(fixture(name)), &Policy::parse(policy).expect("a policy"), None).verdict
}

#[test]
fn a_rule_is_raised_lowered_or_given_another_limit() {
    assert_eq!(with("", "ata-pending-7.5.json"), Verdict::Degraded);
    assert_eq!(with("pending-sectors = \"failed\"", "ata-pending-7.5.json"), Verdict::Failed);
    assert_eq!(with("pending-sectors = \"info\"", "ata-pending-7.5.json"), Verdict::Healthy);
    assert_eq!(with("pending-sectors = { limit = 2 }", "ata-pending-7.5.json"), Verdict::Healthy);
    assert_eq!(with("pending-sectors = { limit = 1, counts = \"failed\" }", "ata-pending-7.5.json"), Verdict::Failed);
    assert_eq!(with("endurance-used = { limit = 100 }", "nvme-spare-at-threshold-7.5.json"), Verdict::Healthy);
}

#[test]
fn no_policy_makes_healthy_what_was_not_tested() {
    let lowered: String = RULES.iter().map(|rule| format!("{} = \"info\"\n", rule.code)).collect();
    for name in [
        "ata-permission-7.1.json",
        "ata-capabilities-7.4.json",
        "missing-7.3.json",
        "virtio-7.3.json",
        "cdrom-7.3.json",
    ] {
        assert_eq!(with(&lowered, name), Verdict::Error, "{name}");
    }
}

#[test]
fn every_rule_says_what_it_means_and_what_to_do() {
    for rule in RULES {
        assert!(!rule.meaning.is_empty() && !rule.next.is_empty(), "{}", rule.code);
        assert!(rule.code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", rule.code);
        assert!(Policy::parse(&format!("{} = \"failed\"", rule.code)).is_ok());
    }
}

/// The table of the rules, as it stands in the documentation.
fn documented() -> String {
    let limit = |rule: &Rule| match rule.limit {
        Limit::None => "-".to_owned(),
        Limit::Above(limit) => format!("> {limit}"),
        Limit::AtLeast(limit) => format!("≥ {limit}"),
        Limit::AtMost(limit) => format!("≤ {limit}"),
    };
    let grown = |rule: &Rule| rule.grown.map_or("-", |grown| grown.severity.name());
    let row = |rule: &Rule| {
        let Rule { code, meaning, next, source, .. } = rule;
        format!(
            "| `{code}` | {} | {} | {} | {meaning} | {next} | {source} |\n",
            rule.severity.name(),
            limit(rule),
            grown(rule)
        )
    };
    RULES.iter().map(row).collect()
}

#[test]
fn the_documented_rules_are_those_of_the_table() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/disk-rules.md");
    let text = std::fs::read_to_string(&path).expect("docs/disk-rules.md");
    let (head, rows) = text.split_once("| --- | --- | --- | --- | --- | --- | --- |\n").expect("a table");
    if std::env::var_os("SHAKEDOWN_WRITE_DOCS").is_some() {
        let whole = format!("{head}| --- | --- | --- | --- | --- | --- | --- |\n{}", documented());
        return std::fs::write(&path, whole).expect("docs/disk-rules.md is written");
    }
    assert_eq!(rows, documented(), "SHAKEDOWN_WRITE_DOCS=1 writes docs/disk-rules.md anew");
}

#[test]
fn every_rule_has_a_source() {
    let without: Vec<&str> = RULES.iter().filter(|rule| rule.source.is_empty()).map(|rule| rule.code).collect();
    assert_eq!(without, [""; 0]);
}
