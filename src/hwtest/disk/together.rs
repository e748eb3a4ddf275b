//! Several disks at once, a thread each: what one of them does not answer holds up no other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::super::{Rate, Tick};

/// How far a disk is: share, bytes a second, errors.
type Share = (f64, u64, u64);

enum Told<T> {
    Tick(usize, Share),
    Done(usize, Box<T>),
}

/// Runs `test` for each number; `None` of one that did not even end by itself before the deadline.
pub(super) fn together<T: Send + 'static>(
    count: usize,
    phase: &str,
    deadline: Duration,
    test: impl Fn(usize, &mut dyn FnMut(f64, u64, u64)) -> T + Send + Sync + 'static,
    tick: &mut dyn FnMut(Tick),
) -> Vec<Option<T>> {
    let (tell, told) = mpsc::channel();
    let mut found: Vec<Option<T>> = (0..count).map(|_| None).collect();
    let test = Arc::new(test);
    for number in 0..count {
        let (test, tell) = (Arc::clone(&test), tell.clone());
        // A disk without a thread is one without a result.
        let _ = thread::Builder::new().name("disk".into()).spawn(move || {
            let mut last = Instant::now();
            let done = test(number, &mut |share, rate, errors| {
                if last.elapsed() >= Duration::from_millis(250) {
                    last = Instant::now();
                    let _ = tell.send(Told::Tick(number, (share, rate, errors)));
                }
            });
            let _ = tell.send(Told::Done(number, Box::new(done)));
        });
    }
    drop(tell);
    let end = Instant::now() + deadline;
    let mut shares: BTreeMap<usize, Share> = (0..count).map(|number| (number, (0.0, 0, 0))).collect();
    loop {
        match told.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(Told::Tick(number, share)) => {
                shares.insert(number, share);
                tick(joined(phase, &shares));
            }
            Ok(Told::Done(number, done)) => {
                shares.insert(number, (1.0, 0, 0));
                found[number] = Some(*done);
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return found,
        }
    }
}

/// As far as the last of the disks.
fn joined(phase: &str, shares: &BTreeMap<usize, Share>) -> Tick {
    let share = shares.values().map(|(share, ..)| *share).fold(1.0, f64::min);
    let rate: u64 = shares.values().map(|(_, rate, _)| *rate).sum();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let value = (rate as f64 / 1e5).round() / 10.0;
    let errors = shares.values().map(|(.., errors)| *errors).sum();
    Tick {
        phase: phase.to_owned(),
        share,
        rate: Some(Rate { value, unit: "MB/s".to_owned() }),
        errors,
        ..Tick::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_disk_says_how_far_all_are() {
        let tick = joined("read", &BTreeMap::from([(0, (0.5, 100_000_000, 1)), (1, (0.25, 50_000_000, 2))]));
        assert_eq!((tick.share, tick.errors, tick.rate.map(|rate| rate.value)), (0.25, 3, Some(150.0)));
    }

    #[test]
    fn a_disk_that_does_not_end_holds_up_no_other() {
        let (_gate, closed) = mpsc::channel::<()>();
        let closed = std::sync::Mutex::new(closed);
        let found = together(
            2,
            "read",
            Duration::from_millis(300),
            move |number, _| {
                if number == 0 {
                    let _ = closed.lock().map(|closed| closed.recv());
                }
                number
            },
            &mut |_| {},
        );
        assert_eq!(found, [None, Some(1)]);
    }
}
