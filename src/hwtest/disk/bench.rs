//! Figures without writing: how quick a disk reads in a row and at random, and how long single reads take.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::content::Content;
use super::errno::Fault;
use super::histogram::Histogram;
use super::medium::{Buffer, Medium, OwnWait};
use super::pass::{LOOK, STACK};
use super::plan::REQUEST;

/// Places of a disk at which its rate in a row is measured: outer tracks are quicker than inner ones.
pub(super) const PLACES: u64 = 5;
/// Bytes of a random read.
pub(super) const SMALL: u64 = 4096;

/// A way to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// 1 MiB in a row, at several places.
    Sequential,
    /// 4 KiB anywhere.
    Random,
}

/// Conditions under which a figure is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Course {
    /// How places are chosen.
    pub(super) way: Way,
    /// Requests in flight.
    pub(super) depth: usize,
    /// How long it is measured.
    pub(super) time: Duration,
    /// No answer for this long: the disk hangs.
    pub(super) silence: Duration,
    /// Seed of the random places.
    pub(super) seed: u64,
}

/// How quick a disk was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Figure {
    /// Bytes read.
    pub(super) bytes: u64,
    /// Time from the first start to the last answer.
    pub(super) time: Duration,
    /// Time of each request.
    pub(super) latency: Histogram,
    /// Time in which threads of this program got no processor, over all threads.
    pub(super) own_wait: Duration,
    /// Requests without data of their own.
    pub(super) unwritten: u64,
}

impl Figure {
    /// 10^6 bytes a second.
    #[must_use]
    pub(super) fn megabytes(&self) -> f64 {
        per_second(self.bytes, self.time) / 1e6
    }

    /// Requests a second.
    #[must_use]
    pub(super) fn requests(&self) -> f64 {
        per_second(self.latency.count(), self.time)
    }

    fn add(&mut self, other: &Figure) {
        self.bytes += other.bytes;
        self.time = self.time.max(other.time);
        self.latency.merge(&other.latency);
        self.own_wait += other.own_wait;
        self.unwritten += other.unwritten;
    }
}

fn per_second(count: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let count = count as f64;
    if time.is_zero() { 0.0 } else { count / time.as_secs_f64() }
}

/// Why there is no figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// A read failed.
    Read(Fault),
    /// The disk has not answered for this long.
    Silent(Duration),
    /// The disk is smaller than one request.
    TooSmall,
}

/// Measures; `Err` when a read fails, since errors take a time of their own.
///
/// # Errors
/// See [`Broken`].
pub(super) fn measure(medium: &Arc<dyn Medium>, course: &Course) -> Result<Figure, Broken> {
    let bytes = match course.way {
        Way::Sequential => REQUEST,
        Way::Random => SMALL,
    };
    if medium.size() < bytes {
        return Err(Broken::TooSmall);
    }
    let begun = medium.now();
    let places = Arc::new(Places {
        size: medium.size(),
        bytes,
        way: course.way,
        // Without any time each thread still reads once.
        time: course.time.max(Duration::from_nanos(1)),
        begun,
        next: Mutex::default(),
    });
    let (tell, told) = mpsc::channel();
    let answered = Arc::new(AtomicU64::new(nanoseconds(begun)));
    for number in 0..course.depth.max(1) {
        let (medium, places, tell) = (Arc::clone(medium), Arc::clone(&places), tell.clone());
        let answered = Arc::clone(&answered);
        let seed = course.seed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let run = move || {
            let _ = tell.send(work(medium.as_ref(), &places, &answered, seed));
        };
        if thread::Builder::new().name("disk".into()).stack_size(STACK).spawn(run).is_err() {
            return Err(Broken::Read(Fault::Resource));
        }
    }
    drop(tell);
    let (mut figure, mut broken) = (Figure::default(), None);
    let mut excused = Duration::ZERO;
    loop {
        let looked = Instant::now();
        let heard = told.recv_timeout(LOOK);
        // Who was kept from running knows nothing of the disk meanwhile.
        excused += looked.elapsed().saturating_sub(LOOK * 5);
        match heard {
            Ok(Ok(part)) => figure.add(&part),
            Ok(Err(fault)) => broken = Some(Broken::Read(fault)),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let silent = medium.now().saturating_sub(Duration::from_nanos(answered.load(Ordering::Relaxed)));
                if silent > course.silence + excused {
                    return Err(Broken::Silent(silent));
                }
            }
        }
    }
    broken.map_or(Ok(figure), Err)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Hands out the places of sequential reads.
struct Places {
    size: u64,
    bytes: u64,
    way: Way,
    time: Duration,
    begun: Duration,
    next: Mutex<(u64, u64)>,
}

impl Places {
    /// The next place; `None` at the end of the time.
    fn next(&self, now: Duration, random: &mut u64) -> Option<u64> {
        let spent = now.saturating_sub(self.begun);
        if spent >= self.time {
            return None;
        }
        let whole = self.size / self.bytes;
        if self.way == Way::Random {
            return Some(splitmix(random) % whole * self.bytes);
        }
        let place = spent.as_nanos() * u128::from(PLACES) / self.time.as_nanos().max(1);
        let place = u64::try_from(place).unwrap_or(0).min(PLACES - 1);
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        if next.0 != place {
            *next = (place, 0);
        }
        let first = (whole - 1) * place / (PLACES - 1);
        // At the last place, the way goes towards the end and then begins anew.
        let back = first.min(4096);
        let at = (first - back + next.1 % whole.clamp(1, 4096)) % whole;
        next.1 += 1;
        Some(at * self.bytes)
    }
}

fn work(medium: &dyn Medium, places: &Places, answered: &AtomicU64, seed: u64) -> Result<Figure, Fault> {
    let length = usize::try_from(places.bytes).unwrap_or(4096);
    let (mut buffer, mut watch, mut random) = (Buffer::new(length), OwnWait::of_this_thread(), seed);
    let mut figure = Figure::default();
    // The first one in any case: a thread that came late has no figure otherwise.
    let mut now = places.begun;
    while let Some(at) = places.next(now, &mut random) {
        let answer = medium.read(at, buffer.first(length), &mut watch);
        now = answer.end;
        answered.fetch_max(nanoseconds(now), Ordering::Relaxed);
        match answer.result {
            Ok(bytes) if bytes == length => {}
            Ok(_) => return Err(Fault::Unknown),
            Err(errno) => return Err(Fault::of(errno)),
        }
        figure.bytes += places.bytes;
        figure.latency.add(now.saturating_sub(answer.start));
        figure.own_wait += answer.waited;
        figure.time = now.saturating_sub(places.begun);
        if places.way == Way::Sequential {
            figure.unwritten += u64::from(Content::of(buffer.first(length)).may_be_unwritten());
        } else {
            // A single block of zeros or ones.
            let first = buffer.first(length)[0];
            let is_empty = matches!(first, 0 | 0xff) && buffer.first(length).iter().all(|byte| *byte == first);
            figure.unwritten += u64::from(is_empty);
        }
    }
    Ok(figure)
}

/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
pub(super) fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::super::medium::simulated::{Bad, Simulated};
    use super::*;

    const MIB: u64 = 1 << 20;

    fn measured(disk: Simulated, way: Way) -> (Result<Figure, Broken>, Vec<u64>) {
        let disk = Arc::new(disk);
        let course =
            Course { way, depth: 1, time: Duration::from_secs(1), silence: Duration::from_secs(3600), seed: 7 };
        let medium: Arc<dyn Medium> = Arc::clone(&disk) as Arc<dyn Medium>;
        let figure = measure(&medium, &course);
        let asked = disk.asked.lock().expect("a lock").keys().map(|(offset, _)| *offset).collect();
        (figure, asked)
    }

    #[test]
    fn rates_and_percentiles_are_those_of_the_disk() {
        // 1 ms for each 4 KiB: 1,000 reads a second, 4.096 MB/s.
        let (figure, asked) = measured(Simulated { size: 1 << 40, pace: 250_000, ..Simulated::default() }, Way::Random);
        let figure = figure.expect("a figure");
        assert!((figure.requests() - 1000.0).abs() < 1.0, "{}", figure.requests());
        assert!((figure.megabytes() - 4.096).abs() < 0.01);
        assert_eq!(figure.latency.permille(500), Duration::from_millis(1));
        assert!(asked.len() > 990 && asked.iter().all(|at| at % 4096 == 0), "all over the disk");
        assert!(asked.iter().any(|at| *at < 1 << 37) && asked.iter().any(|at| *at > 7 << 37));
    }

    #[test]
    fn reads_in_a_row_are_at_five_places_of_the_disk() {
        let (figure, asked) =
            measured(Simulated { size: 1 << 40, pace: 9_540, ..Simulated::default() }, Way::Sequential);
        assert!((figure.expect("a figure").megabytes() - 107.0).abs() < 2.0);
        for place in 0..5 {
            let near = |at: &&u64| at.abs_diff((1 << 40) / 4 * place) <= 4097 * MIB;
            assert!(asked.iter().filter(near).count() > 15, "place {place}");
        }
        assert!(asked.iter().all(|at| at + MIB <= 1 << 40));
    }

    #[test]
    fn a_disk_with_errors_or_of_a_few_blocks_has_no_figure() {
        let bad = Bad { range: 0..1 << 40, errno: Errno::EIO, times: None, takes: Duration::ZERO };
        let (figure, _) =
            measured(Simulated { size: 1 << 40, bad: vec![bad].into(), ..Simulated::default() }, Way::Random);
        assert_eq!(figure, Err(Broken::Read(Fault::Unknown)));
        assert_eq!(measured(Simulated { size: 512, ..Simulated::default() }, Way::Sequential).0, Err(Broken::TooSmall));
        let (figure, _) = measured(Simulated { size: MIB, pace: 1000, ..Simulated::default() }, Way::Sequential);
        assert!(figure.is_ok_and(|figure| figure.bytes > 0), "one request is enough for a place");
    }
}
