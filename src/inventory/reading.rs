//! Topics of an inventory, each with its own fate: one that fails or does not answer is a gap, and spoils no other.

use std::panic::AssertUnwindSafe;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::survey::Survey;
use super::topic::{Gap, Topic};
use crate::host::Host;

/// The longest time for all topics: a BMC or a drive may keep a reader waiting for ever.
const TIME_LIMIT: Duration = Duration::from_secs(20);

type Answer<T> = (Option<Box<dyn FnOnce(&mut T) + Send>>, Vec<Gap>);

/// A thread that reads topics one after another.
pub(super) struct Reader<'a, T> {
    pub(super) host: &'a Host,
    send: mpsc::Sender<Answer<T>>,
}

impl<T> Reader<'_, T> {
    /// Reads a topic, and sends its value to be put in its place.
    pub(super) fn take<V: Send + 'static>(
        &self,
        topic: Topic,
        read: impl FnOnce(&Survey<'_>) -> V,
        put: impl FnOnce(&mut T, V) + Send + 'static,
    ) {
        let survey = Survey::new(self.host, topic);
        let value = std::panic::catch_unwind(AssertUnwindSafe(|| read(&survey))).ok();
        let mut gaps = survey.into_gaps();
        if value.is_none() {
            gaps.push(Gap::of_all(topic, "the reader failed: this is a defect of this program"));
        }
        let fill = value.map(|value| Box::new(move |all: &mut T| put(all, value)) as Box<dyn FnOnce(&mut T) + Send>);
        // Nobody listens any more only when the deadline is over.
        let _ = self.send.send((fill, gaps));
    }
}

/// Topics that are being read on a thread of their own.
pub(super) struct Thread<T> {
    topic: Topic,
    answers: mpsc::Receiver<Answer<T>>,
}

impl<T: 'static> Thread<T> {
    /// Starts a thread that is called after a topic.
    pub(super) fn start(host: &Host, topic: Topic, read: impl FnOnce(&Reader<'_, T>) + Send + 'static) -> Self {
        let (send, answers) = mpsc::channel();
        let host = host.clone();
        let work = move || read(&Reader { host: &host, send });
        if let Err(error) = std::thread::Builder::new().name(topic.name().to_owned()).spawn(work) {
            tracing::error!(%error, %topic, "no thread for a topic of the inventory");
        }
        Thread { topic, answers }
    }

    /// Starts a thread for one topic.
    pub(super) fn of<V: Send + 'static>(
        host: &Host,
        topic: Topic,
        read: impl FnOnce(&Survey<'_>) -> V + Send + 'static,
        put: impl FnOnce(&mut T, V) + Send + 'static,
    ) -> Self {
        Thread::start(host, topic, move |reader| reader.take(topic, read, put))
    }

    /// Takes the answers until the thread has ended, or the deadline.
    fn finish(self, deadline: Instant, all: &mut T, gaps: &mut Vec<Gap>) {
        loop {
            match self.answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok((fill, own)) => {
                    gaps.extend(own);
                    if let Some(fill) = fill {
                        fill(all);
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let limit = TIME_LIMIT.as_secs();
                    let reason = format!("no answer within {limit} s: some device does not let itself be read");
                    return gaps.push(Gap::of_all(self.topic, reason));
                }
            }
        }
    }
}

/// Takes the answers of all threads in this order, as long as reading may take, and returns what could not be read.
pub(super) fn finish<T: 'static>(threads: impl IntoIterator<Item = Thread<T>>, all: &mut T) -> Vec<Gap> {
    let (deadline, mut gaps) = (Instant::now() + TIME_LIMIT, Vec::new());
    for thread in threads {
        thread.finish(deadline, all, &mut gaps);
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::super::topic::Missing;
    use super::*;

    #[test]
    fn a_reader_that_fails_or_hangs_is_a_gap_and_spoils_no_other() {
        let host = Host::at("/nowhere");
        let (release, wait) = mpsc::channel::<()>();
        let put = |all: &mut Vec<u64>, value: u64| all.push(value);
        let failing = Thread::start(&host, Topic::Memory, move |reader| {
            reader.take(Topic::Memory, |_| panic!("as a defect would"), put);
            reader.take(Topic::Cpu, |_| 7, put);
        });
        let hanging = Thread::start(&host, Topic::Disks, move |reader| {
            reader.take(Topic::Disks, |_| 8, put);
            reader.take(Topic::Bmc, move |_| wait.recv().map_or(0, |()| 9), put);
        });
        let mut all = Vec::new();
        let mut gaps = finish([failing], &mut all);
        assert!(gaps[0].reason.contains("defect"), "{gaps:?}");
        hanging.finish(Instant::now() + Duration::from_millis(200), &mut all, &mut gaps);
        assert_eq!(all, [7, 8], "what was told before stays");
        assert_eq!(gaps.iter().map(|gap| gap.topic).collect::<Vec<_>>(), [Topic::Memory, Topic::Disks]);
        assert!(gaps[1].reason.starts_with("no answer within"), "{gaps:?}");
        assert!(gaps.iter().all(|gap| gap.path == Missing::Everything));
        drop(release);
    }
}
