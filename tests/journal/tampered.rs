//! `shakedown events verify`: a row of the audit log that was altered, removed or moved is found, and the first one is named.

use crate::harness::{Ended, Machine, Script, region};
use shakedown::journal::{Retention, Store};
use shakedown::sandbox::{Action, Fault, NodeStatus};

/// A machine with two runs and so with at least four audit rows.
async fn after_two_runs() -> Machine {
    let machine = Machine::new();
    for _ in 0..2 {
        let region = region(NodeStatus::Testing, &[Script::testing("a", "echo one")]).await;
        assert_eq!(machine.run(&region).end().await.code, Some(0));
    }
    machine
}

fn audit_ids(machine: &Machine) -> Vec<i64> {
    machine.events("AUDIT").iter().map(|event| event.id).collect()
}

async fn verify(machine: &Machine) -> Ended {
    machine.ask("events").word("verify").end().await
}

#[tokio::test]
async fn a_log_that_nobody_touched_holds() {
    let machine = after_two_runs().await;
    let rows = audit_ids(&machine).len();
    assert!(rows >= 4, "{:?}", machine.events("AUDIT"));
    let said = verify(&machine).await.answer();
    assert!(said.starts_with(&format!("{rows} audit events, none altered; seal of the last: ")), "{said}");
    let seal = said.trim().rsplit(' ').next().unwrap_or_default();
    assert!(seal.len() == 64 && seal.bytes().all(|byte| byte.is_ascii_hexdigit()), "{seal}");
    machine.execute("DELETE FROM maasserver_event WHERE id NOT IN (SELECT event_id FROM audit_seal)");
    assert_eq!(verify(&machine).await.answer(), said, "events that are no audit events are not part of it");
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo one")]).await;
    assert_eq!(machine.run(&region).end().await.code, Some(0));
    assert_ne!(verify(&machine).await.answer(), said, "each row has another seal");
}

#[tokio::test]
async fn the_first_row_that_was_tampered_with_is_named() {
    let template = after_two_runs().await;
    template.settle_file();
    let ids = audit_ids(&template);
    let (second, third, last) = (ids[1], ids[2], ids[ids.len() - 1]);
    let rows = [
        (
            format!("UPDATE maasserver_event SET description = 'nothing happened' WHERE id = {second}"),
            format!("audit event {second} was altered"),
        ),
        (
            format!("UPDATE maasserver_event SET username = 'bob' WHERE id IN ({second}, {last})"),
            format!("audit event {second} was altered"),
        ),
        (
            format!("UPDATE maasserver_event SET created = '2020-01-01T00:00:00Z' WHERE id = {last}"),
            format!("audit event {last} was altered"),
        ),
        (
            format!(
                "UPDATE maasserver_event SET type_id = (SELECT id FROM maasserver_eventtype WHERE name = 'SETTINGS')
                 WHERE id = {third}"
            ),
            format!("audit event {third} was altered"),
        ),
        (
            "UPDATE maasserver_eventtype SET level = 10 WHERE name = 'NODE'".to_owned(),
            format!("audit event {} was altered", first_of_type_node(&template)),
        ),
        (format!("DELETE FROM maasserver_event WHERE id = {second}"), format!("audit event {second} was removed")),
        (
            format!("DELETE FROM maasserver_event WHERE id = {last}; DELETE FROM audit_seal WHERE event_id = {last}"),
            "its end was cut off".to_owned(),
        ),
        (
            format!("DELETE FROM maasserver_event WHERE id = {second}; DELETE FROM audit_seal WHERE event_id = {second}"),
            "has a gap or another order at place 2".to_owned(),
        ),
        (
            format!(
                "UPDATE maasserver_event SET id = -1 WHERE id = {second};
                 UPDATE maasserver_event SET id = {second} WHERE id = {third};
                 UPDATE maasserver_event SET id = {third} WHERE id = -1"
            ),
            format!("audit event {second} was altered"),
        ),
        (
            format!(
                "UPDATE audit_seal SET event_id = -1 WHERE event_id = {second};
                 UPDATE audit_seal SET event_id = {second} WHERE event_id = {third};
                 UPDATE audit_seal SET event_id = {third} WHERE event_id = -1"
            ),
            format!("audit event {third} was altered"),
        ),
        (
            "INSERT INTO maasserver_event (created, updated, type_id, description)
             SELECT '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', id, 'invented' FROM maasserver_eventtype WHERE name = 'NODE'"
                .to_owned(),
            "has no seal".to_owned(),
        ),
    ];
    for (sql, expected) in rows {
        is_found(&template, &sql, &expected).await;
    }
}

fn first_of_type_node(machine: &Machine) -> i64 {
    machine.events("AUDIT").iter().find(|event| event.type_name == "NODE").map_or(0, |event| event.id)
}

/// A copy of the journal that is tampered with by SQL is found out.
async fn is_found(template: &Machine, sql: &str, expected: &str) {
    let machine = Machine::new();
    std::fs::create_dir_all(&machine.state).expect("a directory");
    std::fs::copy(template.journal(), machine.journal()).expect("a copy");
    machine.execute(&format!("PRAGMA foreign_keys = OFF; {sql}"));
    let ended = verify(&machine).await;
    assert_eq!((ended.code, ended.text().as_str()), (Some(1), ""), "{sql}: {}", ended.stderr);
    assert!(ended.only_complaint().contains(expected), "{sql}: {} instead of {expected}", ended.stderr);
}

#[tokio::test]
async fn a_result_or_a_run_that_was_changed_is_named() {
    let template = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo one"), Script::testing("b", "exit 1")]).await;
    template.run(&region).end().await;
    template.settle_file();
    let forged_results = "DELETE FROM result_seal; UPDATE fact SET value = '0' WHERE name = 'result_seals'";
    for (sql, expected) in [
        ("UPDATE script_result SET status = 2, exit_status = 0, notes = '' WHERE name = 'b'", "of run 1 was altered"),
        ("UPDATE script_result SET script_sha256 = 'x' WHERE name = 'a'", "of run 1 was altered"),
        ("DELETE FROM script_result WHERE name = 'b'", "of run 1 was removed"),
        ("UPDATE run SET outcome = 'All scripts successfully ran'", "the record of run 1 was altered or removed"),
        ("DELETE FROM run", "the record of run 1 was altered or removed"),
        (
            "INSERT INTO script_result (run_id, name, kind, subject, status, combined, stdout, stderr, result_file)
             VALUES (1, 'c', 'testing', 'c', 2, '', '', '', '')",
            "has no seal",
        ),
        ("UPDATE result_seal SET digest = 'x' WHERE sequence = 1", "does not hold at place 1"),
        ("DELETE FROM result_seal WHERE sequence = 2", "does not hold at place 2"),
        ("DELETE FROM result_seal WHERE sequence = (SELECT max(sequence) FROM result_seal)", "its end was cut off"),
        (forged_results, "has no seal"),
    ] {
        is_found(&template, sql, expected).await;
    }
}

/// The head that the region was told last.
fn told_head(region: &shakedown::sandbox::Sandbox) -> String {
    let mut heads = region.events().into_iter().filter(|event| event.action == "shakedown/audit-head");
    let last = heads.next_back().expect("a head is told");
    last.description.rsplit(' ').next().expect("a word").to_owned()
}

#[tokio::test]
async fn the_head_that_is_told_covers_how_the_run_ended() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "exit 1")]).await;
    machine.run(&region).end().await;
    let (head, last) = (told_head(&region), region.events().pop().expect("events"));
    assert_eq!(last.description, "From 'Testing' to 'Failed testing'", "the region hears it while it listens");
    let verified = machine.store().verify_audit().expect("readable").expect("nobody touched it");
    assert_eq!(verified.results.head.hash, head, "nothing of the run comes after it");
    machine.execute("UPDATE run SET end_kind = 'passed', complete = 1");
    let ended = machine.ask("events").words(&["verify", "--expect", &head]).end().await;
    assert!(ended.only_complaint().contains("the record of run 1 was altered"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_run_that_deliver_ends_tells_its_head_too() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "echo one")]).await;
    region.inject(Fault::new("POST", 100_000, Action::Answer(503, "the region is being moved".to_owned())));
    let ended = machine.run(&region).words(&["--exit-when-done", "--farewell", "1"]).end().await;
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    region.clear_faults();
    assert_eq!(machine.deliver(&region).end().await.code, Some(0));
    assert_eq!(region.node_status(), NodeStatus::Ready);
    let verified = machine.store().verify_against(Some(&told_head(&region))).expect("readable");
    assert!(verified.is_ok(), "{verified:?}");
}

#[tokio::test]
async fn what_the_bounds_delete_is_told_by_its_number() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "exit 1")]).await;
    machine.run(&region).end().await;
    let none = Retention { runs: Some(0), days: Some(0), bytes: Some(0) };
    let mut store = Store::open(&machine.state, "host", "a region").expect("a journal").store;
    assert_eq!(store.prune(&none).expect("it can be written").runs, 1);
    drop(store);
    let head = told_head(&region);
    let answer = machine.ask("events").words(&["verify", "--expect", &head]).end().await.answer();
    assert!(answer.contains("1 run is sealed as deleted"), "{answer}");
}

#[tokio::test]
async fn what_the_region_was_told_shows_that_a_whole_chain_was_made_anew() {
    let machine = Machine::new();
    let region = region(NodeStatus::Testing, &[Script::testing("a", "exit 1")]).await;
    machine.run(&region).end().await;
    let head = told_head(&region);
    let verify = || machine.ask("events").words(&["verify", "--expect", &head]);
    assert!(verify().end().await.answer().contains("the expected head is in the chain"));
    // A later run only adds to the chain.
    let again = super::harness::region(NodeStatus::Testing, &[Script::testing("a", "echo one")]).await;
    machine.run(&again).end().await;
    assert!(verify().end().await.answer().contains("the expected head is in the chain"));
    // Whoever is root forgets all seals, and that there were any: by itself that is sound.
    machine.execute(
        "DELETE FROM result_seal; DELETE FROM fact WHERE name = 'result_seals'; UPDATE script_result SET status = 2;
         INSERT INTO fact (name, value) SELECT 'unsealed_results', max(id) FROM script_result;
         INSERT INTO fact (name, value) SELECT 'unsealed_runs', max(id) FROM run",
    );
    assert_eq!(machine.ask("events").word("verify").end().await.code, Some(0));
    let ended = verify().end().await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.only_complaint().contains(&format!("no seal is {head}")), "{}", ended.stderr);
}
