//! Journals that earlier versions wrote: read as they are, and brought to the current schema once.

use rusqlite::Connection;
use shakedown::journal::{Audience, NewRun, RunEnd, RunRecord, Store};
use shakedown::script::{ScriptType, Status};

use crate::harness::Machine;

/// As version 1 made them. Written down here again, so that a change of the program's own list does not change this.
const V1: &str = "
CREATE TABLE maasserver_eventtype (
    id INTEGER PRIMARY KEY, created TEXT NOT NULL, updated TEXT NOT NULL,
    name TEXT NOT NULL UNIQUE, description TEXT NOT NULL, level INTEGER NOT NULL
);
CREATE TABLE maasserver_event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, created TEXT NOT NULL, updated TEXT NOT NULL,
    action TEXT NOT NULL DEFAULT '', description TEXT NOT NULL DEFAULT '', node_id INTEGER,
    type_id INTEGER NOT NULL REFERENCES maasserver_eventtype(id),
    node_hostname TEXT NOT NULL DEFAULT '', username TEXT NOT NULL DEFAULT '', ip_address TEXT,
    user_agent TEXT NOT NULL DEFAULT '', endpoint INTEGER, node_system_id TEXT, user_id INTEGER
);
CREATE INDEX event_by_type ON maasserver_event(type_id, id);
CREATE TABLE audit_seal (sequence INTEGER PRIMARY KEY, event_id INTEGER NOT NULL UNIQUE, hash TEXT NOT NULL);
CREATE TABLE run (
    id INTEGER PRIMARY KEY AUTOINCREMENT, started TEXT NOT NULL, ended TEXT, outcome TEXT,
    region TEXT NOT NULL, storage TEXT NOT NULL, boot_id TEXT NOT NULL, requested_by TEXT NOT NULL
);
CREATE TABLE script_result (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL REFERENCES run(id),
    name TEXT NOT NULL, kind TEXT NOT NULL, result_id INTEGER, version_id INTEGER, subject TEXT NOT NULL,
    status INTEGER NOT NULL, exit_status INTEGER, started TEXT, ended TEXT, runtime REAL,
    script_sha256 TEXT, may_reboot INTEGER NOT NULL DEFAULT 0, parameters TEXT NOT NULL DEFAULT '{}', notes TEXT NOT NULL DEFAULT '',
    combined TEXT NOT NULL, stdout TEXT NOT NULL, stderr TEXT NOT NULL, result_file TEXT NOT NULL
);
CREATE UNIQUE INDEX script_result_of_run ON script_result(run_id, name, ifnull(result_id, -1));
CREATE INDEX script_result_by_name ON script_result(name, id);
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER, created TEXT NOT NULL, label TEXT NOT NULL, payload TEXT NOT NULL,
    leads_to INTEGER, state TEXT NOT NULL DEFAULT 'waiting', reason TEXT, finished TEXT
);
CREATE INDEX outbox_waiting ON outbox(id) WHERE state = 'waiting';
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL);
";

/// What version 2 added.
const V2: &str = "
CREATE TABLE hardware (
    region TEXT PRIMARY KEY, recorded TEXT NOT NULL, owed INTEGER NOT NULL, acknowledged TEXT, acknowledged_at TEXT,
    scripts TEXT NOT NULL DEFAULT ''
);
";

const REGION: &str = "http://192.0.2.1:5240 token 01234567";
const STORAGE: &str = "/var/lib/shakedown/run";
const TIME: &str = "2026-11-20T12:00:00.000000Z";

/// Outcomes as earlier versions worded them, what they mean, and whether such a run did all that it was to do.
const OUTCOMES: [(&str, RunEnd, bool); 14] = [
    ("All scripts successfully ran", RunEnd::Passed, true),
    ("2 testing scripts failed to run", RunEnd::Failed, true),
    ("1 commissioning scripts failed to run", RunEnd::Failed, true),
    ("The region has nothing to run", RunEnd::Nothing, true),
    ("The region has this machine already", RunEnd::Registered, true),
    ("The run was stopped on the machine before all scripts had ended", RunEnd::Stopped, false),
    ("abandoned", RunEnd::Abandoned, false),
    ("Told what was noticed of the hardware", RunEnd::Noticed, true),
    ("Hardware sync (the hardware changed): the region has everything", RunEnd::Synchronised, true),
    ("Hardware sync (the hardware changed): stopped; the rest comes with the next", RunEnd::Stopped, false),
    ("Hardware sync (the first report): the rest comes with the next: timed out", RunEnd::Unfinished, false),
    ("cannot fetch the scripts: the region refused the credentials", RunEnd::Refused, false),
    // Not what a run says of itself, but of something else.
    ("/var/lib/x: All scripts successfully ran", RunEnd::Refused, false),
    ("", RunEnd::Refused, false),
];

/// Writes a journal as an earlier version did: every outcome; a run without an end; one that told nobody; one that says that all went
/// well while a script of it has no end.
fn old(machine: &Machine, version: u32) -> Vec<(Option<RunEnd>, bool, Audience)> {
    std::fs::create_dir_all(&machine.state).expect("a directory");
    let file = Connection::open(machine.state.join("journal.db")).expect("a file");
    file.execute_batch(V1).expect("the old tables");
    if version > 1 {
        file.execute_batch(V2).expect("the old tables");
    }
    file.pragma_update(None, "user_version", version).expect("its version");
    let insert = |outcome: Option<&str>, region: &str, status: Option<Status>| {
        let ended = outcome.map(|_| TIME);
        file.execute(
            "INSERT INTO run (started, ended, outcome, region, storage, boot_id, requested_by) VALUES (?1, ?2, ?3, ?4, ?5, 'a boot', 'ann')",
            (TIME, ended, outcome, region, STORAGE),
        )
        .expect("a run");
        let run_id = file.last_insert_rowid();
        if let Some(status) = status {
            file.execute(
                "INSERT INTO script_result (run_id, name, kind, result_id, subject, status, started, runtime, combined, stdout, stderr, result_file)
                 VALUES (?1, 'a', 'testing', 7, 'a', ?2, ?3, 61.25, '', '', '', '')",
                (run_id, status.number(), TIME),
            )
            .expect("a result");
        }
    };
    let mut expected = Vec::new();
    for (outcome, end, complete) in OUTCOMES {
        let status = if end == RunEnd::Failed { Status::Failed } else { Status::Passed };
        insert(Some(outcome), REGION, Some(status));
        expected.push((Some(end), complete, Audience::Region));
    }
    insert(Some("All scripts successfully ran"), REGION, Some(Status::Running));
    expected.push((Some(RunEnd::Passed), false, Audience::Region));
    insert(None, &format!("{REGION} (told nothing)"), None);
    expected.push((None, false, Audience::Nobody));
    insert(None, REGION, Some(Status::Running));
    expected.push((None, false, Audience::Region));
    file.execute(
        "INSERT INTO outbox (run_id, created, label, payload, leads_to) VALUES (?1, ?2, 'a signal', '{}', 2)",
        (file.last_insert_rowid(), TIME),
    )
    .expect("a message");
    expected
}

fn decisions(store: &Store) -> Vec<(Option<RunEnd>, bool, Audience)> {
    let runs = store.runs().expect("readable");
    assert!(runs.iter().all(|run| run.region == REGION && run.duration.is_none()), "{runs:?}");
    runs.iter().rev().map(|run| (run.end, run.is_complete, run.audience)).collect()
}

#[test]
fn an_old_journal_is_read_as_it_is() {
    for version in [1, 2] {
        let machine = Machine::new();
        let expected = old(&machine, version);
        let before = std::fs::read(machine.state.join("journal.db")).expect("the file");
        assert_eq!(decisions(&machine.store()), expected, "version {version}");
        let after = std::fs::read(machine.state.join("journal.db")).expect("the file");
        assert!(before == after, "whoever only looks changes nothing");
    }
}

#[test]
fn an_old_journal_is_brought_to_the_current_version_with_the_same_decisions() {
    for version in [1, 2] {
        let machine = Machine::new();
        let expected = old(&machine, version);
        for opening in ["the first", "the second"] {
            let store = Store::open(&machine.state, "host", REGION).expect("an old journal").store;
            assert_eq!(decisions(&store), expected, "version {version}, {opening} time");
            let waiting = store.waiting_messages(REGION).expect("readable");
            assert_eq!(waiting.len(), 1, "what was unsent is still to be sent");
            assert_eq!(waiting[0].leads_to, Some(Status::Passed));
            let results = store.results(store.runs().expect("readable")[0].id).expect("readable");
            assert_eq!(
                (results[0].kind, results[0].runtime.map(|time| time.as_secs_f64())),
                (ScriptType::Testing, Some(61.25))
            );
        }
        assert_eq!(machine.sql().pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)), Ok(5));
    }
}

/// What an earlier version began goes on, each run with those that it tells.
#[test]
fn a_run_that_an_earlier_version_began_goes_on() {
    let machine = Machine::new();
    old(&machine, 2);
    let store = Store::open(&machine.state, "host", REGION).expect("an old journal").store;
    let newest = store.runs().expect("readable");
    let interrupted = |audience| -> Option<RunRecord> {
        let (region, storage) = (REGION.into(), STORAGE.into());
        let new = NewRun { region, audience, storage, boot_id: "b".into(), requested_by: String::new() };
        store.interrupted_run(&new).expect("readable")
    };
    assert_eq!(interrupted(Audience::Region).map(|run| run.id), Some(newest[0].id));
    assert_eq!(interrupted(Audience::Nobody).map(|run| run.id), Some(newest[1].id));
}
