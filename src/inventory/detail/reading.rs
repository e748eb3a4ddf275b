//! Topics of the deep inventory, each read on its own thread and with its own fate: one that fails or does not answer is a gap.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::super::survey::Survey;
use super::super::topic::{Gap, Topic};
use crate::host::Host;

/// A topic that takes longer is told as a gap: a BMC or a drive may keep a reader waiting for ever.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(20);

/// A topic that is being read.
pub(super) struct Reading<T> {
    topic: Topic,
    answer: mpsc::Receiver<(T, Vec<Gap>)>,
}

impl<T: Default + Send + 'static> Reading<T> {
    pub(super) fn start(host: &Host, topic: Topic, read: impl FnOnce(&Survey<'_>) -> T + Send + 'static) -> Self {
        let (send, answer) = mpsc::sync_channel(1);
        let host = host.clone();
        let work = move || {
            let survey = Survey::new(&host, topic);
            let value = read(&survey);
            // Nobody listens any more only when the deadline is over.
            let _ = send.send((value, survey.into_gaps()));
        };
        if let Err(error) = std::thread::Builder::new().name(topic.name().to_owned()).spawn(work) {
            tracing::error!(%error, %topic, "no thread for a topic of the inventory");
        }
        Reading { topic, answer }
    }

    /// What was read until the deadline, else nothing and a gap.
    pub(super) fn finish(self, deadline: Instant, gaps: &mut Vec<Gap>) -> T {
        let reason = match self.answer.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok((value, own)) => {
                gaps.extend(own);
                return value;
            }
            Err(mpsc::RecvTimeoutError::Timeout) => "no answer in time: some device does not let itself be read",
            Err(mpsc::RecvTimeoutError::Disconnected) => "the reader failed: this is a defect of this program",
        };
        gaps.push(Gap::of_all(self.topic, reason));
        T::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::topic::Missing;
    use super::*;

    #[test]
    fn a_reader_that_fails_or_hangs_is_a_gap() {
        let host = Host::at("/nowhere");
        let failing: Reading<u64> = Reading::start(&host, Topic::Disks, |_| panic!("as a defect would"));
        let (release, wait) = mpsc::channel::<()>();
        let hanging: Reading<u64> = Reading::start(&host, Topic::Bmc, move |_| wait.recv().map_or(0, |()| 7));
        let good = Reading::start(&host, Topic::Power, |_| 7u64);
        let mut gaps = Vec::new();
        assert_eq!(good.finish(Instant::now() + TIME_LIMIT, &mut gaps), 7);
        assert_eq!(failing.finish(Instant::now() + TIME_LIMIT, &mut gaps), 0);
        assert_eq!(hanging.finish(Instant::now(), &mut gaps), 0);
        assert_eq!(gaps.iter().map(|gap| gap.topic).collect::<Vec<_>>(), [Topic::Disks, Topic::Bmc]);
        assert!(gaps.iter().all(|gap| gap.path == Missing::Everything));
        drop(release);
    }
}
