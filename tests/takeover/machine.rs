//! A machine in its ephemeral system, as far as a takeover sees it: MAAS's runner, a place for the program, a state directory.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use shakedown::sandbox::Sandbox;
use tempfile::TempDir;

/// Time limit of a takeover in these tests; a longer one hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(120);

pub(crate) struct Machine {
    home: TempDir,
}

/// MAAS's runner under way, killed when dropped.
pub(crate) struct Runner {
    child: Child,
    output: PathBuf,
}

impl Machine {
    pub(crate) fn new() -> Machine {
        let machine = Machine { home: tempfile::tempdir().expect("a temporary directory") };
        for folder in ["bin", "place", "state", "data"] {
            fs::create_dir(machine.at(folder)).expect("a directory");
        }
        fs::set_permissions(machine.at("state"), fs::Permissions::from_mode(0o700)).expect("one's own");
        let runner = include_str!("maas-run-remote-scripts");
        machine.program("bin/maas-run-remote-scripts", runner);
        // A script that starts the program under test, since that is too large for a region; only the bytes of this file are compared.
        let own = env!("CARGO_BIN_EXE_shakedown");
        machine.program("shakedown", &format!("#!/bin/sh\nexec {own} \"$@\"\n"));
        machine
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.at("state")
    }

    pub(crate) fn program(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).expect("written");
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(0o755)).expect("one's own");
    }

    /// Boots for a run: the machine gets its credentials, and cloud-init starts MAAS's runner.
    pub(crate) fn boot(&self, region: &Sandbox) -> Runner {
        self.boot_behind(region, region.url().trim_end_matches("/MAAS/"))
    }

    /// Boots for a run where scripts get another address (`base`) than the region's own, as behind a rack.
    pub(crate) fn boot_behind(&self, region: &Sandbox, base: &str) -> Runner {
        region.boot();
        fs::write(self.at("creds.yaml"), region.node_config()).expect("written");
        let data = tempfile::tempdir_in(self.at("data")).expect("a directory").keep();
        let output = self.at("cloud-init-output.log");
        let log = fs::OpenOptions::new().create(true).append(true).open(&output).expect("a log");
        let mut command = Command::new("python3");
        command.arg(self.at("bin/maas-run-remote-scripts")).arg("--config=creds.yaml").arg(data);
        command.current_dir(self.home.path()).env("SHAKEDOWN_PLACE", self.at("place"));
        command
            .env("SHAKEDOWN_STATE_DIR", self.state())
            .env("SHAKEDOWN_RETRY_WAIT", "0.1")
            .env_remove("SHAKEDOWN_BINARY");
        command.env("STAND_IN_BASE_URL", base);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a descriptor")).stderr(log);
        Runner { child: command.spawn().expect("python3 is there"), output }
    }

    /// Processes of this machine by the beginning of their command line: `run`, `takeover --guard`, `takeover --watch`, and the script's
    /// own, `takeover --state-dir`.
    pub(crate) fn processes(&self, words: &str) -> Vec<i32> {
        let (state, mut found) = (self.state(), Vec::new());
        for entry in fs::read_dir("/proc").expect("/proc").flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line: Vec<_> = line.split(|&byte| byte == 0).map(String::from_utf8_lossy).collect();
            let is_of_it = line.iter().any(|word| **word == *state.to_string_lossy());
            let begins = line.iter().skip(1).zip(words.split(' ')).all(|(one, other)| one == other);
            if is_of_it && line.len() > 3 && begins {
                found.push(pid);
            }
        }
        found
    }

    /// Kills all processes with these words; returns their number.
    pub(crate) fn kill(&self, word: &str) -> usize {
        let found = self.processes(word);
        found.iter().filter(|pid| kill(Pid::from_raw(**pid), Signal::SIGKILL).is_ok()).count()
    }

    /// True if no process of the takeover is left.
    pub(crate) fn is_quiet(&self) -> bool {
        ["takeover", "run"].iter().all(|word| self.processes(word).is_empty())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for word in ["takeover", "run", "takeover"] {
            self.kill(word);
        }
    }
}

impl Runner {
    /// The exit status of the runner; `None` while it is running.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("one's own child")
    }

    /// Waits for the end of the runner and calls `meanwhile` now and then; its exit code, `None` after a signal.
    pub(crate) async fn finish(&mut self, mut meanwhile: impl FnMut()) -> Option<i32> {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.ended() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the machine hangs: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
            meanwhile();
        }
    }

    /// The runner's output in cloud-init's log.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.output).unwrap_or_default()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends an operator's request to the region's API.
pub(crate) async fn operator(region: &Sandbox, op: &str) {
    let key = region.api_key();
    let parts: Vec<&str> = key.split(':').collect();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos();
    let header = format!(
        "OAuth oauth_version=\"1.0\", oauth_signature_method=\"PLAINTEXT\", oauth_consumer_key=\"{}\", oauth_token=\"{}\", \
         oauth_signature=\"%26{}\", oauth_nonce=\"{now}\", oauth_timestamp=\"{}\"",
        parts[0],
        parts[1],
        parts[2],
        now / 1_000_000_000,
    );
    let address = format!("{}api/2.0/machines/{}/?op={op}", region.url(), region.system_id());
    let client = shakedown::http::builder(None).expect("TLS").no_proxy().build().expect("a client");
    let answer = client.post(address).header("Authorization", header).header("Content-Length", "0").send().await;
    let answer = answer.expect("the region answers");
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
}

/// The lines of a file; none when it cannot be read.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}
