//! The program itself as a process, with a time limit and an eye on its memory.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::LIMIT;

/// Variables of a developer's or a CI's environment that would change what is tested.
const CLEARED: [&str; 10] = [
    "SHAKEDOWN_LOG",
    "RUST_BACKTRACE",
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// A call of the program.
pub(crate) struct Program(Command, StateDirectory);

/// Where a call keeps what it remembers; removed when the call has ended. The program makes it.
struct StateDirectory(PathBuf);

impl StateDirectory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // Below a directory that anybody may write to, since some tests run the agent as another user than root.
        StateDirectory(std::env::temp_dir().join(format!("shakedown-test-{}-{number}", std::process::id())))
    }
}

impl Drop for StateDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Program {
    /// `shakedown VERB`.
    pub(crate) fn new(verb: &str) -> Program {
        let program = Program::at(Path::new(env!("CARGO_BIN_EXE_shakedown"))).arg(verb);
        // What the kernel of this machine reports meanwhile is not under test.
        if ["run", "try", "demo"].contains(&verb) { program.env("SHAKEDOWN_RUNNER_MEANWHILE", "off") } else { program }
    }

    /// The program under another name.
    pub(crate) fn at(path: &Path) -> Program {
        let mut command = Command::new(path);
        for name in CLEARED {
            command.env_remove(name);
        }
        // Each call has a journal of its own, unless a test says otherwise.
        let state = StateDirectory::new();
        command.env("SHAKEDOWN_STATE_DIR", &state.0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Program(command, state)
    }

    pub(crate) fn arg(mut self, word: impl AsRef<OsStr>) -> Program {
        self.0.arg(word);
        self
    }

    pub(crate) fn args(mut self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Program {
        self.0.args(words);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Program {
        self.0.env(name, value);
        self
    }

    /// The same call, made by another program that is given it behind its own words.
    pub(crate) fn through(self, words: &[&str]) -> Program {
        let own = self.0.as_std();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(own.get_program()).args(own.get_args());
        for (name, value) in own.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Program(command, self.1)
    }

    pub(crate) fn directory(mut self, place: &Path) -> Program {
        self.0.current_dir(place);
        self
    }

    pub(crate) fn start(mut self) -> Running {
        let mut child = self.0.spawn().expect("the program can be started");
        let stdout = collect(child.stdout.take().expect("a pipe was asked for"));
        let stderr = collect(child.stderr.take().expect("a pipe was asked for"));
        Running { child, stdout, stderr, _state: self.1 }
    }

    /// Runs to the end, which has to come soon.
    pub(crate) async fn finish(self) -> Finished {
        self.start().finish(LIMIT).await
    }
}

fn collect(mut pipe: impl AsyncRead + Unpin + Send + 'static) -> JoinHandle<String> {
    tokio::spawn(async move {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).await.expect("a pipe can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The program under way; killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    _state: StateDirectory,
}

impl Running {
    fn pid(&self) -> i32 {
        self.child.id().and_then(|pid| i32::try_from(pid).ok()).expect("it has not ended")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("one's own child can be signalled");
    }

    /// Waits for the end and watches the memory until then.
    pub(crate) async fn finish(mut self, limit: Duration) -> Finished {
        let status = format!("/proc/{}/status", self.pid());
        let deadline = Instant::now() + limit;
        let mut peak_kib = 0;
        let code = loop {
            tokio::select! {
                status = self.child.wait() => break status.expect("one's own child can be waited for").code(),
                () = sleep(Duration::from_millis(20)) => {}
            }
            let text = std::fs::read_to_string(&status).unwrap_or_default();
            peak_kib = peak(&text).unwrap_or(peak_kib);
            if Instant::now() > deadline {
                self.child.kill().await.expect("one's own child can be killed");
                let (stdout, stderr) = (self.stdout.await, self.stderr.await);
                panic!("still running after {limit:?}: {stdout:?} {stderr:?}");
            }
        };
        let stdout = self.stdout.await.expect("its output was read");
        let stderr = self.stderr.await.expect("its errors were read");
        Finished { code, stdout, stderr, peak_kib }
    }
}

/// `VmHWM` of a `/proc/PID/status`.
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Finished {
    /// Exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// The most memory that it had resident, in KiB.
    pub(crate) peak_kib: u64,
}
