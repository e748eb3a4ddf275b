//! Running `smartctl` (7.0 and later), the only way to a drive's own word. Everything that can go wrong with the program itself is an
//! [`Error`] of its own: none of it says anything about the disk, so none of it may pass for a verdict.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::model::Report;
use super::parse::{document, parse};
use crate::process::{Answer, Tool, ToolError};

/// Longest call; the reference allows as much.
const LIMIT: Duration = Duration::from_secs(60);
/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(3);
/// Most that a call may print. The largest report of a real drive has a twentieth of it.
const MOST: usize = 8 << 20;
/// Where `smartctl` is although a user's `PATH` seldom says so.
const SYSTEM: [&str; 2] = ["/usr/sbin", "/sbin"];
/// How much of an unusable answer is told.
const SHOWN: usize = 200;

/// Whom smartctl is asked about.
#[derive(Clone, Debug)]
pub struct Address {
    /// Device node: `/dev/sda`, `/dev/nvme0`, `/dev/bus/6`.
    pub node: String,
    /// Type for `-d`, for example `megaraid,8`; smartctl finds it out itself where there is none.
    pub kind: Option<String>,
    /// Held during a call: the disks of one RAID controller are asked one after another.
    pub turn: Arc<Mutex<()>>,
}

impl Address {
    /// A device that shares its controller with nobody.
    #[must_use]
    pub fn of_node(node: impl Into<String>) -> Self {
        Address { node: node.into(), kind: None, turn: Arc::default() }
    }

    /// As it stands on smartctl's command line.
    #[must_use]
    pub fn words(&self) -> String {
        self.kind.as_ref().map_or_else(|| self.node.clone(), |kind| format!("-d {kind} {}", self.node))
    }
}

/// The program.
#[derive(Clone, Debug)]
pub struct Smartctl {
    program: PathBuf,
    /// What comes before its own arguments: the program is `sudo` then.
    prefix: Vec<OsString>,
    limit: Duration,
}

/// What a call that ended by itself printed.
#[derive(Debug)]
pub struct Reply {
    /// Exit status, a bit mask (contract SMART §1).
    pub exit_status: u8,
    /// Standard output: JSON, with well-formed UTF-8. What was none is U+FFFD, since a drive may have any byte in its model.
    pub json: String,
}

impl Reply {
    /// What it says of the device.
    ///
    /// # Errors
    /// When the output was cut off or is damaged.
    pub fn report(&self) -> Result<Report, Error> {
        parse(self.json.as_bytes()).map_err(|unreadable| match self.value::<IgnoredAny>() {
            Err(error) => error,
            Ok(_) => Error::unreadable(&unreadable, &self.json),
        })
    }

    /// The same as another type.
    pub(super) fn value<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let json = document(&self.json).map_or(self.json.as_str(), |at| &self.json[at..]);
        serde_json::from_str(json).map_err(|error| {
            if error.is_eof() { Error::Cut(self.json.len()) } else { Error::unreadable(&error, &self.json) }
        })
    }

    /// What it would have printed without `--json`.
    #[must_use]
    pub fn text(&self) -> String {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Printed {
            smartctl: Lines,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Lines {
            output: Vec<String>,
        }
        self.value::<Printed>().unwrap_or_default().smartctl.output.join("\n")
    }

    /// What it complains about.
    #[must_use]
    pub fn complaints(&self) -> String {
        self.report().map(|report| report.call.messages.join("; ")).unwrap_or_default()
    }
}

/// Why there is no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such program.
    #[error("smartctl is not installed: it is neither in PATH nor in /usr/sbin nor in /sbin")]
    NotInstalled,
    /// The path that was given leads nowhere.
    #[error("there is no {0}")]
    Absent(PathBuf),
    /// The disks are those of a copied machine.
    #[error("{0} is a copy of a machine, and its drives cannot be asked")]
    Copied(PathBuf),
    /// It is there and cannot be run.
    #[error("{0} cannot be run: {1}")]
    NotExecutable(PathBuf, String),
    /// Exit status 126 or 127: what it is or calls is missing.
    #[error("{0} ended with exit status {1}, which says that a program could not be run or found{2}")]
    Broken(PathBuf, i32, String),
    /// It must be root's, and `sudo` refused.
    #[error("sudo does not let this user run smartctl: {0}")]
    Refused(String),
    /// Too old for JSON.
    #[error("{0} is older than 7.0 and cannot answer in JSON")]
    TooOld(PathBuf),
    /// A signal ended it.
    #[error("smartctl was killed by signal {0}")]
    Killed(i32),
    /// It had to be stopped.
    #[error("smartctl gave no answer within {} s{}", .0.as_secs(), if *.1 { " and hangs in the kernel" } else { "" })]
    TimedOut(Duration, bool),
    /// It was stopped for printing without an end.
    #[error("smartctl printed more than {0} bytes and was stopped")]
    TooMuch(usize),
    /// It printed nothing.
    #[error("smartctl printed nothing and ended with exit status {0}{1}")]
    Silent(i32, String),
    /// The end of its output is missing.
    #[error("the output of smartctl is cut off after {0} bytes")]
    Cut(usize),
    /// Its output is not what it should be.
    #[error("the output of smartctl cannot be read: {reason}; it begins with {begins:?}")]
    Unreadable {
        /// What is wrong.
        reason: String,
        /// Its first characters.
        begins: String,
    },
    /// The caller wants no answer any more.
    #[error("smartctl was stopped")]
    Cancelled,
    /// The system does not say how it ended.
    #[error("{0}")]
    System(String),
}

impl Error {
    /// The next step of an operator.
    #[must_use]
    pub fn next_step(&self) -> &'static str {
        match self {
            Error::NotInstalled | Error::Absent(_) => {
                "install it (apt-get install smartmontools) or say where it is with --smartctl"
            }
            Error::Copied(_) => {
                "name a program that answers for them with --smartctl, or judge what smartctl printed there: `shakedown disk judge FILE`"
            }
            Error::NotExecutable(..) | Error::Broken(..) => {
                "reinstall it (apt-get install --reinstall smartmontools) or name another one with --smartctl"
            }
            Error::Refused(_) => "run it as root, or let this user `sudo -n smartctl`",
            Error::TooOld(_) => "install smartmontools 7.0 or later, or name a newer smartctl with --smartctl",
            Error::Killed(_) => "see in dmesg who killed it (out of memory?), then test again",
            Error::TimedOut(..) => {
                "see in dmesg whether the disk or its controller hangs; power the machine off and on, then test again"
            }
            Error::TooMuch(_) | Error::Silent(..) | Error::Cut(_) | Error::Unreadable { .. } | Error::System(_) => {
                "run `smartctl --json=o -x DEVICE` by hand and look at what it prints, then test again"
            }
            Error::Cancelled => "test again",
        }
    }

    fn unreadable(reason: &impl ToString, output: &str) -> Self {
        Error::Unreadable { reason: reason.to_string(), begins: output.chars().take(SHOWN).collect() }
    }
}

impl Smartctl {
    /// The program at a path, called as it is; without a path the one that is installed, by `sudo -n` for users other than root.
    ///
    /// # Errors
    /// When there is none or it cannot be run.
    pub fn find(given: Option<&Path>) -> Result<Self, Error> {
        let limit = LIMIT;
        if let Some(path) = given {
            return Ok(Smartctl { program: executable(path)?, prefix: Vec::new(), limit });
        }
        let program = search("smartctl").ok_or(Error::NotInstalled)?;
        match search("sudo") {
            Some(sudo) if !nix::unistd::geteuid().is_root() => {
                Ok(Smartctl { program: sudo, prefix: vec!["-n".into(), program.into()], limit })
            }
            _ => Ok(Smartctl { program, prefix: Vec::new(), limit }),
        }
    }

    /// The same with another time limit for each call.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Asks about a device; the arguments are those beside the device and its type.
    ///
    /// # Errors
    /// When there is no answer that could be used.
    pub async fn ask(&self, address: &Address, arguments: &[&str], cancel: &CancellationToken) -> Result<Reply, Error> {
        let _turn = tokio::select! {
            turn = address.turn.lock() => turn,
            () = cancel.cancelled() => return Err(Error::Cancelled),
        };
        let kind = address.kind.iter().flat_map(|kind| ["-d", kind]);
        let words = arguments.iter().copied().chain(kind).chain([address.node.as_str()]);
        self.call(words, cancel).await
    }

    /// Lists what can be opened: the only way to learn which disks are behind a RAID controller.
    ///
    /// # Errors
    /// When there is no answer that could be used.
    pub async fn scan(&self, cancel: &CancellationToken) -> Result<Reply, Error> {
        self.call(["--scan-open"].into_iter(), cancel).await
    }

    async fn call(&self, words: impl Iterator<Item = &str>, cancel: &CancellationToken) -> Result<Reply, Error> {
        let json = std::iter::once(OsString::from("--json=o"));
        let tool = Tool {
            program: self.program.clone(),
            arguments: self.prefix.iter().cloned().chain(json).chain(words.map(OsString::from)).collect(),
            environment: vec![("LC_ALL".into(), "C".into())],
            limit: self.limit,
            grace: GRACE,
            most: MOST,
        };
        let answer = tool.call(cancel).await.map_err(|error| no_answer(&self.program, error))?;
        self.reply(answer)
    }

    fn reply(&self, answer: Answer) -> Result<Reply, Error> {
        if let Some(signal) = answer.status.signal() {
            return Err(Error::Killed(signal));
        }
        let code = answer.status.code().unwrap_or(-1);
        let said = String::from_utf8_lossy(&answer.stderr);
        let said = said.trim();
        let because = if said.is_empty() { String::new() } else { format!(": {}", shortened(said)) };
        let json =
            String::from_utf8(answer.stdout).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
        let is_json = document(&json).is_some();
        if is_json {
            // A status above 255 does not exist.
            return Ok(Reply { exit_status: u8::try_from(code).unwrap_or(u8::MAX), json });
        }
        Err(match code {
            126 | 127 => Error::Broken(self.program.clone(), code, because),
            _ if !self.prefix.is_empty() && said.starts_with("sudo:") => Error::Refused(shortened(said)),
            _ if json.contains("UNRECOGNIZED OPTION: json") => Error::TooOld(self.program.clone()),
            _ if json.trim().is_empty() => Error::Silent(code, because),
            _ => Error::unreadable(&"it is no JSON", &json),
        })
    }
}

fn no_answer(program: &Path, error: ToolError) -> Error {
    match error {
        ToolError::Start { path, source } if source.kind() == std::io::ErrorKind::NotFound => Error::Absent(path),
        ToolError::Start { path, source } => Error::NotExecutable(path, source.to_string()),
        ToolError::TimedOut { limit, hangs, .. } => Error::TimedOut(limit, hangs),
        ToolError::TooMuch { most, .. } => Error::TooMuch(most),
        ToolError::Cancelled { .. } => Error::Cancelled,
        ToolError::System { source, .. } => Error::System(format!("{}: {source}", program.display())),
    }
}

fn shortened(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SHOWN).collect()
}

/// The first executable of that name in `PATH` and the system's own directories.
fn search(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(SYSTEM.map(PathBuf::from));
    directories.filter(|directory| directory.is_absolute()).find_map(|directory| executable(&directory.join(name)).ok())
}

fn executable(path: &Path) -> Result<PathBuf, Error> {
    let data = match std::fs::metadata(path) {
        Ok(data) => data,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(Error::Absent(path.to_owned())),
        Err(error) => return Err(Error::NotExecutable(path.to_owned(), error.to_string())),
    };
    let problem = match (data.is_file(), data.permissions().mode() & 0o111) {
        (false, _) => "it is no file",
        (true, 0) => "its mode does not allow it",
        (true, _) => return Ok(std::path::absolute(path).unwrap_or_else(|_| path.to_owned())),
    };
    Err(Error::NotExecutable(path.to_owned(), problem.to_owned()))
}
