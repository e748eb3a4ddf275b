//! Processes as `process::Command` starts them, with real shells: output that is hard to keep, ends that are hard to reach.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use shakedown::process::{Cause, Command, Ended, Limits, OutputFiles, StartError, stop_marked};
use tokio_util::sync::CancellationToken;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().expect("temporary directory"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A shell that runs some text; `$DIR` is the directory of its output files.
    fn shell(&self, text: &str) -> Command {
        let file = |name: &str| self.path().join(name);
        Command {
            program: "/bin/sh".into(),
            seen: None,
            arguments: vec!["-c".into(), text.into()],
            environment: vec![("DIR".into(), self.path().into())],
            directory: self.path().to_owned(),
            nice: 0,
            output: OutputFiles { combined: file("combined"), stdout: file("out"), stderr: file("err") },
            output_bytes: None,
            memory: None,
        }
    }

    async fn run(&self, text: &str, limits: &Limits) -> Ended {
        let running = self.shell(text).start().await.expect("a shell starts");
        running.wait(limits, &CancellationToken::new()).await.expect("it ends")
    }

    /// Runs a shell until it has written its number to `pid`, then lets it meet its time limit.
    async fn stop(&self, text: &str, grace: Duration) -> Ended {
        let running = self.shell(text).start().await.expect("a shell starts");
        self.pid("pid");
        let limits = Limits { time: Some(Duration::ZERO), grace, hurry: CancellationToken::new() };
        running.wait(&limits, &CancellationToken::new()).await.expect("it ends")
    }

    fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path().join(name)).expect("an output file")).into_owned()
    }

    /// A process id that the shell wrote to a file.
    fn pid(&self, name: &str) -> Pid {
        let path = self.path().join(name);
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(pid) = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()) {
                return Pid::from_raw(pid);
            }
            assert!(Instant::now() < deadline, "nobody wrote {}", path.display());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

fn unlimited() -> Limits {
    Limits { time: None, grace: Duration::from_secs(5), hurry: CancellationToken::new() }
}

/// Whether a process is there and no zombie.
fn is_alive(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Waits until a process that was killed is dead.
fn dies(pid: Pid) -> bool {
    let deadline = Instant::now() + Duration::from_secs(60);
    while is_alive(pid) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    !is_alive(pid)
}

#[tokio::test]
async fn what_is_in_the_pipe_at_the_end_is_kept_whole() {
    let place = Place::new();
    let text = "head -c 3000000 /dev/zero | tr '\\0' e >&2; head -c 3000000 /dev/zero | tr '\\0' o";
    let ended = place.run(text, &unlimited()).await;
    assert_eq!((ended.cause, ended.output.bytes, ended.output.pipe_held), (Cause::Exited, 6_000_000, false));
    assert_eq!((place.read("out"), place.read("err")), ("o".repeat(3_000_000), "e".repeat(3_000_000)));
    assert_eq!(place.read("combined").len(), 6_000_000);
}

#[tokio::test]
async fn a_halted_process_still_gets_its_grace() {
    let place = Place::new();
    let begin = Instant::now();
    let text = "trap 'echo bye; exit 3' TERM; echo $$ >$DIR/pid; kill -STOP $$; sleep 100";
    let ended = place.stop(text, Duration::from_secs(120)).await;
    assert_eq!((ended.cause, ended.status.code()), (Cause::TimedOut, Some(3)));
    assert_eq!(place.read("out"), "bye\n");
    assert!(begin.elapsed() < Duration::from_secs(90), "it did not wait for SIGKILL: {:?}", begin.elapsed());
}

#[tokio::test]
async fn a_flood_is_captured_until_it_is_killed() {
    let place = Place::new();
    let text = "trap '' TERM; echo $$ >$DIR/pid; while :; do yes flood | head -c 4000000; done";
    let ended = place.stop(text, Duration::from_millis(300)).await;
    assert_eq!((ended.cause, ended.status.signal()), (Cause::TimedOut, Some(9)));
    assert!(ended.leftover.is_empty() && !ended.output.pipe_held, "{ended:?}");
    assert_eq!(place.read("out").len() as u64, ended.output.bytes);
}

#[tokio::test]
async fn everyone_is_stopped_and_others_are_not() {
    let (place, other) = (Place::new(), Place::new());
    let beside = other.shell("echo $$ >$DIR/pid; exec sleep 100").start().await.expect("a shell starts");
    let hide = "trap '' TERM; echo \\$\\$ >\\$DIR/pid; while :; do sleep 1; done";
    let text = format!("(setsid sh -c \"{hide}\" &) & exec sleep 100");
    let ended = place.stop(&text, Duration::from_millis(300)).await;
    assert_eq!((ended.cause, ended.status.signal()), (Cause::TimedOut, Some(15)));
    assert!(!is_alive(place.pid("pid")), "it called setsid, lost its parent and ignored SIGTERM");
    let pid = other.pid("pid");
    assert!(is_alive(pid), "it is of another family");
    drop(beside);
    assert!(dies(pid), "nobody waits for it any more");
}

#[tokio::test]
async fn a_normal_exit_leaves_daemons_alone() {
    let place = Place::new();
    let ended = place.run("setsid sleep 100 & echo $! >$DIR/pid; echo done", &unlimited()).await;
    assert_eq!((ended.cause, ended.output.pipe_held), (Cause::Exited, true));
    assert_eq!(ended.leftover.iter().map(|member| member.name.as_str()).collect::<Vec<_>>(), ["sleep"]);
    assert_eq!(place.read("out"), "done\n");
    assert!(is_alive(place.pid("pid")));
    stop_marked(&place.path().join("combined"), Duration::from_secs(5)).await;
    assert!(!is_alive(place.pid("pid")), "it is found by its mark alone");
}

#[tokio::test]
async fn a_deleted_output_file_comes_back() {
    let place = Place::new();
    let ended = place.run("echo one; sleep 0.2; rm $DIR/out $DIR/combined; echo two", &unlimited()).await;
    assert_eq!(ended.output.error, None);
    assert_eq!((place.read("out"), place.read("combined")), ("one\ntwo\n".to_owned(), "one\ntwo\n".to_owned()));
    let ended = place.run("echo three; rm $DIR/out; echo mine >$DIR/out", &unlimited()).await;
    let error = ended.output.error.expect("the place is taken");
    assert!(error.contains("/out: "), "{error}");
    assert_eq!((place.read("out").as_str(), place.read("combined").as_str()), ("mine\n", "one\ntwo\nthree\n"));
}

#[tokio::test]
async fn a_full_disk_costs_one_file_and_is_told() {
    let place = Place::new();
    let mut command = place.shell("head -c 1000000 /dev/zero; echo end >&2");
    command.output.stdout = "/dev/full".into();
    let running = command.start().await.expect("a shell starts");
    let ended = running.wait(&unlimited(), &CancellationToken::new()).await.expect("it ends");
    assert!(ended.status.success(), "it never noticed");
    let error = ended.output.error.expect("what is lost is told");
    assert!(error.starts_with("/dev/full: No space left"), "{error}");
    assert_eq!((place.read("combined").len(), place.read("err").as_str()), (1_000_004, "end\n"));
}

#[tokio::test]
async fn without_output_files_nothing_is_started() {
    let place = Place::new();
    let mut command = place.shell("touch $DIR/started");
    command.output.stderr = place.path().join("absent/err");
    let error = command.start().await.expect_err("nobody could keep its output");
    assert!(matches!(&error, StartError::Output { path, .. } if path.ends_with("absent/err")), "{error}");
    assert!(!place.path().join("started").exists());
}

#[tokio::test]
async fn progress_shows_the_line_that_grows() {
    let place = Place::new();
    let text = "for c in 4 2 ' ' %; do printf %s \"$c\"; sleep 0.05; done; echo; sleep 0.05; echo; printf '\\n\\n'";
    let running = place.shell(text).start().await.expect("a shell starts");
    let progress = running.progress();
    running.wait(&unlimited(), &CancellationToken::new()).await.expect("it ends");
    assert_eq!((progress.last_line().as_str(), progress.bytes()), ("42 %", 8));
}

/// Threads of the kind that captures, open files, and children that nobody collected.
fn held() -> (usize, usize, BTreeSet<String>) {
    let names = |path: &str| std::fs::read_dir(path).expect("/proc").flatten().map(|entry| entry.path());
    let comm = |path: &Path| std::fs::read_to_string(path.join("comm")).unwrap_or_default();
    let threads = names("/proc/self/task").filter(|task| comm(task).trim() == "capture").count();
    let own = format!(" Z {} ", std::process::id());
    let stat = |path: &Path| std::fs::read_to_string(path.join("stat")).unwrap_or_default();
    let zombies = names("/proc").filter(|path| stat(path).contains(&own)).map(|path| stat(&path)).collect();
    (threads, names("/proc/self/fd").count(), zombies)
}

#[test]
fn nothing_is_held_when_all_has_ended() {
    // In a process of its own, where no other test holds anything.
    let own = "nothing_is_held_when_all_has_ended";
    if std::env::var_os("ALONE").is_none() {
        let this = std::env::current_exe().expect("path of this program");
        let alone = std::process::Command::new(this).args(["--exact", own]).env("ALONE", "1").output().expect("a test");
        assert!(alone.status.success(), "{}", String::from_utf8_lossy(&alone.stdout));
        return;
    }
    shakedown::process::adopt_orphans();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let place = Place::new();
        place.run("true", &unlimited()).await;
        let before = held();
        let stop = Arc::new(CancellationToken::new());
        let mut runs = tokio::task::JoinSet::new();
        for number in 0..40 {
            let place = Place::new();
            let stop = Arc::clone(&stop);
            runs.spawn(async move {
                // Orphans end before, with and after their leaders; leaders end at once, which races with the collecting.
                let text =
                    format!("(sleep 0.{number:02} &) ; (true &) ; [ {} = 0 ] || exit 7; exec sleep 100", number % 4);
                let running = place.shell(&text).start().await.expect("a shell starts");
                let ended = running.wait(&unlimited(), &stop).await.expect("its exit status is nobody else's");
                assert_eq!(ended.cause == Cause::Exited, ended.status.code() == Some(7), "{ended:?}");
            });
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
        stop.cancel();
        runs.join_all().await;
        place.run("sleep 0.5", &unlimited()).await;
        assert_eq!(held(), before);
    });
}

#[tokio::test]
async fn a_process_is_killed_when_its_start_is_given_up() {
    let place = Place::new();
    let running = place.shell("echo $$ >$DIR/pid; exec sleep 100").start().await.expect("a shell starts");
    let waiting = tokio::spawn(async move { running.wait(&unlimited(), &CancellationToken::new()).await });
    let pid = place.pid("pid");
    waiting.abort();
    let _ = waiting.await;
    assert!(dies(pid));
}
