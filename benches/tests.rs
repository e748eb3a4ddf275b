//! The loops of the tests of hardware against what other programs do to the same bytes, in CPU seconds: rounds of one and the other in turn,
//! and the median of each, since a busy machine changes its pace. `cargo bench --bench tests [MIB]`
#![allow(missing_docs, clippy::print_stdout, clippy::cast_precision_loss)]

use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use shakedown_kernels::memory::{
    Block, Cells, Element, Generator, Misses, Run, Store, check, copy_block, fill, march, run,
};
use shakedown_kernels::{Isa, Piece};

const ROUNDS: usize = 5;

/// CPU seconds of this process, or of the children that were waited for.
fn cpu(who: UsageWho) -> f64 {
    let usage = getrusage(who).expect("the kernel counts");
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

fn spent(work: &mut dyn FnMut()) -> f64 {
    let before = cpu(UsageWho::RUSAGE_SELF);
    work();
    cpu(UsageWho::RUSAGE_SELF) - before
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A-B-A-B: the medians of both.
fn pair(one: &mut dyn FnMut(), other: &mut dyn FnMut()) -> (f64, f64) {
    let (mut ones, mut others) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ones.push(spent(one));
        others.push(spent(other));
    }
    (median(ones), median(others))
}

struct Cell<'a>(&'a mut Piece, Misses);

impl Cells for Cell<'_> {
    fn element(&mut self, element: Element, background: u64) -> bool {
        run(self.0, Run { element, background }, Isa::best(), &mut self.1);
        true
    }
}

/// CPU seconds of a program; `None` where it is not installed.
fn program(name: &str, words: &[String]) -> Option<f64> {
    let before = cpu(UsageWho::RUSAGE_CHILDREN);
    let done = Command::new(name).args(words).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    done.success().then(|| cpu(UsageWho::RUSAGE_CHILDREN) - before)
}

fn main() {
    let mib: usize = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(256);
    let gib = mib as f64 / 1024.0;
    let mut piece = Piece::get(mib << 20).expect("memory");
    // In the same kind of pages, so that only the loops differ.
    let mut plain = Piece::get(mib << 20).expect("memory");
    let isa = Isa::best();
    println!("{mib} MiB, {isa}, {ROUNDS} rounds in turn, medians in CPU seconds a GiB");

    let (ours, theirs) = {
        use shakedown_kernels::memory::{Direction, Word};
        let mut misses = Misses::default();
        let write = Element { direction: Direction::Up, read: None, write: Some(Word::Background) };
        let read = Element { direction: Direction::Up, read: Some(Word::Background), write: None };
        let mut step = 0_u8;
        pair(
            &mut || {
                for element in [write, read] {
                    run(&mut piece, Run { element, background: 0x5555_5555_5555_5555 }, isa, &mut misses);
                }
            },
            &mut || {
                step = step.wrapping_add(1);
                let bytes = plain.as_mut_slice();
                bytes.fill(step);
                let (one, other) = bytes.split_at(bytes.len() / 2);
                assert!(std::hint::black_box(one) == std::hint::black_box(other));
            },
        )
    };
    println!(
        "fill and check {:.3}, memset and memcmp {:.3}: {:.2} times (limit 1.3)",
        ours / gib,
        theirs / gib,
        ours / theirs
    );

    let generator = Generator::Random { seed: 1 };
    let random = median(
        (0..ROUNDS)
            .map(|_| {
                spent(&mut || {
                    fill(&mut piece, generator, Store::Streaming, isa);
                    check(&mut piece, generator, false, isa, &mut Misses::default());
                })
            })
            .collect(),
    );
    println!("random numbers, filled and checked {:.3}", random / gib);

    let marched = median(
        (0..ROUNDS)
            .map(|_| {
                spent(&mut || {
                    assert!(march(&mut Cell(&mut piece, Misses::default()), 0));
                })
            })
            .collect(),
    );
    let rate = 10.0 * gib / marched;
    print!("March C- {:.3}, {rate:.1} GiB accessed a CPU second; ", marched / gib);
    memtester(rate, marched / gib);
    drop(plain);

    let mut pieces = [piece];
    let blocks = Block::all(&pieces).len() / 2;
    let copied = median(
        (0..ROUNDS)
            .map(|_| {
                spent(&mut || {
                    for number in 0..blocks {
                        let (from, to) = (Block { piece: 0, number }, Block { piece: 0, number: number + blocks });
                        std::hint::black_box(copy_block(&mut pieces, from, to, Store::Cached, isa));
                    }
                })
            })
            .collect(),
    );
    // Half of the piece was copied; read and written bytes both count, as stressapptest counts them.
    let rate = gib / copied * 1.073_741_824;
    print!("copy with checksum {rate:.1} GB read and written a CPU second; ");
    drop(pieces);
    stressapptest(mib, rate);
}

/// memtester's checkerboard (64 rounds, each written and compared) on 64 MiB: the pattern and its inverse in every word, as March C- over one
/// background has them. So both are compared, each access, and all of the work for these patterns (`seconds` a GiB).
fn memtester(ours: f64, seconds: f64) {
    // The mask asks for checkerboard alone; the test of addresses always runs, and is taken off.
    let mask = |mask: &str| {
        let before = cpu(UsageWho::RUSAGE_CHILDREN);
        let done = Command::new("memtester")
            .env("MEMTESTER_TEST_MASK", mask)
            .args(["64M", "1"])
            .stdout(Stdio::null())
            .status();
        done.ok().map(|_| cpu(UsageWho::RUSAGE_CHILDREN) - before)
    };
    match (mask("1024"), mask("0x40000000")) {
        (Some(both), Some(addresses)) if both > addresses => {
            // Each round writes both halves and reads both halves.
            let rate = 64.0 * 2.0 * 64.0 / 1024.0 / (both - addresses);
            let whole = (both - addresses) * 1024.0 / 64.0;
            println!("memtester's checkerboard {rate:.2}: {:.1} times", ours / rate);
            println!(
                "the same patterns on a GiB: March C- {seconds:.3}, memtester {whole:.1}: {:.0} times (limit 20)",
                whole / seconds
            );
        }
        _ => println!("memtester is not installed"),
    }
}

fn stressapptest(mib: usize, ours: f64) {
    let words = |seconds: u64| ["-M", &mib.to_string(), "-s", &seconds.to_string(), "-m", "1"].map(str::to_owned);
    let Some(_) = program("stressapptest", &words(1)) else {
        println!("stressapptest is not installed");
        return;
    };
    let before = cpu(UsageWho::RUSAGE_CHILDREN);
    let output = Command::new("stressapptest").args(words(10)).output().expect("it ran before");
    let seconds = cpu(UsageWho::RUSAGE_CHILDREN) - before;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // "Stats: Memory Copy: 46983.00M at 2349.03MB/s"
    let line = text.lines().find_map(|line| line.split_once("Memory Copy: ").map(|(_, rest)| rest));
    let megabytes: Option<f64> = line.and_then(|rest| rest.split('M').next()?.trim().parse().ok());
    match megabytes {
        Some(megabytes) => {
            let rate = megabytes / 1000.0 / seconds;
            println!("stressapptest {rate:.1}: {:.2} times", ours / rate);
        }
        None => println!("stressapptest said nothing of copies after {:?}", Duration::from_secs(10)),
    }
}
