//! What an inventory costs: wall time, CPU time and peak memory of `shakedown resources` on this machine, on six fixture machines
//! and on one of 10,000 PCI functions and 5,000 disks, each beside a **bare walk**, which opens, reads and closes the same files,
//! lists the same directories and reads the same links, once each by their whole paths, and does nothing with them.
//!
//! What is read is recorded with `strace` (without it nothing is compared). Existence tests and files that are not there are not part of
//! the walk: it knows beforehand what it will find.
//!
//! `cargo bench --bench inventory [-- RUNS]`; the fixture machines come from `SHAKEDOWN_SHARED`. The program is the one that
//! `SHAKEDOWN_BINARY` names, else the static one of `scripts/dev/release`, else the one that cargo builds for the bench.

#[path = "../tests/resources/large.rs"]
mod large;
#[path = "../tests/support/left_out.rs"]
mod left_out;
#[path = "../tests/resources/shared.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod shared;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};

/// A word of the command line that makes this program walk a list, or measure another program.
const WALK: &str = "--walk";
const MEASURE: &str = "--measure";

/// Those of the fixture machines that have much of something.
const MACHINES: [&str; 6] = [
    "own-firecracker-vm",
    "qemu-q35",
    "synth-server",
    "hwloc-40intel64-2g2n4c_pcilocality",
    "hwloc-128arm-2pa2n8cluster4co",
    "ghw-amd64-8581cf3a529e5d8b97ea876eade2f60d",
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [mode, list] if mode == WALK => walk(Path::new(list)),
        [mode, program, rest @ ..] if mode == MEASURE => measure_child(program, rest),
        rest => compare(rest.first().and_then(|runs| runs.parse().ok()).unwrap_or(31)),
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").expect("stdout takes it");
}

/// What one run cost.
#[derive(Clone, Copy, Default)]
struct Cost {
    wall: Duration,
    cpu: Duration,
    /// KiB.
    peak: u64,
}

/// Something to inventory, and what it cost so far.
struct Subject {
    name: String,
    arguments: Vec<String>,
    /// Whether the program that tells about virtualization can be found.
    has_tools: bool,
    list: PathBuf,
    items: usize,
    ours: Vec<Cost>,
    walks: Vec<Cost>,
}

fn compare(runs: usize) {
    let binary = binary();
    let place = shared::temporary();
    let mut kept = Vec::new();
    let mut subjects =
        vec![Subject::new("this machine", None, true), Subject::new("… without systemd-detect-virt", None, false)];
    if let Some(shared) = std::env::var_os("SHAKEDOWN_SHARED").map(PathBuf::from) {
        for name in MACHINES {
            let unpacked = shared::unpack_as_referenced(&shared, name);
            subjects.push(Subject::new(name, Some(&unpacked.root), true));
            kept.push(unpacked);
        }
    } else {
        say("left out: six fixture machines, for SHAKEDOWN_SHARED is not set");
    }
    let tree = place.path().join("large");
    large::write(&tree);
    if let Some(shared) = std::env::var_os("SHAKEDOWN_SHARED").map(PathBuf::from) {
        shared::add_names(&shared, &tree);
    }
    let (disks, partitions) = (large::DISKS, large::PARTITIONS);
    let name = format!("{} functions, {} CPUs, {disks}+{partitions} disks", large::FUNCTIONS, large::THREADS);
    subjects.push(Subject::new(&name, Some(&tree), true));
    for (number, subject) in subjects.iter_mut().enumerate() {
        subject.record(&binary, place.path().join(format!("list{number}")));
    }
    // Interleaved, so that what else the machine does falls on all alike.
    for _ in 0..runs {
        for subject in &mut subjects {
            subject.run(&binary);
        }
    }
    report(&binary, runs, &subjects);
}

/// The program to measure.
fn binary() -> PathBuf {
    if let Some(binary) = std::env::var_os("SHAKEDOWN_BINARY") {
        return binary.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let released = root.join(format!("target/{}-unknown-linux-musl/release/shakedown", std::env::consts::ARCH));
    if released.exists() { released } else { PathBuf::from(env!("CARGO_BIN_EXE_shakedown")) }
}

impl Subject {
    fn new(name: &str, root: Option<&Path>, has_tools: bool) -> Self {
        let root = root.map(|root| ["--root".to_owned(), root.display().to_string()]);
        let arguments = ["resources".to_owned()].into_iter().chain(root.into_iter().flatten()).collect();
        Subject {
            name: name.to_owned(),
            arguments,
            has_tools,
            list: PathBuf::new(),
            items: 0,
            ours: Vec::new(),
            walks: Vec::new(),
        }
    }

    fn path(&self) -> std::ffi::OsString {
        if self.has_tools { std::env::var_os("PATH").unwrap_or_default() } else { "/nowhere".into() }
    }

    /// Records what the program reads, as a list for the walk.
    fn record(&mut self, binary: &Path, list: PathBuf) {
        let traces = list.with_extension("traces");
        fs::create_dir(&traces).expect("a directory");
        // A file for each thread, so that no call is told in two parts. Only the calls that are told are held up.
        let calls = "trace=open,openat,openat2,readlink,readlinkat";
        let mut command = Command::new("strace");
        command.args(["-ff", "--seccomp-bpf", "-qq", "-y", "-s", "4096", "-e", calls, "-o"]);
        command.arg(traces.join("of")).arg(binary).args(&self.arguments);
        let told = command.stdout(Stdio::null()).output();
        let is_slow = |told: &Output| String::from_utf8_lossy(&told.stderr).contains("no answer within");
        if told.as_ref().is_ok_and(is_slow) {
            say(&format!("{}: strace made it too slow to end, so there is no walk to compare it with", self.name));
        } else if told.is_ok_and(|told| told.status.success()) {
            let root = self.arguments.get(2).map_or(Path::new("/"), Path::new);
            let mut items = BTreeSet::new();
            for trace in fs::read_dir(&traces).expect("a directory").filter_map(Result::ok) {
                items.extend(recorded(&fs::read_to_string(trace.path()).expect("what strace wrote"), root));
            }
            self.items = items.len();
            fs::write(&list, items.into_iter().map(|item| item + "\n").collect::<String>()).expect("a list");
            self.list = list;
        }
    }

    fn run(&mut self, binary: &Path) {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        self.ours.push(measure(binary, &arguments, &self.path()));
        if self.items > 0 {
            let own = std::env::current_exe().expect("this program has a path");
            self.walks.push(measure(&own, &[WALK, &self.list.display().to_string()], &self.path()));
        }
    }
}

/// What was opened, as lines of the kind and the path: `f` a file, `d` a directory, `l` a link.
fn recorded(trace: &str, root: &Path) -> BTreeSet<String> {
    let line = |line: &str| {
        let (call, rest) = line.split_once('(')?;
        let (arguments, result) = rest.rsplit_once(" = ")?;
        let path = arguments.split('"').nth(1).filter(|path| !path.is_empty())?;
        // What is looked up from a directory that is open is told as `5</that/directory>, "name"`.
        let from = arguments.split('"').next()?.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
        let path = Path::new(from.map_or("/", |(directory, _)| directory)).join(path);
        // Disks are opened to be asked, not to be read.
        let is_device = path.starts_with("/dev") && (root == "/" || !path.starts_with(root));
        if result.starts_with('-') || path.starts_with("/proc/self/fd") || is_device {
            return None;
        }
        let kind = match call {
            "open" | "openat" | "openat2" if arguments.contains("O_PATH") => return None,
            "open" | "openat" | "openat2" if arguments.contains("O_DIRECTORY") => 'd',
            "open" | "openat" | "openat2" => 'f',
            "readlink" | "readlinkat" => 'l',
            _ => return None,
        };
        Some(format!("{kind} {}", path.display()))
    };
    trace.lines().filter_map(line).collect()
}

/// Reads everything on a list. What has gone since is passed over.
fn walk(list: &Path) {
    let list = fs::read_to_string(list).expect("a list");
    let mut bytes = 0;
    for (kind, path) in list.lines().filter_map(|line| line.split_once(' ')) {
        bytes += match kind {
            "f" => fs::read(path).map_or(0, |content| content.len()),
            "d" => fs::read_dir(path).map_or(0, Iterator::count),
            _ => fs::read_link(path).map_or(0, |target| target.as_os_str().len()),
        };
    }
    std::hint::black_box(bytes);
}

/// Runs a program below a small one that does nothing else, so that what its children used is what the program used.
fn measure(program: &Path, arguments: &[&str], path: &std::ffi::OsStr) -> Cost {
    let own = std::env::current_exe().expect("this program has a path");
    let output = Command::new(own).arg(MEASURE).arg(program).args(arguments).env("PATH", path).output();
    let output = output.expect("this program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [wall, cpu, peak] = *numbers.as_slice() else { panic!("no cost of {}: {text:?}", program.display()) };
    Cost { wall: Duration::from_micros(wall), cpu: Duration::from_micros(cpu), peak }
}

fn measure_child(program: &str, arguments: &[String]) {
    let started = Instant::now();
    let mut command = Command::new(program);
    let status = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let wall = started.elapsed();
    assert!(status.is_ok_and(|status| status.success()), "{program} failed");
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel tells");
    let cpu = usage.user_time() + usage.system_time();
    let cpu = cpu.tv_sec() * 1_000_000 + cpu.tv_usec();
    say(&format!("{} {cpu} {}", wall.as_micros(), usage.max_rss()));
}

fn median<T: Ord + Copy + Default>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn report(binary: &Path, runs: usize, subjects: &[Subject]) {
    let floor = measure(Path::new("/bin/true"), &[], std::ffi::OsStr::new("/bin"));
    say(&format!("{} on {} processors, medians of {runs} interleaved runs", binary.display(), processors()));
    say(&format!("(measuring /bin/true gives {} KiB: no peak can be told that is lower)\n", floor.peak));
    say(&format!(
        "{:44} {:>7} | {:>9} {:>9} {:>5} | {:>9} {:>9} {:>5} | {:>8}",
        "", "items", "wall ms", "walk ms", "ratio", "CPU ms", "walk ms", "ratio", "peak KiB"
    ));
    for subject in subjects {
        let both = |of: fn(&Cost) -> Duration| {
            let [ours, walk] =
                [&subject.ours, &subject.walks].map(|costs| median(costs.iter().map(of)).as_secs_f64() * 1e3);
            format!("{ours:9.2} {walk:9.2} {:5.2}", ours / walk)
        };
        let peak = median(subject.ours.iter().map(|cost| cost.peak));
        let (wall, cpu) = (both(|cost| cost.wall), both(|cost| cost.cpu));
        say(&format!("{:44} {:>7} | {wall} | {cpu} | {peak:>8}", subject.name, subject.items));
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}
