//! The journal under load: a log of 100,000 events is asked what operators ask, and appended to beside plain `SQLite`.
//!
//! `cargo bench --bench journal` prints two tables. Queries are the median of 20. Appends are measured in blocks that take
//! turns with the same rows written by bare statements, in the same settings, to a copy of the same file; a ratio of 1 is
//! as fast as that. The file system is that of the temporary directory. Where `strace` is found, it counts how often an
//! append waits for the disk.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, params};
use shakedown::event::{Event, EventQuery, EventType};
use shakedown::journal::{Actor, Audience, Message, MessageId, NewResult, NewRun, ResultChange, RunId, Store, file};
use shakedown::report::{bytes, table};
use shakedown::script::{Script, ScriptType, Status, Workspace};

const EVENTS: usize = 100_000;
/// In a thousand events: so many of each type.
const MIX: [(EventType, usize); 7] = [
    (EventType::SCRIPT_RESULT_CHANGED_STATUS, 650),
    (EventType::RUNNING_TEST, 200),
    (EventType::NODE_CHANGED_STATUS, 60),
    (EventType::SCRIPT_DID_NOT_COMPLETE, 40),
    (EventType::NODE_STATUS_EVENT, 29),
    (EventType::NODE, 20),
    (EventType::SCRIPT_RESULT_ERROR, 1),
];
const REPEATS: usize = 20;
const BLOCKS: usize = 20;
const BLOCK: usize = 100;
/// Appends under `strace`.
const COUNTED: usize = 2000;
const PAYLOAD: &str = r#"{"signal":{"status":"WORKING","error":"Finished memory-stress (id: 4711, script_version_id: 12): 0","script":{"name":"memory-stress","result_id":4711,"version_id":12},"exit_status":0,"runtime":61.25,"files":[{"name":"memory-stress","path":"/var/lib/shakedown/run/out/memory-stress.4711","whole":false},{"name":"memory-stress.out","path":"/var/lib/shakedown/run/out/memory-stress.4711.out","whole":false},{"name":"memory-stress.err","path":"/var/lib/shakedown/run/out/memory-stress.4711.err","whole":false}]}}"#;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let [_, mode, directory, count] = &words[..] {
        return append_only(mode, Path::new(directory), count.parse().unwrap_or(0));
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let began = Instant::now();
    fill(directory.path());
    settle(directory.path());
    let size = fs::metadata(file(directory.path())).map_or(0, |metadata| metadata.len());
    eprintln!("{EVENTS} events: {} in the file (made in {:.1} s)\n", bytes(size), began.elapsed().as_secs_f64());
    eprintln!("{}", table(&["QUERY", "ROWS", "MEDIAN", "SLOWEST"], &queries(directory.path())));
    eprintln!("{}", table(&["APPEND", "OURS/S", "SQLITE/S", "RATIO", "WAITS FOR DISK"], &appends(directory.path())));
}

fn open(directory: &Path, hostname: &str) -> Store {
    Store::open(directory, hostname, "a region").expect("a journal").store
}

fn actor(number: usize) -> Actor {
    let username = match number % 50 {
        0 => "carol",
        1..=9 => "bob",
        _ => "ann",
    };
    Actor { username: username.to_owned(), user_id: Some(1000), ip_address: Some("192.0.2.7".to_owned()) }
}

fn event(kind: EventType, number: usize) -> Event {
    let text = match kind {
        EventType::SCRIPT_RESULT_CHANGED_STATUS => "changed status from 'Running' to 'Passed'",
        EventType::SCRIPT_DID_NOT_COMPLETE => "failed",
        _ => "on nvme0n1",
    };
    Event::new(kind, format!("smartctl-validate-{} {text}", number % 100))
}

/// A thousand events at a time, as if each block came from another round of tests; the host was renamed twice.
fn fill(directory: &Path) {
    let blocks = EVENTS / 1000;
    let mut store = open(directory, "first-name");
    store.set_system_id(Some("abc123".to_owned()));
    for block in 0..blocks {
        if let Some(name) =
            [(blocks / 100, "second-name"), (blocks / 10, "valued-moth")].iter().find(|(at, _)| *at == block)
        {
            drop(store);
            store = open(directory, name.1);
            store.set_system_id(Some("abc123".to_owned()));
        }
        let plain = MIX.iter().filter(|(kind, _)| *kind != EventType::NODE);
        let events: Vec<Event> =
            plain.flat_map(|(kind, count)| (0..*count).map(|number| event(*kind, number))).collect();
        store.record(None, &events, &[]).expect("it is written");
        let audited = MIX.iter().find(|(kind, _)| *kind == EventType::NODE).map_or(0, |(_, count)| *count);
        for number in 0..audited {
            let event = Event::new(EventType::NODE, format!("Started a run on 'valued-moth' for region {number}."));
            store.append_event(&event, &actor(block * audited + number)).expect("it is written");
        }
    }
}

fn settle(directory: &Path) {
    let connection = Connection::open(file(directory)).expect("the journal");
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("nobody else has it open");
}

fn queries(directory: &Path) -> Vec<Vec<String>> {
    let rows = [
        ("level AUDIT, limit 100", "level=AUDIT", "", None),
        ("level DEBUG, limit 100", "level=DEBUG", "", None),
        ("level DEBUG, limit 1000", "level=DEBUG&limit=1000", "", None),
        ("level ERROR", "level=ERROR", "", None),
        ("level DEBUG, before the 500th", "level=DEBUG&before=500", "", None),
        ("level AUDIT, after the 500th", "level=AUDIT&after=500", "", None),
        ("type, the most frequent", "level=DEBUG", "SCRIPT_RESULT_CHANGED_STATUS", None),
        ("type, a rare one", "level=DEBUG", "SCRIPT_RESULT_ERROR", None),
        ("type, one that never came", "level=DEBUG", "NODE_DISKS_ERASED", None),
        ("hostname, of most events", "level=DEBUG&hostname=valued-moth", "", None),
        ("hostname, of the oldest 1 %", "level=DEBUG&hostname=first-name", "", None),
        ("hostname, of none", "level=DEBUG&hostname=nobody", "", None),
        ("owner, of most audit events", "level=AUDIT&owner=ann", "", None),
        ("owner, of 40 audit events", "level=AUDIT&owner=carol", "", None),
        ("owner, of none", "level=DEBUG&owner=nobody", "", None),
        ("since an hour from now", "level=DEBUG", "", Some(1)),
        ("since an hour ago", "level=DEBUG", "", Some(-1)),
    ];
    let store = Store::read(directory).expect("the journal");
    let mut table: Vec<Vec<String>> =
        rows.iter().map(|(what, words, kind, hours)| measured(what, || ask(&store, words, kind, *hours))).collect();
    table.push(measured("check of the audit chain", || {
        store.verify_audit().expect("readable").map_or(0, |verified| usize::try_from(verified.rows).unwrap_or(0))
    }));
    drop(store);
    table.push(measured("opening it for a run", || {
        drop(open(directory, "valued-moth"));
        0
    }));
    table
}

fn ask(store: &Store, words: &str, kind: &str, hours: Option<i64>) -> usize {
    let pairs = words.split('&').filter_map(|pair| pair.split_once('='));
    let pairs: Vec<(String, String)> = pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let mut query = EventQuery::parse(&pairs).expect("a valid query");
    query.types.extend((!kind.is_empty()).then(|| kind.to_owned()));
    query.since = hours.and_then(|hours| Timestamp::now().checked_add(jiff::Span::new().hours(hours)).ok());
    store.events(&query).expect("readable").len()
}

/// A line: what, rows found, median, slowest.
fn measured(what: &str, mut ask: impl FnMut() -> usize) -> Vec<String> {
    let mut rows = 0;
    let mut times: Vec<Duration> = (0..REPEATS)
        .map(|_| {
            let began = Instant::now();
            rows = ask();
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    let shown = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1000.0);
    vec![what.to_owned(), rows.to_string(), shown(times[REPEATS / 2]), shown(times[REPEATS - 1])]
}

/// What a run writes for each transition, ready to be written again and again.
struct Run {
    id: RunId,
}

impl Run {
    fn begin(store: &mut Store) -> Self {
        let new = NewRun {
            region: "http://192.0.2.1:5240 token 01234567".to_owned(),
            audience: Audience::Region,
            storage: "/var/lib/shakedown/run".into(),
            boot_id: "a boot".to_owned(),
            requested_by: "ann".to_owned(),
        };
        let id = store.begin_run(&new).expect("it is written");
        let workspace = Workspace::new("/var/lib/shakedown/run");
        let results: Vec<NewResult> = (0..100)
            .map(|number| {
                let script = Script::placeholder(ScriptType::Testing, "memory-stress", Some(number));
                NewResult { outputs: workspace.outputs(&script), script, sha256: None, may_reboot: false }
            })
            .collect();
        store.expect_results(id, &results).expect("it is written");
        Run { id }
    }

    fn change(&self, number: usize) -> ResultChange {
        ResultChange {
            run_id: self.id,
            name: "memory-stress".to_owned(),
            result_id: i64::try_from(number % 100).ok(),
            status: if number.is_multiple_of(2) { Status::Running } else { Status::Passed },
            exit_status: Some(0),
            runtime: Some(Duration::from_millis(61_250)),
            notes: String::new(),
            findings: Vec::new(),
            cost: None,
        }
    }

    fn message(&self) -> Message {
        Message {
            id: MessageId::default(),
            run_id: Some(self.id),
            label: "result of memory-stress".to_owned(),
            payload: PAYLOAD.to_owned(),
            leads_to: Some(Status::Passed),
            may_have_arrived: false,
        }
    }

    fn record(&self, store: &mut Store, number: usize) {
        let events = [event(EventType::SCRIPT_RESULT_CHANGED_STATUS, number)];
        store.record(Some(&self.change(number)), &events, &[self.message()]).expect("it is written");
    }
}

fn append(store: &mut Store, number: usize) {
    let event = Event::new(EventType::NODE, format!("Started a run on 'valued-moth' for region {number}."));
    store.append_event(&event, &actor(number)).expect("it is written");
}

/// The same rows by bare statements.
struct Bare(Connection);

impl Bare {
    /// On a copy of the file, in the same settings.
    fn beside(directory: &Path, copy: &Path) -> Self {
        fs::copy(file(directory), copy).expect("a copy");
        let connection = Connection::open(copy).expect("a database");
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")
            .expect("settings");
        Bare(connection)
    }

    fn event(&self, type_id: i64, text: &str, username: &str) -> Result<i64, rusqlite::Error> {
        self.0
            .prepare_cached(
                "INSERT INTO maasserver_event (created, updated, action, description, type_id, node_hostname, username, ip_address,
                    user_agent, endpoint, node_system_id, user_id)
                 VALUES (?1, ?1, '', ?2, ?3, 'valued-moth', ?4, '192.0.2.7', 'shakedown/0.1.0', 2, 'abc123', 1000)",
            )?
            .execute(params!["2026-11-20T10:00:00.123456Z", text, type_id, username])?;
        Ok(self.0.last_insert_rowid())
    }

    fn record(&self, run: &Run, number: usize) -> Result<(), rusqlite::Error> {
        self.0.execute_batch("BEGIN IMMEDIATE")?;
        let (change, message) = (run.change(number), run.message());
        self.0
            .prepare_cached(
                "UPDATE script_result SET status = ?3, exit_status = 0, runtime = 61.25, notes = '', started = ?4, ended = ?4
                 WHERE run_id = ?1 AND name = 'memory-stress' AND result_id IS ?2",
            )?
            .execute(params![run.id, change.result_id, change.status.number(), "2026-11-20T10:00:00.123456Z"])?;
        self.event(12, &event(EventType::SCRIPT_RESULT_CHANGED_STATUS, number).description, "")?;
        self.0
            .prepare_cached(
                "INSERT INTO outbox (run_id, created, label, payload, leads_to) VALUES (?1, ?2, ?3, ?4, 2)",
            )?
            .execute(params![run.id, "2026-11-20T10:00:00.123456Z", message.label, PAYLOAD])?;
        self.0.execute_batch("COMMIT")
    }

    fn append(&self, number: usize) -> Result<(), rusqlite::Error> {
        self.0.execute_batch("BEGIN IMMEDIATE")?;
        let id =
            self.event(3, &format!("Started a run on 'valued-moth' for region {number}."), &actor(number).username)?;
        let hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        self.0.prepare_cached("INSERT INTO audit_seal (event_id, hash) VALUES (?1, ?2)")?.execute(params![id, hash])?;
        self.0.prepare_cached("UPDATE fact SET value = ?1 WHERE name = 'audit_rows'")?.execute([id.to_string()])?;
        self.0.execute_batch("COMMIT")
    }
}

fn appends(directory: &Path) -> Vec<Vec<String>> {
    let mut store = open(directory, "valued-moth");
    let run = Run::begin(&mut store);
    drop(store);
    settle(directory);
    let bare = Bare::beside(directory, &directory.join("bare.db"));
    let waits = ["record", "append"].map(|mode| waits_for_disk(mode, directory));
    let mut store = open(directory, "valued-moth");
    let record =
        in_turns(|number| run.record(&mut store, number), |number| bare.record(&run, number).expect("it is written"));
    let append = in_turns(|number| append(&mut store, number), |number| bare.append(number).expect("it is written"));
    let line = |what: &str, (ours, theirs): (f64, f64), waits: &str| {
        vec![
            what.to_owned(),
            format!("{ours:.0}"),
            format!("{theirs:.0}"),
            format!("{:.2}", ours / theirs),
            waits.to_owned(),
        ]
    };
    vec![
        line("transition, its event and its message", record, &waits[0]),
        line("audit event with its seal", append, &waits[1]),
    ]
}

/// Appends a second of two ways to append: medians of blocks that take turns.
fn in_turns(mut ours: impl FnMut(usize), mut theirs: impl FnMut(usize)) -> (f64, f64) {
    let (mut rates, mut their_rates) = (Vec::new(), Vec::new());
    for block in 0..BLOCKS {
        let numbers = block * BLOCK..(block + 1) * BLOCK;
        rates.push(rate(numbers.clone(), &mut ours));
        their_rates.push(rate(numbers, &mut theirs));
    }
    (median(rates), median(their_rates))
}

fn rate(numbers: std::ops::Range<usize>, act: impl FnMut(usize)) -> f64 {
    let began = Instant::now();
    numbers.for_each(act);
    f64::from(u32::try_from(BLOCK).unwrap_or(1)) / began.elapsed().as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// How often an append calls `fsync` or `fdatasync`: this program under `strace`, with and without appends.
fn waits_for_disk(mode: &str, directory: &Path) -> String {
    let count = |appends: usize| -> Option<f64> {
        let report = directory.join("strace");
        let status = Command::new("strace")
            .args(["-f", "-c", "-e", "trace=fsync,fdatasync", "-o"])
            .arg(&report)
            .arg(std::env::current_exe().ok()?)
            .arg(mode)
            .arg(directory)
            .arg(appends.to_string())
            .stderr(Stdio::null())
            .status()
            .ok()?;
        // % time, seconds, usecs/call, calls, (errors,) syscall
        let calls = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.last().is_some_and(|name| name.contains("sync")).then(|| words.get(3)?.parse::<f64>().ok()).flatten()
        };
        status.success().then(|| fs::read_to_string(&report).unwrap_or_default().lines().filter_map(calls).sum())
    };
    match (count(COUNTED), count(0)) {
        (Some(with), Some(without)) => {
            format!("{:.3} an append", (with - without) / f64::from(u32::try_from(COUNTED).unwrap_or(1)))
        }
        _ => "not measured: no strace here".to_owned(),
    }
}

/// What `strace` watches.
fn append_only(mode: &str, directory: &Path, count: usize) {
    let mut store = open(directory, "valued-moth");
    let run = Run::begin(&mut store);
    for number in 0..count {
        if mode == "record" { run.record(&mut store, number) } else { append(&mut store, number) }
    }
}
