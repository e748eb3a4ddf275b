//! What the tests of whole runs share: a region whose scripts are texts, a node with its configuration file, the table
//! that the region ends up with, processes that can be found again.
#![allow(dead_code, reason = "every test file uses its own part of this")]

pub(crate) mod archive;
pub(crate) mod left_out;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod schema;
pub(crate) mod tap;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shakedown::agent::{self, Agent, Outcome};
use shakedown::config::{Given, connection};
use shakedown::host::Host;
use shakedown::region::{Client, RetryOptions};
use shakedown::sandbox::{Library, Options, ResultRow, Sandbox};
use shakedown::script::{Header, Status};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use program::Program;

/// Longer than this nothing in these tests takes, unless something hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A script with metadata in its header.
pub(crate) fn script(header: &str, body: &str) -> String {
    let header: String = header.lines().map(|line| format!("# {line}\n")).collect();
    format!(
        "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n{header}# --- End MAAS 1.0 script metadata ---\n{body}\n"
    )
}

/// A script without metadata: it runs alone and has no time limit.
pub(crate) fn plain(body: &str) -> String {
    format!("#!/bin/sh\n{body}\n")
}

/// A region with these scripts, by path: the folder says the type. The node is in commissioning unless changed.
pub(crate) async fn region<T: AsRef<str>>(scripts: &[(T, String)], change: impl FnOnce(&mut Options)) -> Sandbox {
    let mut library = Library::default();
    for (path, text) in scripts {
        let header = Header::parse(text.as_bytes()).expect("the test's script has a valid header");
        library.add(Path::new(path.as_ref()), header, text.clone().into_bytes());
    }
    let mut options = Options::new(library);
    change(&mut options);
    Sandbox::start(options).await.expect("the loopback can be listened on")
}

/// The region's result of a script: there must be exactly one.
pub(crate) fn row(region: &Sandbox, script: &str) -> ResultRow {
    let mut rows: Vec<ResultRow> = region.results().into_iter().filter(|row| row.script == script).collect();
    assert_eq!(rows.len(), 1, "results of {script}");
    rows.remove(0)
}

/// Status and exit status of every result, by script.
pub(crate) fn table(region: &Sandbox) -> BTreeMap<String, (Status, Option<i64>)> {
    region.results().into_iter().map(|row| (row.script, (row.status, row.exit_status))).collect()
}

/// The texts of the region's event log.
pub(crate) fn events(region: &Sandbox) -> Vec<String> {
    region.events().into_iter().map(|row| row.description).collect()
}

/// How many requests with a method were answered with a code.
pub(crate) fn answers(region: &Sandbox, method: &str, code: u64) -> usize {
    region.requests().iter().filter(|request| request["method"] == method && request["answer"] == code).count()
}

/// Waits for something that must become true.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A machine with its cloud-init style configuration and a place for its runs.
pub(crate) struct Node {
    home: TempDir,
}

impl Node {
    /// With a configuration text.
    pub(crate) fn new(config: &str) -> Node {
        let node = Node { home: tempfile::tempdir().expect("a temporary directory") };
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(node.config()).expect("a new file");
        file.write_all(config.as_bytes()).expect("room for a small file");
        node
    }

    /// The node of a sandbox.
    pub(crate) fn of(region: &Sandbox) -> Node {
        Node::new(&region.node_config())
    }

    /// The node of a sandbox that is reached by another address.
    pub(crate) fn behind(region: &Sandbox, url: &str) -> Node {
        Node::new(&region.node_config().replace(&region.url(), url))
    }

    /// What stands in the way of nothing: the parent of the configuration and of the storage directory.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    /// The configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.home.path().join("node.yaml")
    }

    /// The storage directory of its runs; not yet there.
    pub(crate) fn storage(&self) -> PathBuf {
        self.home.path().join("storage")
    }

    /// An output file, by the region's row: an empty suffix is the combined output. One that is absent is empty.
    pub(crate) fn output(&self, row: &ResultRow, suffix: &str) -> Vec<u8> {
        let path = self.storage().join(format!("out/{}.{}{suffix}", row.script, row.id));
        fs::read(path).unwrap_or_default()
    }

    /// `shakedown run --config FILE STORAGE`.
    pub(crate) fn run(&self) -> Program {
        Program::new("run").arg("--config").arg(self.config()).arg(self.storage())
    }

    /// The same with another storage directory.
    pub(crate) fn run_at(&self, storage: &Path) -> Program {
        Program::new("run").arg("--config").arg(self.config()).arg(storage)
    }

    /// A run inside this process, its times scaled down.
    pub(crate) async fn run_here(
        &self,
        stop: &CancellationToken,
        change: impl FnOnce(&mut agent::Options),
    ) -> Result<Outcome, agent::Error> {
        let host = Host::live();
        let given = Given { config: Some(self.config().display().to_string()), ..Given::default() };
        let connection = connection(&given, &host).await.expect("the test's configuration is complete");
        let client = Client::new(connection.client).expect("HTTP can be set up");
        let mut options = agent::Options::new(self.storage(), client.base_url());
        options.retry =
            RetryOptions { first: Duration::from_millis(20), cap: Duration::from_millis(100), ..options.retry };
        options.runner.grace = Duration::from_secs(1);
        change(&mut options);
        let (notices, _unheard) = mpsc::unbounded_channel();
        let agent = Agent::new(client, host, options, notices, stop.clone(), None);
        tokio::time::timeout(LIMIT, agent.run()).await.expect("the run ends in time")
    }
}

/// A number that only one test's processes have among their arguments, as the seconds of a `sleep`.
pub(crate) struct Marker(String);

impl Marker {
    /// One that nobody has.
    pub(crate) fn new() -> Marker {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Marker(format!("{}.{:03}", 1_000_000_000 + std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)))
    }

    /// The word itself.
    pub(crate) fn word(&self) -> &str {
        &self.0
    }

    /// Who has it.
    pub(crate) fn alive(&self) -> Vec<i32> {
        let has = |pid: &i32| {
            fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.split(|&byte| byte == 0).any(|word| word == self.0.as_bytes()))
        };
        let entries = fs::read_dir("/proc").expect("a Linux machine");
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(has).collect()
    }
}

impl Drop for Marker {
    /// No test leaves a process behind, however it ends.
    fn drop(&mut self) {
        for pid in self.alive() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}
