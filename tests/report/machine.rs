//! Disks and inventory: what the run has on record, and a plain word where it has nothing.

use std::path::Path;

use serde_json::{Value, json};
use shakedown::sandbox::NodeStatus;

use crate::harness::{Machine, Script, region};
use crate::markup::text;

/// What the page says of a section, in one line.
async fn section(machine: &Machine, id: &str) -> String {
    let page = machine.report("html").await;
    let (_, after) = page.split_once(&format!("<section id=\"{id}\">")).expect("the section is there");
    let body = after.split("</section>").next().unwrap_or_default();
    text(body).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn resources() -> Value {
    json!({"resources": {
        "system": {"vendor": "Acme", "product": "R1 <x>", "serial": "SN1"},
        "cpu": {"sockets": [{"name": "Fast CPU"}, {"name": "Fast CPU"}], "total": 64},
        "memory": {"total": 274_877_906_944_u64},
        "storage": {"disks": [{"id": "sda", "model": "Big Disk", "serial": "D1", "size": 1_099_511_627_776_u64}], "total": 1},
        "network": {"cards": [{"product": "Card", "ports": [{"id": "eth0", "address": "00:01"}, 7]}], "total": 1},
    }, "environment": {"kernel_version": "6.1"}})
}

#[tokio::test]
async fn disks_are_told_with_health_wear_temperature_and_reason() {
    let machine = Machine::new();
    let inventory = machine.document("resources.json", &resources().to_string());
    let one = "{status: degraded, results: {disk: /dev/sda, health: degraded, reason: nearly worn out, wear: 91, temperature: 40, \
               power_on_hours: 1000, pending_sectors: 3}}";
    let two = "{results: {disk: ['bus/0 megaraid,1', 'bus/0 megaraid,2'], health: [healthy, failed], reason: ['', 'dying; soon']}}";
    let scripts = [
        Script::testing("inventory", format!("cat {inventory}")),
        Script::testing("one", format!("echo \"{one}\" > \"$RESULT_PATH\"")),
        Script::testing("two", format!("echo \"{two}\" > \"$RESULT_PATH\"; exit 1")),
    ];
    let region = region(NodeStatus::Testing, &scripts).await;
    machine.run(&region).end().await;
    let seen = section(&machine, "disks").await;
    for expected in [
        "/dev/sda Big Disk · D1 degraded 40 °C 91 % 1000 h 3 pending nearly worn out",
        "bus/0 megaraid,1 healthy",
        "bus/0 megaraid,2 failed dying; soon",
    ] {
        assert!(seen.contains(expected), "{expected:?} in {seen}");
    }
}

#[tokio::test]
async fn the_inventory_is_what_a_script_of_the_run_printed() {
    let machine = Machine::new();
    let plain = machine.document("resources.json", &resources().to_string());
    let scripts = [Script::testing("resources", format!("cat {plain}")), Script::testing("other", "echo '{\"a\": [}'")];
    let region_of_two = region(NodeStatus::Testing, &scripts).await;
    machine.run(&region_of_two).end().await;
    let seen = section(&machine, "inventory").await;
    for expected in [
        "what resources printed in this run",
        "Acme R1 <x>",
        "2 × Fast CPU, 64 threads",
        "256 GiB",
        "sda Big Disk D1 1.0 TiB",
        "no findings",
    ] {
        assert!(seen.contains(expected), "{expected:?} in {seen}");
    }

    let machine = Machine::new();
    let deep = json!({
        "machine_resources": resources(),
        "findings": [{"code": "link-narrow", "device": "pci:1", "text": "runs at x4 instead of x8"}],
        "gaps": [{"topic": "dmi", "path": "/sys/firmware", "reason": "not readable"}],
        "memory": {"dimms": [{"slot": "A1", "size": 17_179_869_184_u64, "kind": "DDR5"}]},
    });
    let deep = machine.document("deep.json", &deep.to_string());
    let plain = machine.document("resources.json", &resources().to_string());
    let scripts = [Script::testing("deep", format!("cat {deep}")), Script::testing("plain", format!("cat {plain}"))];
    let region = region(NodeStatus::Testing, &scripts).await;
    machine.run(&region).end().await;
    let seen = section(&machine, "inventory").await;
    for expected in [
        "what deep printed in this run",
        "link-narrow: runs at x4 instead of x8 (pci:1)",
        "not readable",
        "A1 16.0 GiB DDR5",
    ] {
        assert!(seen.contains(expected), "{expected:?} in {seen}");
    }
}

#[tokio::test]
async fn of_many_findings_and_gaps_it_is_told_how_many_more_there_are_and_where() {
    let machine = Machine::new();
    let finding = json!({"code": "link-narrow", "device": "pci:1", "text": "runs at x4 instead of x8"});
    let gap = json!({"topic": "dmi", "path": "/sys/firmware", "reason": "not readable"});
    let deep = json!({"machine_resources": resources(), "findings": vec![finding; 203], "gaps": vec![gap; 207]});
    let deep = machine.document("deep.json", &deep.to_string());
    let region = region(NodeStatus::Testing, &[Script::testing("deep", format!("cat {deep}"))]).await;
    machine.run(&region).end().await;
    let json: Value = serde_json::from_str(&machine.report("json").await).expect("it is JSON");
    let inventory = &json["inventory"];
    assert_eq!(inventory["findings"].as_array().map(Vec::len), Some(200));
    assert_eq!((&inventory["findings_left_out"], &inventory["gaps_left_out"]), (&json!(3), &json!(7)));
    let whole = inventory["whole"].as_str().unwrap_or_default();
    assert!(std::fs::read_to_string(whole).is_ok_and(|all| all.matches("link-narrow").count() == 203), "{whole}");
    let page = section(&machine, "inventory").await;
    for count in [3, 7] {
        assert!(page.contains(&format!("and {count} more; {whole} tells all")), "{page}");
    }
    let markdown = machine.report("markdown").await.replace('\\', "");
    assert!(markdown.contains(&format!("and 3 more; {whole} tells all")), "{markdown}");
    assert!(markdown.contains(&format!("207 facts; {whole} tells which")), "{markdown}");
}

#[tokio::test]
async fn without_one_on_record_the_page_says_so_and_a_look_now_says_that_it_is_one() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo fine")]).await;
    machine.run(&region).end().await;
    assert!(section(&machine, "inventory").await.contains("Not on record"));
    assert!(section(&machine, "disks").await.contains("No script of this run told of the health of a disk"));
    assert!(section(&machine, "changes").await.contains("None were recorded"));
    let live = machine.ask("report").words(&["--live", "--format", "json"]).end().await.answer();
    let live: Value = serde_json::from_str(&live).expect("it is JSON");
    let source = live["inventory"]["source"].as_str().unwrap_or_default();
    assert!(source.contains("when this report was written, not from the run"), "{source}");
    machine.execute("UPDATE run SET boot_id = 'another'");
    let other = machine.ask("report").word("--live").end().await;
    assert_eq!(other.code, Some(3));
    assert!(other.only_complaint().contains("another boot"), "{}", other.stderr);
}

#[tokio::test]
async fn changes_of_the_hardware_and_the_log_are_those_of_the_run() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo fine")]).await;
    machine.run(&region).end().await;
    machine.execute(
        "INSERT INTO maasserver_event (created, updated, description, type_id) SELECT r.started, r.started, 'disk sdb was removed', t.id
            FROM run r, maasserver_eventtype t WHERE t.name = 'NODE_HARDWARE_SYNC_BLOCK_DEVICE';
         INSERT INTO maasserver_event (created, updated, description, type_id) SELECT '2001-01-01T00:00:00.000000Z', '', 'long ago', t.id
            FROM maasserver_eventtype t WHERE t.name = 'NODE'",
    );
    assert!(section(&machine, "changes").await.contains("disk sdb was removed"));
    let log = section(&machine, "log").await;
    assert!(log.contains("a changed status from 'Running' to 'Passed'") && !log.contains("long ago"), "{log}");
    assert!(log.contains("has no seal"), "an inserted audit event is told: {log}");
}

/// A recorded machine, and a profile that it does not meet in one place.
fn order(machine: &Machine) -> (String, String) {
    let profile = "schema = 1\nname = \"rig\"\n[cpu]\ncount = 1\ncores = 4\n[[memory]]\nsize = \"1 GiB\"\n";
    let snapshot = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/machines/emulated-server.tar.xz");
    (machine.document("rig.toml", profile), snapshot.display().to_string())
}

#[tokio::test]
async fn the_section_acceptance_says_what_the_runs_script_found() {
    let machine = Machine::new();
    let (profile, snapshot) = order(&machine);
    let judge = format!("\"$SHAKEDOWN_BINARY\" accept --profile {profile} --root {snapshot}");
    let region_of_one = region(NodeStatus::Testing, &[Script::testing("shakedown-accept", judge)]).await;
    machine.run(&region_of_one).end().await;
    let seen = section(&machine, "acceptance").await;
    for expected in [
        "rejected: 1 deviation",
        "Profile rig, 4 expectations; judged by shakedown-accept in this run.",
        "fail cpu socket 0 cores 4 2 BIOS: core disable; else claim the processor",
    ] {
        assert!(seen.contains(expected), "{expected:?} in {seen}");
    }
    let document: Value = serde_json::from_str(&machine.report("json").await).expect("JSON");
    let judged = &document["acceptance"];
    assert_eq!((judged["grade"].as_str(), judged["checked"].as_u64()), (Some("failed"), Some(4)), "{judged}");
    assert!(machine.report("markdown").await.contains("## Acceptance\n\n**rejected: 1 deviation**"));
}

#[tokio::test]
async fn a_report_holds_the_inventory_on_record_against_a_profile() {
    let machine = Machine::new();
    let (profile, snapshot) = order(&machine);
    let look = format!("\"$SHAKEDOWN_BINARY\" inventory --root {snapshot} --format json");
    let region_of_one = region(NodeStatus::Testing, &[Script::testing("look", look)]).await;
    machine.run(&region_of_one).end().await;
    assert!(!machine.report("html").await.contains("id=\"acceptance\""), "nobody asked for it");
    let words = ["--format", "json", "--profile", &profile];
    let document: Value =
        serde_json::from_str(&machine.ask("report").words(&words).end().await.answer()).expect("JSON");
    assert_eq!(document["acceptance"]["verdict"], "rejected: 1 deviation", "{document}");
    assert_eq!(document["acceptance"]["source"], "judged when this report was written");
    assert_eq!(document["verdict"]["grade"], "passed", "the run itself went well");
}

#[tokio::test]
async fn a_figure_is_compared_with_that_of_the_run_before() {
    let machine = Machine::new();
    let limit = "read = { within = \"10%\", of = \"history\" }";
    let profile = machine.document("m.toml", &format!("schema = 1\nname = \"m\"\n[measure]\n{limit}\n"));
    for (name, rate) in [("first", 400), ("second", 308)] {
        let measure = format!("echo '{{results: {{read: {rate} GiB/s}}}}' > \"$RESULT_PATH\"");
        let region_of_one = region(NodeStatus::Testing, &[Script::testing(name, measure)]).await;
        machine.run(&region_of_one).end().await;
    }
    let told = machine.ask("accept").words(&["--profile", &profile]).end().await.answer();
    assert!(told.contains("read 308 GiB/s, 23 % below its last run (400 GiB/s)"), "{told}");
}

/// Writes a result file, and beside it the document of a test that names the result file by its hash.
fn tells(machine: &Machine, document: &Value, hash: &str) -> String {
    let document = machine.document("test.json", &document.to_string());
    format!(
        "printf 'status: degraded\\nresults: {{reason: slow}}\\n' > \"$RESULT_PATH\"
         hash=$({hash})
         sed \"s/HASH/$hash/\" {document} > \"${{RESULT_PATH%.*}}.test.json\""
    )
}

const OWN: &str = "sha256sum \"$RESULT_PATH\" | cut -c 1-64";

#[tokio::test]
async fn tests_of_hardware_are_drawn_with_the_slow_one_marked() {
    let rate = |cpu: u32, value: f64| json!({"metric": "cpu_rate", "subject": format!("cpu{cpu}"), "value": value});
    let document = json!({
        "kind": "cpu", "result_sha256": "HASH",
        "coverage": [{"subject": "processors", "of": "processors", "tested": 2, "whole": 2}],
        "measurements": [rate(0, 100.0), rate(1, 61.5), {"metric": "disturbed", "subject": "", "value": 34.0}],
        "findings": [{"outcome": "degraded", "code": "cpu-slow", "subject": "cpu1", "what": "<script>", "next": ""}],
        "series": [{"metric": "cpu_throughput", "subject": "", "along": "seconds", "at": [1.0, 2.0], "values": [5.0, null]},
                   {"metric": "disk_read", "subject": "</svg><script>x", "along": "zones", "values": [100.0, 20.0], "marked": [1]}],
    });
    let machine = Machine::new();
    let scripts = [Script::testing("cpu", tells(&machine, &document, OWN))];
    let region = region(NodeStatus::Testing, &scripts).await;
    machine.run(&region).end().await;
    let told = section(&machine, "tests").await;
    for part in ["cpu1 – look at it", "61.5 %", "for 34 % of its time", "Tested: 2 processors (100.0 %)", "1 marked"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    let report: Value = serde_json::from_str(&machine.report("json").await).expect("JSON");
    assert_eq!(report["tests"][0]["drawings"][0]["shape"], "bars");
}

#[tokio::test]
async fn a_document_that_belongs_to_another_result_file_is_not_drawn() {
    let document = json!({"kind": "cpu", "result_sha256": "HASH", "measurements": [], "findings": [], "series": []});
    let machine = Machine::new();
    let scripts = [Script::testing("cpu", tells(&machine, &document, "echo 0000"))];
    let region = region(NodeStatus::Testing, &scripts).await;
    machine.run(&region).end().await;
    let report: Value = serde_json::from_str(&machine.report("json").await).expect("JSON");
    assert_eq!(report["tests"], json!([]));
}
