//! One pass over parts of a disk: threads that read, one that collects, and a watchdog, since a read that hangs cannot be ended.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::content::Content;
use super::errno::Fault;
use super::medium::{Buffer, Medium, OwnWait};
use super::narrow::{self, Limits, Narrowed, Recovery};
use super::plan::{Plan, REQUEST};

/// How often the collector looks whether a disk still answers.
pub(super) const LOOK: Duration = Duration::from_millis(100);
/// A thread that reads needs little.
pub(super) const STACK: usize = 128 << 10;

/// How to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// Requests in flight.
    pub(super) depth: usize,
    /// Smallest unit that the medium can lose, in bytes.
    pub(super) physical_block: u64,
    /// No answer for this long: the disk hangs.
    pub(super) silence: Duration,
    /// When to stop and say what is left, as the medium's clock counts.
    pub(super) until: Duration,
    /// How much is spent on what cannot be read.
    pub(super) limits: Limits,
}

/// One request that was answered with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// Where.
    pub(super) offset: u64,
    /// Bytes.
    pub(super) bytes: u64,
    /// From its start, or the answer before it, to its answer, without the wait for processors: what the disk took for it.
    pub(super) service: Duration,
    /// From its start, or the answer before it, to its answer. The sum over all requests is the time of the pass.
    pub(super) busy: Duration,
    /// From its start to its answer.
    pub(super) latency: Duration,
    /// How long the thread got no processor meanwhile.
    pub(super) waited: Duration,
    /// Kind of data that the request returned.
    pub(super) content: Content,
}

/// Event that a pass reports while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A request that was read.
    Read(Read),
    /// A request that could not be read at once, and what became of it.
    Bad(Range<u64>, Narrowed),
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// All was read or found to be unreadable.
    Complete,
    /// The time was over.
    TimeOver,
    /// So much could not be read that more would tell nothing new.
    EnoughErrors,
    /// Every further read would fail.
    Final(Fault),
    /// The disk has not answered for this long.
    Silent(Duration),
}

struct Shared {
    medium: Arc<dyn Medium>,
    requests: Mutex<Box<dyn Iterator<Item = Range<u64>> + Send>>,
    stop: AtomicBool,
    /// For each thread, when its read began, in nanoseconds and one; 0 while none is under way.
    under_way: Vec<AtomicU64>,
    recovery: Recovery,
    physical_block: u64,
    until: Duration,
}

enum Told {
    Read { range: Range<u64>, start: Duration, end: Duration, waited: Duration, content: Content },
    Bad(Range<u64>, Narrowed),
    Final(Fault),
}

/// Reads what a plan says; `each` hears of every request.
///
/// The threads of a disk that hangs are left behind: nobody can end them.
pub(super) fn pass(medium: &Arc<dyn Medium>, plan: &Plan, manner: &Manner, mut each: impl FnMut(Step)) -> End {
    let (tell, told) = mpsc::channel();
    let shared = Arc::new(Shared {
        medium: Arc::clone(medium),
        requests: Mutex::new(Box::new(plan.requests(REQUEST))),
        stop: AtomicBool::new(false),
        under_way: (0..manner.depth.max(1)).map(|_| AtomicU64::new(0)).collect(),
        recovery: Recovery::new(manner.limits),
        physical_block: manner.physical_block,
        until: manner.until,
    });
    for number in 0..manner.depth.max(1) {
        let (shared, tell) = (Arc::clone(&shared), tell.clone());
        let started =
            thread::Builder::new().name("disk".into()).stack_size(STACK).spawn(move || work(&shared, number, &tell));
        if started.is_err() && number == 0 {
            return End::Final(Fault::Resource);
        }
    }
    drop(tell);
    let (mut last_end, mut end) = (Duration::ZERO, End::Complete);
    let mut excused = Duration::ZERO;
    loop {
        let looked = Instant::now();
        let heard = told.recv_timeout(LOOK);
        // Who was kept from running knows nothing of the disk meanwhile.
        excused += looked.elapsed().saturating_sub(LOOK * 5);
        match heard {
            Ok(Told::Read { range, start, end: at, waited, content }) => {
                let busy = at.saturating_sub(start.max(last_end));
                let service = busy.saturating_sub(waited);
                last_end = last_end.max(at);
                let latency = at.saturating_sub(start);
                each(Step::Read(Read {
                    offset: range.start,
                    bytes: range.end - range.start,
                    service,
                    busy,
                    latency,
                    waited,
                    content,
                }));
            }
            Ok(Told::Bad(range, found)) => {
                last_end = last_end.max(medium.now());
                each(Step::Bad(range, found));
            }
            Ok(Told::Final(fault)) => {
                shared.stop.store(true, Ordering::Relaxed);
                end = End::Final(fault);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if let Some(silent) = shared.silent(manner.silence + excused) {
            shared.stop.store(true, Ordering::Relaxed);
            return End::Silent(silent);
        }
        if end == End::Complete && shared.recovery.is_over() {
            shared.stop.store(true, Ordering::Relaxed);
            end = End::EnoughErrors;
        }
    }
    match end {
        End::Complete if shared.next().is_some() => End::TimeOver,
        end => end,
    }
}

impl Shared {
    fn next(&self) -> Option<Range<u64>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).next()
    }

    /// For how long the slowest thread has had no answer, if that is too long.
    fn silent(&self, most: Duration) -> Option<Duration> {
        let now = self.medium.now();
        let starts = self.under_way.iter().map(|start| start.load(Ordering::Relaxed)).filter(|start| *start > 0);
        let longest = starts.map(|start| now.saturating_sub(Duration::from_nanos(start - 1))).max()?;
        (longest >= most).then_some(longest)
    }

    fn begin(&self, number: usize) {
        let now = u64::try_from(self.medium.now().as_nanos()).unwrap_or(u64::MAX - 1);
        self.under_way[number].store(now + 1, Ordering::Relaxed);
    }
}

fn work(shared: &Shared, number: usize, tell: &Sender<Told>) {
    let mut buffer = Buffer::new(usize::try_from(REQUEST).unwrap_or(1 << 20));
    let mut watch = OwnWait::of_this_thread();
    let mut is_first = true;
    // A machine that was busy until the time was over reads a little all the same: else nothing would be known of a good disk.
    while !shared.stop.load(Ordering::Relaxed) && (std::mem::take(&mut is_first) || shared.medium.now() < shared.until)
    {
        let Some(range) = shared.next() else { break };
        let length = usize::try_from(range.end - range.start).unwrap_or(0);
        shared.begin(number);
        let answer = shared.medium.read(range.start, buffer.first(length), &mut watch);
        shared.under_way[number].store(0, Ordering::Relaxed);
        let told = if answer.result == Ok(length) {
            let content = Content::of(buffer.first(length));
            Told::Read { range, start: answer.start, end: answer.end, waited: answer.waited, content }
        } else {
            let mut read = |place: Range<u64>| {
                shared.begin(number);
                let length = usize::try_from(place.end - place.start).unwrap_or(0);
                let answer = shared.medium.read(place.start, buffer.first(length), &mut watch);
                shared.under_way[number].store(0, Ordering::Relaxed);
                answer
            };
            match narrow::narrow(range.clone(), &answer, shared.physical_block, &shared.recovery, &mut read) {
                Ok(found) => Told::Bad(range, found),
                Err(fault) => Told::Final(fault),
            }
        };
        let is_final = matches!(told, Told::Final(_));
        if tell.send(told).is_err() || is_final {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::super::medium::Answer;
    use super::super::medium::simulated::{Bad, Simulated};
    use super::*;

    const MIB: u64 = 1 << 20;

    fn manner(depth: usize) -> Manner {
        Manner {
            depth,
            physical_block: 4096,
            silence: Duration::from_secs(30),
            until: Duration::from_secs(3600),
            limits: Limits { places: 100, time: Duration::from_secs(600) },
        }
    }

    fn run(disk: Simulated, manner: &Manner) -> (End, Vec<Step>) {
        let plan = Plan::whole(disk.size);
        let medium: Arc<dyn Medium> = Arc::new(disk);
        let mut steps = Vec::new();
        let end = pass(&medium, &plan, manner, |step| steps.push(step));
        (end, steps)
    }

    #[test]
    fn every_byte_is_read_once_by_any_number_of_threads() {
        for depth in [1, 8] {
            let (end, steps) =
                run(Simulated { size: 33 * MIB + 512, pace: 1000, ..Simulated::default() }, &manner(depth));
            assert_eq!(end, End::Complete);
            let mut places: Vec<_> = steps
                .iter()
                .map(|step| match step {
                    Step::Read(read) => (read.offset, read.bytes),
                    Step::Bad(..) => panic!("nothing is bad: {step:?}"),
                })
                .collect();
            places.sort_unstable();
            let expected: Vec<_> = (0..33).map(|at| (at * MIB, MIB)).chain([(33 * MIB, 512)]).collect();
            assert_eq!(places, expected);
        }
    }

    #[test]
    fn a_bad_place_stops_nothing() {
        let bad = Bad { range: MIB..MIB + 512, errno: Errno::EIO, times: None, takes: Duration::from_secs(1) };
        let (end, steps) = run(Simulated { size: 4 * MIB, bad: vec![bad].into(), ..Simulated::default() }, &manner(1));
        assert_eq!((end, steps.len()), (End::Complete, 4));
        assert!(
            matches!(&steps[1], Step::Bad(range, found) if *range == (MIB..2 * MIB) && found.places[0].range == (MIB..MIB + 4096))
        );
    }

    #[test]
    fn a_pass_ends_when_its_time_is_over_and_says_so() {
        let slow = Simulated { size: 64 * MIB, pace: 1_000_000, ..Simulated::default() };
        let (end, steps) = run(slow, &Manner { until: Duration::from_secs(5), ..manner(1) });
        assert_eq!(end, End::TimeOver);
        assert!((4..10).contains(&steps.len()), "{}", steps.len());
    }

    #[test]
    fn a_drive_that_went_away_or_is_not_ours_ends_the_pass() {
        for (errno, fault) in [(Errno::ENODEV, Fault::Gone), (Errno::EBADE, Fault::Reserved)] {
            let bad = Bad { range: 0..64 * MIB, errno, times: None, takes: Duration::ZERO };
            let (end, steps) =
                run(Simulated { size: 64 * MIB, bad: vec![bad].into(), ..Simulated::default() }, &manner(4));
            assert_eq!((end, steps.len()), (End::Final(fault), 0));
        }
    }

    /// A drive whose second read never ends until the test is over.
    struct Hanging {
        clock: Mutex<Duration>,
        gate: Mutex<()>,
    }

    impl Medium for Hanging {
        fn read(&self, offset: u64, buffer: &mut [u8], _: &mut OwnWait) -> Answer {
            let start = self.now();
            if offset > 0 {
                drop(self.gate.lock());
            }
            Answer { result: Ok(buffer.len()), start, end: start, waited: Duration::ZERO }
        }
        fn now(&self) -> Duration {
            let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
            *clock += Duration::from_millis(200);
            *clock
        }
        fn size(&self) -> u64 {
            64 * MIB
        }
    }

    #[test]
    fn a_drive_that_hangs_is_left_after_its_silence_and_the_scan_goes_on() {
        let hanging = Arc::new(Hanging { clock: Mutex::default(), gate: Mutex::default() });
        let closed = hanging.gate.lock().expect("a lock");
        let medium: Arc<dyn Medium> = Arc::clone(&hanging) as Arc<dyn Medium>;
        let end =
            pass(&medium, &Plan::whole(64 * MIB), &Manner { silence: Duration::from_secs(2), ..manner(2) }, |_| {});
        drop(closed);
        assert!(matches!(end, End::Silent(time) if time >= Duration::from_secs(2)), "{end:?}");
    }
}
