//! A tool called for what it prints: bounded in time and in memory, and gone to the last descendant when its time is up.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Child;
use tokio_util::sync::CancellationToken;

use super::Limits;
use super::family::Family;
use super::spawn::{spawn_patiently, stop};

/// How long a pipe that somebody still holds open may delay the answer of a tool that has ended.
const LINGER: Duration = Duration::from_millis(if cfg!(test) { 200 } else { 2000 });
/// Read at once.
const CHUNK: usize = 16 << 10;

/// A call of a tool.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Path of the executable.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Added to this program's own environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Longest it may take.
    pub limit: Duration,
    /// Time between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// Most bytes that it may print to standard output; to standard error, too.
    pub most: usize,
}

/// What a tool that ended by itself left.
#[derive(Debug)]
pub struct Answer {
    /// Its exit status, which tells a signal apart.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

/// Why a tool gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It could not be started.
    #[error("cannot run {path}: {source}")]
    Start {
        /// The executable.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It had to be stopped.
    #[error("{path} gave no answer within {} s{}", limit.as_secs(), if *hangs { " and hangs in the kernel" } else { "" })]
    TimedOut {
        /// The executable.
        path: PathBuf,
        /// Its time.
        limit: Duration,
        /// Not even SIGKILL ended it.
        hangs: bool,
    },
    /// It was stopped since nobody could want that much.
    #[error("{path} printed more than {most} bytes and was stopped")]
    TooMuch {
        /// The executable.
        path: PathBuf,
        /// What it might have printed.
        most: usize,
    },
    /// It was stopped since the caller wants no answer any more.
    #[error("{path} was stopped")]
    Cancelled {
        /// The executable.
        path: PathBuf,
    },
    /// The system does not say how it ended, or what it printed.
    #[error("{path}: {source}")]
    System {
        /// The executable.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// Whether the service manager takes this machine down, to reboot it or to switch it off. Where it does not answer, no.
pub async fn machine_is_going_down() -> bool {
    let state = Tool {
        program: "systemctl".into(),
        arguments: vec!["is-system-running".into()],
        environment: Vec::new(),
        limit: Duration::from_secs(5),
        grace: Duration::from_secs(1),
        most: 4096,
    };
    state.call(&CancellationToken::new()).await.is_ok_and(|answer| answer.stdout.trim_ascii() == b"stopping")
}

/// Why waiting ended early.
enum Halt {
    Time,
    Cancel,
    TooMuch,
    System(io::Error),
}

impl Tool {
    /// Runs the tool to its end and gives what it printed. Its input is empty, it leads a process group of its own, and all that comes
    /// of it is stopped when its time is up, on `cancel`, and when the future is dropped.
    ///
    /// # Errors
    /// When it does not start, does not end in time, prints too much, or was cancelled.
    pub async fn call(self, cancel: &CancellationToken) -> Result<Answer, ToolError> {
        self.call_with(Vec::new(), cancel).await
    }

    /// As [`Tool::call`], with an input. A tool that does not read its input to the end is no error.
    ///
    /// # Errors
    /// As those of [`Tool::call`].
    pub async fn call_with(self, input: Vec<u8>, cancel: &CancellationToken) -> Result<Answer, ToolError> {
        let path = self.program.clone();
        let (mut child, family) = match self.start(!input.is_empty()) {
            Ok(started) => started,
            Err(source) => return Err(ToolError::Start { path, source }),
        };
        if let Some(mut pipe) = child.stdin.take() {
            // Beside the reading of its output: a tool may print before it has read everything. The pipe closes when the tool ends.
            tokio::spawn(async move { pipe.write_all(&input).await });
        }
        let answer = tokio::select! {
            answer = answer(&mut child, self.most) => answer,
            () = tokio::time::sleep(self.limit) => Err(Halt::Time),
            () = cancel.cancelled() => Err(Halt::Cancel),
        };
        let halt = match answer {
            Ok(answer) => {
                family.release();
                return Ok(answer);
            }
            Err(halt) => halt,
        };
        let limits = Limits { time: None, grace: self.grace, hurry: CancellationToken::new() };
        if child.id().is_none() {
            family.note_collected();
        }
        stop(&family, &limits).await;
        Err(match halt {
            Halt::Time => {
                let hangs = matches!(child.try_wait(), Ok(None));
                if !hangs {
                    family.note_collected();
                }
                ToolError::TimedOut { path, limit: self.limit, hangs }
            }
            Halt::Cancel => ToolError::Cancelled { path },
            Halt::TooMuch => ToolError::TooMuch { path, most: self.most },
            Halt::System(source) => ToolError::System { path, source },
        })
    }

    fn start(&self, has_input: bool) -> io::Result<(Child, Arc<Family>)> {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .process_group(0)
            .stdin(if has_input { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = spawn_patiently(&mut command)?;
        let leader = child.id().and_then(|pid| i32::try_from(pid).ok());
        let leader = leader.ok_or_else(|| io::Error::other("the process has no number"))?;
        Ok((child, Arc::new(Family::of_leader(leader))))
    }
}

async fn answer(child: &mut Child, most: usize) -> Result<Answer, Halt> {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let reading = async { tokio::try_join!(read(out, &mut stdout, most), read(err, &mut stderr, most)) };
    let status = ended(child, reading).await?;
    Ok(Answer { status, stdout, stderr })
}

async fn ended<T>(child: &mut Child, reading: impl Future<Output = Result<T, Halt>>) -> Result<ExitStatus, Halt> {
    tokio::pin!(reading);
    tokio::select! {
        read = &mut reading => {
            read?;
            child.wait().await.map_err(Halt::System)
        }
        status = child.wait() => {
            let status = status.map_err(Halt::System)?;
            // What it printed is in the pipes; a descendant that holds one open has no part in the answer.
            if let Ok(read) = tokio::time::timeout(LINGER, &mut reading).await {
                read?;
            }
            Ok(status)
        }
    }
}

/// Reads a pipe to its end, but no more than is reasonable.
async fn read(pipe: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>, most: usize) -> Result<(), Halt> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    let mut chunk = vec![0; CHUNK];
    loop {
        match pipe.read(&mut chunk).await.map_err(Halt::System)? {
            0 => return Ok(()),
            count if into.len() + count > most => return Err(Halt::TooMuch),
            count => into.extend_from_slice(&chunk[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    fn shell(script: &str) -> Tool {
        Tool {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("LC_ALL".into(), "C".into())],
            limit: Duration::from_secs(60),
            grace: Duration::from_millis(200),
            most: 1 << 20,
        }
    }

    async fn call(tool: Tool) -> Result<Answer, ToolError> {
        tool.call(&CancellationToken::new()).await
    }

    #[tokio::test]
    async fn what_it_prints_and_how_it_ends_is_told() {
        let answer = call(shell("echo out; echo $LC_ALL >&2; cat; exit 3")).await.expect("an answer");
        assert_eq!((answer.stdout.as_slice(), answer.stderr.as_slice()), (&b"out\n"[..], &b"C\n"[..]));
        assert_eq!(answer.status.code(), Some(3));
        let answer = call(shell("echo half; kill -9 $$")).await.expect("an answer");
        assert_eq!((answer.status.signal(), answer.stdout.as_slice()), (Some(9), &b"half\n"[..]));
    }

    #[tokio::test]
    async fn an_input_is_read_whole_or_not_at_all() {
        let input = vec![b'x'; 300_000];
        let answer = shell("cat").call_with(input.clone(), &CancellationToken::new()).await.expect("an answer");
        assert_eq!(answer.stdout, input);
        let answer = shell("exit 4").call_with(input, &CancellationToken::new()).await.expect("an answer");
        assert_eq!(answer.status.code(), Some(4));
    }

    #[tokio::test]
    async fn much_is_read_whole_and_too_much_is_stopped() {
        let answer = call(shell("head -c 1048576 /dev/zero; head -c 1048576 /dev/zero >&2")).await.expect("an answer");
        assert_eq!((answer.stdout.len(), answer.stderr.len()), (1 << 20, 1 << 20));
        for endless in
            ["exec cat /dev/zero", "exec cat /dev/zero >&2", "trap '' TERM; cat /dev/zero; exec cat /dev/zero"]
        {
            let error = call(shell(endless)).await.expect_err("too much");
            assert!(matches!(error, ToolError::TooMuch { most: 1_048_576, .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn when_its_time_is_up_it_is_asked_then_killed() {
        for script in ["sleep 1000", "trap '' TERM; while :; do sleep 0.05; done"] {
            let tool = Tool { limit: Duration::from_millis(200), ..shell(script) };
            let error = call(tool).await.expect_err("no answer");
            assert!(matches!(error, ToolError::TimedOut { hangs: false, .. }), "{error}");
        }
    }

    #[tokio::test]
    async fn a_child_that_holds_the_pipe_does_not_hold_up_the_answer() {
        let answer = call(shell("sleep 30 & echo $!")).await.expect("an answer");
        let child = String::from_utf8_lossy(&answer.stdout).trim().parse().expect("a number");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(child), nix::sys::signal::Signal::SIGKILL)
            .expect("it is left alone, as after any normal end");
    }

    #[tokio::test]
    async fn what_cannot_be_started_is_told() {
        let tool = Tool { program: "/nowhere/tool".into(), ..shell("") };
        let error = call(tool).await.expect_err("nothing there");
        assert!(matches!(error, ToolError::Start { .. }) && error.to_string().contains("/nowhere/tool"), "{error}");
    }
}
