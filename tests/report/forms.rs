//! The forms for programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use shakedown::sandbox::NodeStatus;

use crate::harness::{Machine, Script, region};
use crate::markup::{Tag, flaws_of_xml, tags};

/// A run with an end of each kind.
pub(crate) async fn mixed() -> Machine {
    let machine = Machine::new();
    let to = |status: &str| {
        format!(
            "echo '{{status: {status}, results: {{reason: because, disk: sda, health: degraded}}}}' > \"$RESULT_PATH\""
        )
    };
    let scripts = [
        Script::testing("passes", "echo fine"),
        Script::testing("fails", "echo broken; exit 3"),
        Script::testing("skipped", to("skipped")),
        Script::testing("degraded", to("degraded")),
        Script::testing("slow", "sleep 60").field("timeout: 1"),
        Script::testing("lacking", "true").field("packages: {apt: [no-such-package-anywhere]}"),
    ];
    let region = region(NodeStatus::Testing, &scripts).await;
    machine.run(&region).end().await;
    machine
}

#[tokio::test]
async fn the_same_run_gives_the_same_bytes() {
    let machine = mixed().await;
    for form in ["html", "markdown", "json", "junit", "ocp"] {
        let first = machine.report(form).await;
        assert_eq!(machine.report(form).await, first, "{form}");
    }
}

/// Every key, as a path below the document.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                found.insert(key.clone());
                keys(value, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn json_has_a_version_and_every_key_is_documented() {
    let machine = mixed().await;
    let value: Value = serde_json::from_str(&machine.report("json").await).expect("it is JSON");
    assert_eq!((value["format"].as_str(), value["version"].as_u64()), (Some("shakedown-report"), Some(1)));
    assert_eq!(value["verdict"]["grade"], "failed");
    let statuses: Vec<&str> =
        value["results"].as_array().expect("results").iter().filter_map(|one| one["grade"].as_str()).collect();
    assert_eq!(statuses, ["degraded", "failed", "failed", "passed", "skipped", "failed"]);
    let documented =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.md")).expect("the document");
    let mut found = BTreeSet::new();
    keys(&value, &mut found);
    let missing: Vec<&String> = found.iter().filter(|key| !documented.contains(&format!("`{key}`"))).collect();
    assert_eq!(missing, Vec::<&String>::new(), "keys that docs/report.md does not tell");
}

fn attribute<'a>(tag: &'a Tag, name: &str) -> &'a str {
    let (_, after) = tag.attributes.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("{name} in {tag:?}"));
    after.split('"').next().unwrap_or_default()
}

#[tokio::test]
async fn junit_has_a_suite_for_each_set_a_case_for_each_result_and_counts_that_agree() {
    let machine = mixed().await;
    let junit = machine.report("junit").await;
    assert_eq!(flaws_of_xml(&junit), Vec::<String>::new());
    let tags = tags(&junit);
    let named = |name: &str| tags.iter().filter(|tag| tag.name == name).collect::<Vec<_>>();
    let suites = named("testsuite");
    assert_eq!(suites.iter().map(|suite| attribute(suite, "name")).collect::<Vec<_>>(), ["run", "testing"]);
    let sum = |what: &str| {
        suites.iter().map(|suite| attribute(suite, what).parse::<usize>().expect("a number")).sum::<usize>()
    };
    let counts = [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")];
    for (attribute, element) in counts {
        assert_eq!(sum(attribute), named(element).len(), "{attribute}");
    }
    assert_eq!((sum("tests"), sum("failures"), sum("errors"), sum("skipped")), (8, 2, 1, 1), "{junit}");
    for suite in &suites {
        for required in ["id", "package", "timestamp", "hostname", "time"] {
            assert!(!attribute(suite, required).is_empty(), "{required}");
        }
        assert_eq!(attribute(suite, "timestamp").len(), "2026-11-20T12:00:00".len(), "without a zone");
    }
    // The order of the schema: properties, cases, what was printed.
    let order: Vec<&str> = tags.iter().map(|tag| tag.name.as_str()).filter(|name| !name.starts_with('/')).collect();
    let position = |name: &str| order.iter().position(|one| *one == name).expect("it is there");
    assert!(position("properties") < position("testcase") && position("testcase") < position("system-out"));
    assert!(junit.contains("<failure type=\"Failed\" message=\"broken\">"), "{junit}");
    assert!(
        junit.contains("<skipped message=\"because\"/>") && junit.contains("Degraded: degraded: because"),
        "{junit}"
    );
}

/// A second opinion, where there is a Python.
#[tokio::test]
async fn a_real_parser_of_xml_takes_the_junit_form() {
    let machine = mixed().await;
    let path = machine.document("report.xml", &machine.report("junit").await);
    let program = "import sys, xml.etree.ElementTree as e; print(len(e.parse(sys.argv[1]).getroot().findall('testsuite/testcase')))";
    let Ok(output) = std::process::Command::new("python3").args(["-c", program, &path]).output() else {
        return crate::left_out::say("a second opinion on the JUnit form: there is no python3");
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "8", "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn markdown_begins_with_the_verdict() {
    let markdown = mixed().await.report("markdown").await;
    assert!(markdown.starts_with("# FAILED: run 1 on "), "{markdown}");
    assert!(
        markdown.contains("| fails | testing | Failed | 3 |") && markdown.contains("```text\nbroken\n```"),
        "{markdown}"
    );
}
