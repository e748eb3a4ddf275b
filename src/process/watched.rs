//! A further process of this program that tells what it does, line by line, while it works.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout};

/// Longest line that is read.
const LONGEST: u64 = 16 << 20;

/// The process. If it is dropped, it is killed.
#[derive(Debug)]
pub struct Watched {
    child: Child,
    out: BufReader<ChildStdout>,
    /// The line that is being read.
    line: Vec<u8>,
}

/// How a [`Watched`] process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
}

impl From<ExitStatus> for Fate {
    fn from(status: ExitStatus) -> Self {
        status.code().map_or_else(|| Fate::Signalled(status.signal().unwrap_or(0)), Fate::Exited)
    }
}

impl Watched {
    /// Starts the process, in a process group of its own. Standard error is this program's.
    ///
    /// # Errors
    /// The process cannot be started.
    pub fn start(arguments: &[OsString]) -> io::Result<Watched> {
        // Also while another version is being installed.
        let mut command = tokio::process::Command::new("/proc/self/exe");
        command.arg0(std::env::args_os().next().unwrap_or_default()).args(arguments).process_group(0);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let out = child.stdout.take().ok_or_else(|| io::Error::other("the process has no output"))?;
        Ok(Watched { child, out: BufReader::new(out), line: Vec::new() })
    }

    /// The next line; `None` at the end of the output. A call may be given up and repeated: what was read of a line is kept.
    ///
    /// # Errors
    /// The output cannot be read.
    pub async fn line(&mut self) -> io::Result<Option<String>> {
        (&mut self.out).take(LONGEST).read_until(b'\n', &mut self.line).await?;
        let line = std::mem::take(&mut self.line);
        Ok((!line.is_empty()).then(|| String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// The exit status cannot be read.
    pub async fn end(&mut self) -> io::Result<Fate> {
        Ok(self.child.wait().await?.into())
    }

    /// Ends the process: SIGTERM, and SIGKILL after `grace`. One that hangs in the kernel is left to itself after as long again.
    ///
    /// # Errors
    /// The exit status cannot be read, or the process hangs in the kernel.
    pub async fn stop(&mut self, grace: Duration) -> io::Result<Fate> {
        // The process has not been waited for, so its id cannot have been reused.
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            let _ = id.map(|id| kill(id, signal));
            if let Ok(ended) = tokio::time::timeout(grace, self.end()).await {
                return ended;
            }
        }
        Err(io::Error::other("the process hangs in the kernel"))
    }
}
