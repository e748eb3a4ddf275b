//! Reading what a process prints, as fast as it prints it, on a thread of its own.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

use super::terminal::Terminal;
use super::{OutputFiles, StartError};

/// Kernel buffer of each pipe: fewer switches between writer and reader.
const PIPE_BYTES: i32 = 1 << 20;
/// Read at once.
const CHUNK: usize = 256 << 10;
/// How long a pipe that somebody still holds open may delay the end.
const LINGER: Duration = Duration::from_secs(2);
/// Longest last line that [`Progress`] shows.
const SHOWN: usize = 160;

/// What has been captured so far; cheap to look at while the process runs.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    last_line: Mutex<Vec<u8>>,
}

impl Progress {
    /// Bytes printed to both streams.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The last line that is not blank, cut to a terminal's width, control characters removed.
    #[must_use]
    pub fn last_line(&self) -> String {
        let line = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&line).chars().filter(|c| !c.is_control()).collect()
    }

    fn saw(&self, bytes: &[u8]) {
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let tail = &bytes[bytes.len().saturating_sub(4 * SHOWN)..];
        let line = tail.split(|&b| b == b'\n' || b == b'\r').rev().find(|line| !line.trim_ascii().is_empty());
        if let Some(line) = line {
            let line = &line[..line.len().min(SHOWN)];
            let mut shown = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
            shown.clear();
            shown.extend_from_slice(line);
        }
    }
}

/// What became of the output.
#[derive(Debug, Default)]
pub struct Captured {
    /// Bytes read from both streams.
    pub bytes: u64,
    /// A descendant still held a pipe when the result was due; what it prints later is read and dropped.
    pub pipe_held: bool,
    /// The first error of writing an output file; what came after it is lost.
    pub error: Option<String>,
}

/// A capture under way.
#[derive(Debug)]
pub(super) struct Capture {
    wake: PipeWriter,
    result: oneshot::Receiver<Captured>,
    pub(super) progress: Arc<Progress>,
}

impl Capture {
    /// Opens the files and starts reading.
    pub(super) fn start(stdout: OwnedFd, stderr: OwnedFd, files: &OutputFiles) -> Result<Self, StartError> {
        let open = |path: &std::path::PathBuf| {
            Terminal::open(path).map_err(|source| StartError::Output { path: path.clone(), source })
        };
        let broken = |source| StartError::Output { path: files.combined.clone(), source };
        let (woken, wake) = io::pipe().map_err(broken)?;
        let progress = Arc::new(Progress::default());
        let (send, result) = oneshot::channel();
        let reader = Reader {
            streams: [Stream::new(stdout, open(&files.stdout)?), Stream::new(stderr, open(&files.stderr)?)],
            combined: Sink { terminal: Some(open(&files.combined)?) },
            woken: Some(woken),
            progress: Arc::clone(&progress),
            captured: Captured::default(),
        };
        std::thread::Builder::new()
            .name("capture".into())
            .stack_size(128 << 10)
            .spawn(move || reader.run(send))
            .map_err(broken)?;
        Ok(Capture { wake, result, progress })
    }

    /// The process is gone: waits for the rest of its output, at most [`LINGER`].
    pub(super) async fn finish(mut self) -> Captured {
        let _ = self.wake.write_all(b"!");
        self.result.await.unwrap_or_else(|_| Captured {
            error: Some("the capture thread ended without a result".to_owned()),
            ..Captured::default()
        })
    }
}

/// A file that stops being written at its first error.
struct Sink {
    terminal: Option<Terminal>,
}

impl Sink {
    fn feed(&mut self, bytes: &[u8], error: &mut Option<String>) {
        self.try_with(error, |terminal| terminal.feed(bytes));
    }

    fn flush(&mut self, error: &mut Option<String>) {
        self.try_with(error, Terminal::flush);
    }

    fn try_with(&mut self, error: &mut Option<String>, act: impl FnOnce(&mut Terminal) -> io::Result<()>) {
        if let Some(Err(failure)) = self.terminal.as_mut().map(act) {
            error.get_or_insert_with(|| failure.to_string());
            self.terminal = None;
        }
    }
}

struct Stream {
    pipe: Option<File>,
    sink: Sink,
}

impl Stream {
    fn new(pipe: OwnedFd, terminal: Terminal) -> Self {
        // A smaller pipe only costs speed.
        let _ = nix::fcntl::fcntl(&pipe, nix::fcntl::FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
        Stream { pipe: Some(File::from(pipe)), sink: Sink { terminal: Some(terminal) } }
    }
}

struct Reader {
    streams: [Stream; 2],
    combined: Sink,
    woken: Option<PipeReader>,
    progress: Arc<Progress>,
    captured: Captured,
}

impl Reader {
    fn run(mut self, send: oneshot::Sender<Captured>) {
        let mut chunk = vec![0; CHUNK];
        let mut deadline: Option<Instant> = None;
        while self.streams.iter().any(|stream| stream.pipe.is_some()) {
            if deadline.is_some_and(|at| Instant::now() >= at) {
                self.captured.pipe_held = true;
                break;
            }
            if self.wait(deadline) {
                self.woken = None;
                deadline = Some(Instant::now() + LINGER);
            }
            for index in 0..self.streams.len() {
                self.read(index, &mut chunk);
            }
            self.flush();
        }
        let _ = send.send(std::mem::take(&mut self.captured));
        self.drain(&mut chunk);
    }

    /// Blocks until there is something to read or the deadline; says whether the process is gone.
    fn wait(&self, deadline: Option<Instant>) -> bool {
        let timeout = deadline.map_or(PollTimeout::NONE, |at| {
            let left = at.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        let mut fds: Vec<PollFd<'_>> = self
            .streams
            .iter()
            .filter_map(|s| s.pipe.as_ref())
            .map(|p| PollFd::new(p.as_fd(), PollFlags::POLLIN))
            .collect();
        if let Some(woken) = &self.woken {
            fds.push(PollFd::new(woken.as_fd(), PollFlags::POLLIN));
        }
        let _ = poll(&mut fds, timeout);
        self.woken.is_some() && fds.last().is_some_and(|fd| fd.any().unwrap_or(false))
    }

    fn read(&mut self, index: usize, chunk: &mut [u8]) {
        let stream = &mut self.streams[index];
        let Some(pipe) = &mut stream.pipe else { return };
        let mut ready = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::ZERO) == Ok(0) {
            return;
        }
        match pipe.read(chunk) {
            Ok(0) => stream.pipe = None,
            Ok(count) => {
                let bytes = &chunk[..count];
                self.captured.bytes += count as u64;
                self.progress.saw(bytes);
                stream.sink.feed(bytes, &mut self.captured.error);
                self.combined.feed(bytes, &mut self.captured.error);
            }
            Err(error) if error.raw_os_error() == Some(Errno::EINTR as i32) => {}
            Err(error) => {
                self.captured.error.get_or_insert_with(|| format!("cannot read the output: {error}"));
                stream.pipe = None;
            }
        }
    }

    fn flush(&mut self) {
        for stream in &mut self.streams {
            stream.sink.flush(&mut self.captured.error);
        }
        self.combined.flush(&mut self.captured.error);
    }

    /// Closing a pipe would kill a daemon at its next line, so what nobody waits for is read and dropped.
    fn drain(mut self, chunk: &mut [u8]) {
        self.combined.terminal = None;
        for stream in &mut self.streams {
            stream.sink.terminal = None;
        }
        while self.streams.iter().any(|stream| stream.pipe.is_some()) {
            self.wait(None);
            for index in 0..self.streams.len() {
                self.read(index, chunk);
            }
        }
    }
}
