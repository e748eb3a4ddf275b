//! A machine with its agent, a region that drives it, and scripts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use shakedown::event::{EventQuery, EventRecord};
use shakedown::journal::Store;
use shakedown::sandbox::{Library, NodeStatus, Options, ResultRow, Sandbox};
use shakedown::script::{Header, Status};
use tempfile::TempDir;
use tokio::process::Child;

/// Longer than anything takes here, so that nothing hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A machine: a state directory, a storage directory, and room for what scripts leave behind.
pub(crate) struct Machine {
    directory: TempDir,
    pub(crate) state: PathBuf,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let state = directory.path().join("state");
        Machine { directory, state }
    }

    /// A file or directory of this machine.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.state.join("journal.db")
    }

    /// The agent, about to begin or to go on with a run.
    pub(crate) fn run(&self, region: &Sandbox) -> Agent {
        self.run_with(&self.config(region))
    }

    /// The same with a configuration of one's own.
    pub(crate) fn run_with(&self, config: &Path) -> Agent {
        let agent = Agent::new("run").word("--config").word(config).words(&["--retry-wait", "0.01"]);
        agent.word("--state-dir").word(&self.state).word(self.path("storage"))
    }

    pub(crate) fn deliver(&self, region: &Sandbox) -> Agent {
        let config = self.config(region);
        Agent::new("deliver").word("--config").word(config).word("--state-dir").word(&self.state)
    }

    /// A verb that looks at the journal.
    pub(crate) fn ask(&self, verb: &str) -> Agent {
        Agent::new(verb).word("--state-dir").word(&self.state)
    }

    fn config(&self, region: &Sandbox) -> PathBuf {
        let config = self.path("node.yaml");
        fs::write(&config, region.node_config()).expect("the configuration is written");
        config
    }

    /// The journal as the program itself reads it.
    pub(crate) fn store(&self) -> Store {
        Store::read(&self.state).expect("the journal is readable")
    }

    /// The journal's file, for what only SQL can do.
    pub(crate) fn sql(&self) -> Connection {
        Connection::open(self.journal()).expect("the journal is a database")
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.sql().execute_batch(sql).expect("valid SQL");
    }

    /// Everything into the one file, nothing beside it.
    pub(crate) fn settle_file(&self) {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        self.sql().query_row(sql, [], |_| Ok(())).expect("nobody else has the journal open");
    }

    /// The local event log from a level up (or AUDIT alone), oldest first.
    pub(crate) fn events(&self, level: &str) -> Vec<EventRecord> {
        let pairs = [("level".to_owned(), level.to_owned()), ("limit".to_owned(), "1000".to_owned())];
        let query = EventQuery::parse(&pairs).expect("a valid query");
        let mut events = self.store().events(&query).expect("the event log is readable");
        events.reverse();
        events
    }

    /// Whether somebody has already written this to a file, which may not be there yet.
    pub(crate) fn has(&self, file: &str, text: &str) -> bool {
        fs::read(self.path(file)).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
    }

    /// What scripts wrote to a file of this machine.
    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap_or_default()
    }
}

/// The program, about to be started.
pub(crate) struct Agent(tokio::process::Command);

impl Agent {
    pub(crate) fn new(verb: &str) -> Self {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_shakedown"));
        command.arg(verb).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // Whoever runs these tests must not appear in what they check.
        for name in ["SUDO_USER", "SUDO_UID", "SSH_CONNECTION", "SHAKEDOWN_LOG", "SHAKEDOWN_STATE_DIR"] {
            command.env_remove(name);
        }
        Agent(command)
    }

    pub(crate) fn word(mut self, word: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.arg(word);
        self
    }

    pub(crate) fn words(mut self, words: &[&str]) -> Self {
        self.0.args(words);
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Sends what it says somewhere else.
    pub(crate) fn output_to(mut self, stdout: Stdio, stderr: Stdio) -> Self {
        self.0.stdout(stdout).stderr(stderr);
        self
    }

    pub(crate) fn start(mut self) -> Child {
        self.0.spawn().expect("the program starts")
    }

    /// Runs it to its end.
    pub(crate) async fn end(self) -> Ended {
        Ended::of(self.start()).await
    }

    /// Kills it as soon as something is so: SIGKILL, which nobody can catch.
    pub(crate) async fn killed_when(self, what: &str, is_so: impl FnMut() -> bool) {
        let mut child = self.start();
        until(what, is_so).await;
        child.kill().await.expect("the agent is killed");
    }
}

/// The program after its end.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) async fn of(child: Child) -> Self {
        let waited = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("the program ends");
        let Output { status, stdout, stderr } = waited.expect("the program is waited for");
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        assert!(!stderr.contains("panicked"), "{stderr}");
        Ended { code: status.code(), stdout, stderr }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What it printed, after an end without complaint.
    pub(crate) fn answer(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{}", self.text());
        self.text()
    }

    /// The one line on standard error.
    pub(crate) fn only_complaint(&self) -> &str {
        let lines: Vec<&str> = self.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
        assert_eq!(lines.len(), 1, "one line is wanted on standard error:\n{}", self.stderr);
        lines[0]
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it never came to this: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A script: name, header and what it does.
pub(crate) struct Script {
    name: String,
    fields: Vec<String>,
    body: String,
}

impl Script {
    pub(crate) fn testing(name: &str, body: impl Into<String>) -> Self {
        Script::of_type("testing", name, body)
    }

    pub(crate) fn commissioning(name: &str, body: impl Into<String>) -> Self {
        Script::of_type("commissioning", name, body)
    }

    pub(crate) fn release(name: &str, body: impl Into<String>) -> Self {
        Script::of_type("release", name, body)
    }

    fn of_type(kind: &str, name: &str, body: impl Into<String>) -> Self {
        let fields = vec![format!("script_type: {kind}"), "timeout: 90".to_owned()];
        Script { name: name.to_owned(), fields, body: body.into() }
    }

    /// A line more in the header, or another one in place of the one with its key.
    pub(crate) fn field(mut self, line: &str) -> Self {
        let key = |line: &str| line.split(':').next().map(str::to_owned);
        self.fields.retain(|other| key(other) != key(line));
        self.fields.push(line.to_owned());
        self
    }

    fn content(&self) -> Vec<u8> {
        let fields: String = self.fields.iter().map(|field| format!("# {field}\n")).collect();
        format!(
            "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: {}\n{fields}# --- End MAAS 1.0 script metadata \
             ---\n{}\n",
            self.name, self.body
        )
        .into_bytes()
    }
}

pub(crate) fn options(status: NodeStatus, scripts: &[Script]) -> Options {
    let mut library = Library::default();
    for script in scripts {
        let content = script.content();
        let header = Header::parse(&content).expect("our own header is valid");
        library.add(Path::new(&script.name), header, content);
    }
    Options { status, ..Options::new(library) }
}

/// A region with one node that has these scripts to run.
pub(crate) async fn region(status: NodeStatus, scripts: &[Script]) -> Sandbox {
    Sandbox::start(options(status, scripts)).await.expect("the sandbox starts")
}

/// The region's row for a script.
pub(crate) fn row(region: &Sandbox, script: &str) -> ResultRow {
    let mut rows: Vec<ResultRow> = region.results().into_iter().filter(|row| row.script == script).collect();
    assert_eq!(rows.len(), 1, "one result for {script}: {rows:?}");
    rows.remove(0)
}

/// What the region holds of each script: name, status, combined output.
pub(crate) fn table(region: &Sandbox) -> Vec<(String, Status, String)> {
    let output = |row: &ResultRow| String::from_utf8_lossy(&row.output).into_owned();
    region.results().iter().map(|row| (row.script.clone(), row.status, output(row))).collect()
}

/// The texts of an event log that hold something.
pub(crate) fn texts(events: &[EventRecord], part: &str) -> Vec<String> {
    events.iter().map(|event| event.description.clone()).filter(|text| text.contains(part)).collect()
}
