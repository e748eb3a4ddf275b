use std::time::Duration;

use super::*;
use crate::journal::{Audience, NewResult, NewRun, ResultChange, RunEnd, RunEnding};
use crate::script::{Script, ScriptType, Workspace};

/// A run whose one script failed, as this program records it; the head that the region is told.
fn failed(home: &std::path::Path) -> (Store, RunId, String) {
    let mut store = Store::open_beside(home, "host").expect("a journal");
    let new = NewRun {
        region: "r".into(),
        audience: Audience::Region,
        storage: "/s".into(),
        boot_id: "b".into(),
        requested_by: "ann".into(),
    };
    let run_id = store.begin_run(&new).expect("a run");
    let script = Script::placeholder(ScriptType::Testing, "disk", None);
    let outputs = Workspace::new(home).outputs(&script);
    store.expect_results(run_id, &[NewResult { script, sha256: None, may_reboot: false, outputs }]).expect("a result");
    let change = ResultChange {
        run_id,
        name: "disk".into(),
        result_id: None,
        status: Status::Failed,
        exit_status: Some(1),
        runtime: Some(Duration::from_micros(1_234_567)),
        notes: String::new(),
        findings: Vec::new(),
        cost: None,
    };
    store.record(Some(&change), &[], &[]).expect("its end");
    let mut told = String::new();
    let ending = RunEnding { end: RunEnd::Failed, outcome: "1 testing scripts failed to run", took: None };
    store
        .end_run(run_id, &ending, |head| {
            told.clone_from(&head.hash);
            Vec::new()
        })
        .expect("the end of the run");
    (store, run_id, told)
}

fn broken(store: &Store, head: &str) -> Option<Broken> {
    store.verify_against(Some(head)).expect("readable").err()
}

#[test]
fn the_head_that_is_told_covers_the_end_of_the_run_itself() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (store, run_id, head) = failed(home.path());
    assert_eq!(broken(&store, &head), None);
    store.connection.execute("UPDATE run SET end_kind = 'passed', complete = 1", []).expect("forged");
    assert_eq!(broken(&store, &head), Some(Broken::RunAltered { run_id }));
}

#[test]
fn what_was_sealed_is_not_sealed_again_behind_the_head_that_was_told() {
    let forgeries: [fn(&Store, RunId); 3] = [
        |store, run_id| result(&store.connection, run_id, "disk", None).expect("a seal"),
        |store, run_id| append(&store.connection, Kind::Run, run_id, run_id.number()).expect("a seal"),
        |store, run_id| append(&store.connection, Kind::Run, run_id, 1 << 40).expect("a seal"),
    ];
    for (place, forge) in forgeries.into_iter().enumerate() {
        let home = tempfile::tempdir().expect("a temporary directory");
        let (store, run_id, head) = failed(home.path());
        let sql = "INSERT INTO run (id, started, region, storage, boot_id, requested_by) VALUES (1 << 40, '', '', '', '', '');
            UPDATE script_result SET status = 2, exit_status = 0";
        store.connection.execute_batch(sql).expect("forged");
        forge(&store, run_id);
        assert_eq!(broken(&store, &head), Some(Broken::Seals { sequence: 3 }), "forgery {place}");
    }
}

/// Deleted, and then another in its place.
#[test]
fn a_run_that_was_deleted_does_not_come_back() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (store, run_id, head) = failed(home.path());
    pruned(&store.connection, run_id).expect("a seal");
    store.connection.execute("UPDATE script_result SET status = 2, exit_status = 0", []).expect("forged");
    assert_eq!(broken(&store, &head), Some(Broken::Returned { run_id }));
}

#[test]
fn of_an_ended_run_no_script_is_removed_nor_given_another_status() {
    for sql in [
        "UPDATE script_result SET status = 1",
        "DELETE FROM script_result; DELETE FROM result_seal WHERE kind = 'result' AND 0",
    ] {
        let home = tempfile::tempdir().expect("a temporary directory");
        let (store, _, head) = failed(home.path());
        store.connection.execute_batch(sql).expect("forged");
        assert!(broken(&store, &head).is_some(), "{sql}");
    }
}

/// The columns of version 4 are sealed where they say something, and what version 3 sealed without them holds.
#[test]
fn what_was_sealed_before_there_were_findings_holds_and_findings_are_sealed() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (store, _, head) = failed(home.path());
    let back = "ALTER TABLE script_result DROP COLUMN findings; ALTER TABLE script_result DROP COLUMN cost; DROP TABLE run_load; PRAGMA user_version = 3";
    store.connection.execute_batch(back).expect("as version 3 had it");
    drop(store);
    let seen = Store::read(home.path()).expect("a journal");
    assert_eq!(broken(&seen, &head), None);
    let records = seen.results(1.into()).expect("readable");
    assert_eq!((records[0].findings.len(), records[0].cost), (0, None));
    drop(seen);
    let store = Store::open_beside(home.path(), "host").expect("a journal");
    assert_eq!(broken(&store, &head), None);
    let forged = "UPDATE script_result SET cost = '{\"cpu_seconds\":1.0}'";
    store.connection.execute(forged, []).expect("forged");
    assert!(broken(&store, &head).is_some());
}
