//! Reading what a process prints, as fast as it prints it, on a thread of its own.

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::sync::oneshot;

use super::bound::{Bound, Tail};
use super::terminal::Terminal;
use super::{OutputFiles, StartError};

/// Kernel buffer of each pipe: a writer need not wait for each read. Four times as much gains nothing.
const PIPE_BYTES: i32 = 256 << 10;
/// Read at once. Twice as much gains a tenth, half as much loses a fifth; thirty captures at once must stay small.
const CHUNK: usize = 128 << 10;
/// How long a pipe that somebody still holds open may delay the end.
const LINGER: Duration = Duration::from_millis(if cfg!(test) { 0 } else { 2000 });
/// How long the rest of the output may take to be written: a disk that no longer answers must not hold up the run.
const LONGEST_WRITE: Duration = Duration::from_secs(120);
/// Longest last line that [`Progress`] shows.
const SHOWN: usize = 160;

/// What has been captured so far; cheap to look at while the process runs.
#[derive(Debug, Default)]
pub struct Progress {
    bytes: AtomicU64,
    last_line: Mutex<LastLine>,
}

#[derive(Debug, Default)]
struct LastLine {
    text: Vec<u8>,
    /// What comes next belongs to it.
    is_open: bool,
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
        String::from_utf8_lossy(&line.text).chars().filter(|c| !c.is_control()).collect()
    }

    fn saw(&self, bytes: &[u8]) {
        self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let ends = |b: &u8| matches!(b, b'\n' | b'\r');
        let tail = &bytes[bytes.len().saturating_sub(4 * SHOWN)..];
        let mut last = self.last_line.lock().unwrap_or_else(PoisonError::into_inner);
        let is_piece = !tail.iter().any(ends);
        if let Some(line) = tail.rsplit(ends).find(|line| is_piece || !line.trim_ascii().is_empty()) {
            if !last.is_open || line.as_ptr() != bytes.as_ptr() {
                last.text.clear();
            }
            let room = SHOWN.saturating_sub(last.text.len());
            last.text.extend_from_slice(&line[..line.len().min(room)]);
        }
        last.is_open = bytes.last().is_some_and(|byte| !ends(byte));
    }
}

/// What became of the output.
#[derive(Debug, Default)]
pub struct Captured {
    /// Bytes read from both streams.
    pub bytes: u64,
    /// A descendant still held a pipe when the result was due; what it prints later is read and dropped.
    pub pipe_held: bool,
    /// Bytes that were not kept since there were more than may be: between head and tail of the file that lost most.
    pub left_out: u64,
    /// The first error of writing an output file; what came after it is lost.
    pub error: Option<String>,
}

/// The output files, opened.
pub(super) struct Files {
    streams: [Sink; 2],
    combined: Sink,
    bound: Bound,
}

impl Files {
    pub(super) fn open(files: &OutputFiles, most: Option<u64>) -> Result<Self, StartError> {
        let open = |path: &Path| match Terminal::open(path) {
            Ok(terminal) => Ok(Sink { terminal: Some(terminal), tail: None }),
            Err(source) => Err(StartError::Output { path: path.to_owned(), source }),
        };
        let bound = Bound::new(most, &files.combined);
        Ok(Files { streams: [open(&files.stdout)?, open(&files.stderr)?], combined: open(&files.combined)?, bound })
    }
}

/// A capture under way.
#[derive(Debug)]
pub(super) struct Capture {
    wake: PipeWriter,
    result: oneshot::Receiver<Captured>,
    pub(super) progress: Arc<Progress>,
}

impl Capture {
    /// Starts reading.
    pub(super) fn start(stdout: OwnedFd, stderr: OwnedFd, files: Files) -> io::Result<Self> {
        let (woken, wake) = io::pipe()?;
        let progress = Arc::new(Progress::default());
        let (send, result) = oneshot::channel();
        let [out, err] = files.streams;
        let reader = Reader {
            streams: [Stream::new(stdout, out), Stream::new(stderr, err)],
            combined: files.combined,
            bound: files.bound,
            woken: Some(woken),
            progress: Arc::clone(&progress),
            captured: Captured::default(),
        };
        std::thread::Builder::new().name("capture".into()).stack_size(128 << 10).spawn(move || reader.run(send))?;
        Ok(Capture { wake, result, progress })
    }

    /// The process is gone: waits for the rest of its output, at most [`LINGER`] for what is yet to be printed.
    pub(super) async fn finish(mut self) -> Captured {
        let _ = self.wake.write_all(b"!");
        let lost = match tokio::time::timeout(LONGEST_WRITE, self.result).await {
            Ok(Ok(captured)) => return captured,
            Ok(Err(_)) => "the capture thread ended without a result",
            Err(_) => "the output files could not be written for minutes",
        };
        Captured { bytes: self.progress.bytes(), error: Some(lost.to_owned()), ..Captured::default() }
    }
}

/// A file that stops being written at its first error, and of which only the tail is kept beyond the bound.
struct Sink {
    terminal: Option<Terminal>,
    tail: Option<Tail>,
}

impl Sink {
    fn feed(&mut self, bytes: &[u8], error: &mut Option<String>) {
        match &mut self.tail {
            Some(tail) => tail.push(bytes),
            None => self.try_with(error, |terminal| terminal.feed(bytes)),
        }
    }

    fn flush(&mut self, error: &mut Option<String>) {
        self.try_with(error, Terminal::flush);
    }

    fn close(&mut self, error: &mut Option<String>) {
        if let Some(tail) = self.tail.take() {
            let text = tail.text();
            self.try_with(error, |terminal| terminal.feed(&text));
        }
        self.try_with(error, Terminal::close);
        self.terminal = None;
    }

    fn try_with(&mut self, error: &mut Option<String>, act: impl FnOnce(&mut Terminal) -> io::Result<()>) {
        let Some(terminal) = &mut self.terminal else { return };
        if let Err(failure) = act(terminal) {
            error.get_or_insert_with(|| format!("{}: {failure}", terminal.path().display()));
            self.terminal = None;
        }
    }
}

struct Stream {
    pipe: Option<File>,
    sink: Sink,
    /// Bytes that were in the pipe when the process was gone: they are its own, and are read however long that takes.
    owed: u64,
}

impl Stream {
    fn new(pipe: OwnedFd, sink: Sink) -> Self {
        // A smaller pipe only costs speed.
        let _ = nix::fcntl::fcntl(&pipe, nix::fcntl::FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
        Stream { pipe: Some(File::from(pipe)), sink, owed: 0 }
    }
}

/// What can be read without waiting.
struct Ready {
    streams: [bool; 2],
    woken: bool,
}

struct Reader {
    streams: [Stream; 2],
    combined: Sink,
    bound: Bound,
    woken: Option<PipeReader>,
    progress: Arc<Progress>,
    captured: Captured,
}

impl Reader {
    fn run(mut self, send: oneshot::Sender<Captured>) {
        let mut chunk = vec![0; CHUNK];
        let mut deadline: Option<Instant> = None;
        while self.is_open() {
            if deadline.is_some_and(|at| Instant::now() >= at) && self.streams.iter().all(|stream| stream.owed == 0) {
                self.captured.pipe_held = true;
                break;
            }
            let ready = self.wait(deadline);
            if ready.woken {
                self.woken = None;
                deadline = Some(Instant::now() + LINGER);
                self.count_owed();
            }
            self.read(&ready, &mut chunk);
            self.each_sink(Sink::flush);
        }
        let left_out = |sink: &Sink| sink.tail.as_ref().map_or(0, Tail::left_out);
        self.captured.left_out = self.streams.iter().map(|stream| left_out(&stream.sink)).sum();
        self.captured.left_out = self.captured.left_out.max(left_out(&self.combined));
        self.each_sink(Sink::close);
        drop(chunk);
        let _ = send.send(std::mem::take(&mut self.captured));
        self.drain();
    }

    fn is_open(&self) -> bool {
        self.streams.iter().any(|stream| stream.pipe.is_some())
    }

    /// Blocks until there is something to read or the deadline.
    fn wait(&self, deadline: Option<Instant>) -> Ready {
        let timeout = deadline.map_or(PollTimeout::NONE, |at| {
            let left = at.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        let [out, err] = self.streams.each_ref().map(|stream| stream.pipe.as_ref().map(AsFd::as_fd));
        let sources = [out, err, self.woken.as_ref().map(AsFd::as_fd)];
        let mut polled: Vec<_> = sources.iter().flatten().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
        // After an error, as when a signal interrupts it, nothing is ready.
        let _ = poll(&mut polled, timeout);
        let mut answers = polled.iter().map(|fd| fd.any().unwrap_or(true));
        let [out, err, woken] = sources.map(|source| source.is_some() && answers.next().unwrap_or(false));
        Ready { streams: [out, err], woken }
    }

    fn count_owed(&mut self) {
        for stream in &mut self.streams {
            stream.owed = stream.pipe.as_ref().and_then(|pipe| rustix::io::ioctl_fionread(pipe).ok()).unwrap_or(0);
        }
    }

    fn read(&mut self, ready: &Ready, chunk: &mut [u8]) {
        for (stream, _) in self.streams.iter_mut().zip(ready.streams).filter(|(_, is_ready)| *is_ready) {
            let Some(pipe) = &mut stream.pipe else { continue };
            match pipe.read(chunk) {
                Ok(0) => (stream.pipe, stream.owed) = (None, 0),
                Ok(count) => {
                    let bytes = &chunk[..count];
                    stream.owed = stream.owed.saturating_sub(count as u64);
                    self.captured.bytes += count as u64;
                    self.progress.saw(bytes);
                    // To the file of its stream and to the one of both.
                    if self.combined.tail.is_none() && self.bound.is_met(2 * count as u64) {
                        self.combined.tail = Some(Tail::default());
                    }
                    if self.combined.tail.is_some() {
                        stream.sink.tail.get_or_insert_default();
                    }
                    stream.sink.feed(bytes, &mut self.captured.error);
                    self.combined.feed(bytes, &mut self.captured.error);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.captured.error.get_or_insert_with(|| format!("cannot read the output: {error}"));
                    (stream.pipe, stream.owed) = (None, 0);
                }
            }
        }
    }

    fn each_sink(&mut self, act: fn(&mut Sink, &mut Option<String>)) {
        for stream in &mut self.streams {
            act(&mut stream.sink, &mut self.captured.error);
        }
        act(&mut self.combined, &mut self.captured.error);
    }

    /// Closing a pipe would kill a daemon at its next line, so what nobody waits for is read and dropped.
    fn drain(mut self) {
        let mut chunk = [0; 4 << 10];
        while self.is_open() {
            let ready = self.wait(None);
            self.read(&ready, &mut chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_pipe_costs_nothing_of_what_was_in_it() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = |name: &str| directory.path().join(name);
        let files = OutputFiles { combined: path("combined"), stdout: path("out"), stderr: path("err") };
        let Files { streams: [out, err], combined, bound } = Files::open(&files, None).expect("files");
        let ((stdout, mut held), (stderr, _)) = (io::pipe().expect("a pipe"), io::pipe().expect("a pipe"));
        let (woken, mut wake) = io::pipe().expect("a pipe");
        let (send, result) = oneshot::channel();
        let streams = [Stream::new(stdout.into(), out), Stream::new(stderr.into(), err)];
        let progress = Arc::default();
        let reader = Reader { streams, combined, bound, woken: Some(woken), progress, captured: Captured::default() };
        let printed = vec![b'x'; CHUNK + CHUNK / 2];
        held.write_all(&printed).expect("the pipe takes it all");
        wake.write_all(b"!").expect("a pipe");
        let thread = std::thread::spawn(move || reader.run(send));
        let captured = result.blocking_recv().expect("a result while the pipe is held");
        assert_eq!((captured.bytes, captured.pipe_held, captured.error), (printed.len() as u64, true, None));
        assert!(std::fs::read(path("out")).expect("an output file") == printed);
        held.write_all(&printed).expect("what a daemon prints later is read");
        drop(held);
        thread.join().expect("the thread ends with the last writer");
        assert!(std::fs::read(path("combined")).expect("an output file") == printed, "and dropped");
    }

    #[test]
    fn the_last_line_is_put_together_of_pieces() {
        let shown = |pieces: &[&str]| {
            let progress = Progress::default();
            for piece in pieces {
                progress.saw(piece.as_bytes());
            }
            (progress.last_line(), progress.bytes())
        };
        assert_eq!(shown(&["4", "2", " ", "%"]), ("42 %".into(), 4));
        assert_eq!(shown(&["one\ntw", "o\n", "\n \n"]), ("two".into(), 11));
        assert_eq!(shown(&["10%\r20", "%\r", "30%"]).0, "30%");
        assert_eq!(shown(&["old\n", "new"]).0, "new");
        assert_eq!(shown(&[&"x".repeat(5000), &"y".repeat(100)]).0, "x".repeat(SHOWN));
    }
}
