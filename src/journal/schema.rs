//! The tables, by version. A migration is a step from one version to the next; none is ever changed.

use rusqlite::{Connection, TransactionBehavior, params};

use super::Error;
use super::end::{RunEnd, statuses};
use crate::event::EventType;

/// The region's tables have the region's columns (documents of MAAS on audit events) and no other, so that queries that
/// operators know from there work here.
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
CREATE TABLE audit_seal (
    sequence INTEGER PRIMARY KEY, event_id INTEGER NOT NULL UNIQUE, hash TEXT NOT NULL
);
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

/// What a region knows of this machine's hardware: `recorded` is what the event log has got to, `acknowledged` what the region
/// took, `owed` whether it is still to be told something.
const V2: &str = "
CREATE TABLE hardware (
    region TEXT PRIMARY KEY, recorded TEXT NOT NULL, owed INTEGER NOT NULL, acknowledged TEXT, acknowledged_at TEXT,
    scripts TEXT NOT NULL DEFAULT ''
);
";

/// How a run ended and who hears of it become columns. Until now they stood in texts that programs read again: those texts, as
/// every earlier version wrote them, are understood here for the last time. `run` in [`as_current`] says the same. Results and runs
/// get a chain of seals ([`super::seal`]); what was there before has none.
const V3: &str = "
ALTER TABLE run ADD COLUMN end_kind TEXT;
ALTER TABLE run ADD COLUMN complete INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN audience TEXT NOT NULL DEFAULT 'region';
ALTER TABLE run ADD COLUMN started_monotonic REAL;
ALTER TABLE run ADD COLUMN duration REAL;
ALTER TABLE script_result ADD COLUMN signal INTEGER;
UPDATE run SET end_kind = {END_KIND};
UPDATE run SET complete = {COMPLETE}, audience = {AUDIENCE}, region = {REGION};
CREATE TABLE result_seal (
    sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, run_id INTEGER NOT NULL, row INTEGER NOT NULL, digest TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX result_seal_by_row ON result_seal(kind, row);
INSERT INTO fact (name, value) SELECT 'unsealed_results', last FROM (SELECT max(id) AS last FROM script_result) WHERE last IS NOT NULL;
INSERT INTO fact (name, value) SELECT 'unsealed_runs', last FROM (SELECT max(id) AS last FROM run) WHERE last IS NOT NULL;
";

/// [`V3`]: what the text of an outcome meant.
const END_KIND: &str = "CASE
    WHEN ended IS NULL THEN NULL
    WHEN outcome = 'All scripts successfully ran' THEN 'passed'
    WHEN outcome LIKE '% scripts failed to run' THEN 'failed'
    WHEN outcome = 'The region has nothing to run' THEN 'nothing'
    WHEN outcome = 'The region has this machine already' THEN 'registered'
    WHEN outcome = 'The run was stopped on the machine before all scripts had ended' THEN 'stopped'
    WHEN outcome = 'abandoned' THEN 'abandoned'
    WHEN outcome = 'Told what was noticed of the hardware' THEN 'noticed'
    WHEN outcome LIKE 'Hardware sync (%): the region has everything' THEN 'synchronised'
    WHEN outcome LIKE 'Hardware sync (%): stopped; %' THEN 'stopped'
    WHEN outcome LIKE 'Hardware sync (%' THEN 'unfinished'
    ELSE 'refused' END";

/// Columns for incidents while a script ran ([`crate::diagnosis::Finding`]) and for its use of resources ([`crate::process::Cost`]), as
/// JSON; empty of a result that has none.
const V4: &str = "
ALTER TABLE script_result ADD COLUMN findings TEXT NOT NULL DEFAULT '';
ALTER TABLE script_result ADD COLUMN cost TEXT NOT NULL DEFAULT '';
";

/// The load of the machine during a run ([`crate::host::Load`] as JSON), a row for each process of this program that took part in it.
const V5: &str = "
CREATE TABLE run_load (run_id INTEGER NOT NULL, began TEXT NOT NULL, load TEXT NOT NULL, PRIMARY KEY (run_id, began)) WITHOUT ROWID;
";

/// The region's column of a run that told nobody ended so.
const NOBODY: &str = "' (told nothing)'";

/// [`V3`] with the expressions that it shares with [`as_current`].
fn v3() -> String {
    let (kind, complete, audience, region) = (END_KIND, complete("end_kind", "run.id"), audience(), region());
    let words = [("{END_KIND}", kind), ("{COMPLETE}", &complete), ("{AUDIENCE}", &audience), ("{REGION}", &region)];
    words.into_iter().fold(V3.to_owned(), |sql, (name, text)| sql.replace(name, text))
}

fn audience() -> String {
    format!("CASE WHEN region LIKE '%' || {NOBODY} THEN 'nobody' ELSE 'region' END")
}

fn region() -> String {
    format!(
        "CASE WHEN region LIKE '%' || {NOBODY} THEN substr(region, 1, length(region) - length({NOBODY})) ELSE region END"
    )
}

/// True if a run that ended in some way did all that it was to do: every script that it was given came to an end, and nobody
/// stopped it.
pub(super) fn complete(end_kind: &str, run_id: &str) -> String {
    let kinds: Vec<&str> = RunEnd::ALL.iter().filter(|end| end.may_be_complete()).map(|end| end.literal()).collect();
    let open = statuses(|status| !status.is_final());
    format!(
        "(ifnull({end_kind} IN ({}), 0) AND NOT EXISTS (SELECT 1 FROM script_result s WHERE s.run_id = {run_id} AND s.status IN ({open})))",
        kinds.join(", ")
    )
}

/// Lets a journal of an older version, which is only looked at, look like one of this version. Nothing is written to the file.
pub(super) fn as_current(connection: &Connection) -> Result<(), rusqlite::Error> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if !(1..5).contains(&version) {
        return Ok(());
    }
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.execute_batch("CREATE TEMP VIEW run_load AS SELECT 0 AS run_id, '' AS began, '' AS load WHERE 0")?;
    if version == 4 {
        return Ok(());
    }
    if version == 3 {
        let view = "CREATE TEMP VIEW script_result AS SELECT *, '' AS findings, '' AS cost FROM main.script_result";
        return connection.execute_batch(view);
    }
    let complete = complete("end_kind", "ended_run.id");
    connection.execute_batch(&format!(
        "CREATE TEMP VIEW run AS WITH ended_run AS (SELECT *, {END_KIND} AS end_kind FROM main.run)
            SELECT id, started, ended, outcome, {} AS region, storage, boot_id, requested_by, end_kind, {complete} AS complete,
                {} AS audience, NULL AS started_monotonic, NULL AS duration FROM ended_run;
         CREATE TEMP VIEW script_result AS SELECT *, NULL AS signal, '' AS findings, '' AS cost FROM main.script_result;",
        region(),
        audience(),
    ))
}

/// The steps, first to last.
fn migrations() -> [String; 5] {
    [V1.to_owned(), V2.to_owned(), v3(), V4.to_owned(), V5.to_owned()]
}

/// The version that this program writes: the number of migrations.
pub(super) const VERSION: i64 = 5;

/// Brings a database to the current version; the caller has found out that it is not newer.
pub(super) fn migrate(connection: &mut Connection, now: &str) -> Result<(), rusqlite::Error> {
    for (step, migration) in (0..).zip(migrations()) {
        // Whoever opens the same journal at this moment may have done the step.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if step < version {
            continue;
        }
        transaction.execute_batch(&migration)?;
        transaction.pragma_update(None, "user_version", step + 1)?;
        transaction.commit()?;
    }
    let transaction = connection.transaction()?;
    for kind in EventType::ALL {
        register(&transaction, *kind, now)?;
    }
    transaction.commit()
}

/// The id of an event type, which is added if it is new. Text and level of a known one stay, as on the region.
pub(super) fn register(connection: &Connection, kind: EventType, now: &str) -> Result<i64, rusqlite::Error> {
    connection
        .prepare_cached(
            "INSERT INTO maasserver_eventtype (created, updated, name, description, level) VALUES (?1, ?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO NOTHING",
        )?
        .execute(params![now, kind.name, kind.description, kind.level as i64])?;
    connection
        .prepare_cached("SELECT id FROM maasserver_eventtype WHERE name = ?1")?
        .query_row([kind.name], |row| row.get(0))
}

impl Error {
    pub(super) fn sqlite(path: &std::path::Path) -> impl Fn(rusqlite::Error) -> Error + '_ {
        move |source| Error::Sqlite { path: path.to_owned(), source }
    }
}
