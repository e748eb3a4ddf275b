//! The figures of a test with a peer, alike at both ends: so both make the same verdict.
#![allow(clippy::cast_precision_loss, reason = "bytes to rates")]

use serde::{Deserialize, Serialize};

use super::message::{Arrived, End, Phase, Received, Row, Sent, Work};
use super::trouble::Trouble;

/// Values of a series at most.
const MOST_POINTS: usize = 3600;

/// All figures.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Measured {
    /// The end that connected.
    pub(super) peer: End,
    /// The end that waited.
    pub(super) listener: End,
    /// From peer to listener.
    pub(super) to_listener: Direction,
    /// From listener to peer.
    pub(super) to_peer: Direction,
    /// Round trips.
    pub(super) trips: Trips,
    /// Connections at a time.
    pub(super) streams: u16,
    /// Datagrams a second.
    pub(super) rate: u32,
}

/// One direction.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Direction {
    /// Bytes that came through connections.
    pub(super) bytes: u64,
    /// Those of the time that counts.
    pub(super) counted: u64,
    /// The time that counts.
    pub(super) millis: u64,
    /// Mbit/s, second by second.
    pub(super) series: Vec<f64>,
    /// Segments that were sent again; `None` where the kernel does not tell.
    pub(super) retransmitted: Option<u64>,
    /// Bytes that were compared with what was sent.
    pub(super) compared: u64,
    /// Bytes that were other ones than were sent.
    pub(super) wrong: u64,
    /// Percent that the busiest processor of the sending end was at work, at most.
    pub(super) busiest_sender: Option<f64>,
    /// Percent that the busiest processor of the receiving end was at work, at most.
    pub(super) busiest_receiver: Option<f64>,
    /// Datagrams that were sent.
    pub(super) datagrams: u64,
    /// Those that never left the sending machine.
    pub(super) held: u64,
    /// Counts of the datagrams that arrived: once, twice, out of order, damaged.
    pub(super) arrived: Arrived,
}

/// Round trips, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Trips {
    /// Answers.
    pub(super) answered: u64,
    /// Questions.
    pub(super) asked: u64,
    /// The shortest.
    pub(super) min: f64,
    /// Half of them.
    pub(super) p50: f64,
    /// 99 of 100.
    pub(super) p99: f64,
    /// The longest.
    pub(super) max: f64,
}

impl Trips {
    /// Of single times.
    pub(super) fn of(mut times: Vec<f64>, asked: u64) -> Self {
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times.get((times.len() * part / 100).min(times.len().saturating_sub(1))).copied();
        let (Some(min), Some(p50), Some(p99), Some(max)) = (at(0), at(50), at(99), times.last().copied()) else {
            return Trips { asked, ..Trips::default() };
        };
        Trips { answered: times.len() as u64, asked, min, p50, p99, max }
    }
}

/// Tenths of a second at the start that do not count, since connections are still finding their pace: 2 s, or a quarter of a short phase.
fn warm_up(tenths: usize) -> usize {
    20.min(tenths / 4)
}

/// Of numbers that another machine told, and that may be any.
fn sum(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0, |sum, number| sum.saturating_add(*number))
}

fn more(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}

impl Direction {
    /// Mbit/s over the time that counts.
    pub(super) fn throughput(&self) -> f64 {
        if self.millis == 0 { 0.0 } else { self.counted as f64 * 8.0 / 1000.0 / self.millis as f64 }
    }

    /// Datagrams that were dropped by one of both machines, and not on the way.
    pub(super) fn dropped(&self) -> u64 {
        self.arrived.dropped_here.saturating_add(self.held)
    }

    /// Datagrams that neither came nor were dropped by one of both machines.
    pub(super) fn lost(&self) -> u64 {
        self.datagrams.saturating_sub(self.arrived.received).saturating_sub(self.dropped())
    }

    /// Percent of `lost` ones.
    pub(super) fn share(&self, lost: u64) -> f64 {
        if self.datagrams == 0 { 0.0 } else { lost as f64 / self.datagrams as f64 * 100.0 }
    }

    /// The busiest processor of both ends.
    pub(super) fn busiest(&self) -> Option<f64> {
        more(self.busiest_sender, self.busiest_receiver)
    }

    /// Adds what both ends say of connections.
    ///
    /// # Errors
    /// The ends do not agree on what was sent, or nothing came in the time that counts.
    pub(super) fn add(&mut self, phase: Phase, sent: &Sent, received: &Received) -> Result<(), Trouble> {
        if sent.bytes != received.bytes {
            return Err(Trouble::Gone(phase.work.words(), "a connection ended before all was through".to_owned()));
        }
        let counted = received.tenths.get(warm_up(received.tenths.len())..).unwrap_or_default();
        let bytes = sum(counted);
        if bytes == 0 {
            return Err(Trouble::Nothing(if phase.work == Work::ToListener {
                "peer to listener"
            } else {
                "listener to peer"
            }));
        }
        // The first tells whether it is known at all.
        let is_first = self.millis == 0;
        self.retransmitted = if is_first {
            sent.retransmitted
        } else {
            self.retransmitted.zip(sent.retransmitted).map(|(one, other)| one.saturating_add(other))
        };
        self.bytes = self.bytes.saturating_add(sum(&received.bytes));
        self.counted = self.counted.saturating_add(bytes);
        self.millis += counted.len() as u64 * 100;
        self.wrong = self.wrong.saturating_add(received.wrong);
        self.compared = self.compared.saturating_add(received.compared);
        self.busiest_sender = more(self.busiest_sender, sent.busiest);
        self.busiest_receiver = more(self.busiest_receiver, received.busiest);
        let seconds = received.tenths.chunks_exact(10).map(|tenths| sum(tenths) as f64 * 8.0 / 1e6);
        let room = MOST_POINTS.saturating_sub(self.series.len());
        self.series.extend(seconds.map(|mbit| (mbit * 10.0).round() / 10.0).take(room));
        Ok(())
    }

    /// Adds a row of datagrams.
    pub(super) fn add_row(&mut self, row: Row, arrived: Arrived) {
        let all = &mut self.arrived;
        self.datagrams = self.datagrams.saturating_add(row.sent);
        self.held = self.held.saturating_add(row.held);
        for (sum, one) in [
            (&mut all.received, arrived.received),
            (&mut all.duplicated, arrived.duplicated),
            (&mut all.reordered, arrived.reordered),
            (&mut all.wrong, arrived.wrong),
            (&mut all.dropped_here, arrived.dropped_here),
        ] {
            *sum = sum.saturating_add(one);
        }
        all.longest_gap = all.longest_gap.max(arrived.longest_gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(millis: u32) -> Phase {
        Phase { id: 1, work: Work::ToPeer, millis, streams: 1, rate: 1 }
    }

    #[test]
    fn the_start_of_a_phase_does_not_count() {
        let mut direction = Direction::default();
        let tenths: Vec<u64> = std::iter::repeat_n(1, 20).chain(std::iter::repeat_n(125_000, 60)).collect();
        let bytes = vec![tenths.iter().sum::<u64>()];
        let sent = Sent { bytes: bytes.clone(), retransmitted: Some(3), busiest: Some(40.0) };
        let received = Received { bytes, tenths, compared: 0, wrong: 0, busiest: Some(91.0) };
        direction.add(phase(8000), &sent, &received).expect("figures");
        assert!((direction.throughput() - 10.0).abs() < 1e-9, "{}", direction.throughput());
        assert_eq!((direction.series.len(), direction.retransmitted, direction.busiest()), (8, Some(3), Some(91.0)));
        direction.add(phase(8000), &sent, &received).expect("figures");
        assert!((direction.throughput() - 10.0).abs() < 1e-9);
        assert_eq!(direction.retransmitted, Some(6));
    }

    #[test]
    fn nothing_received_or_less_than_was_sent_is_no_figure() {
        let sent = |bytes| Sent { bytes: vec![bytes], ..Sent::default() };
        let received =
            |bytes, tenths: &[u64]| Received { bytes: vec![bytes], tenths: tenths.to_vec(), ..Received::default() };
        let add = |sent: &Sent, received: &Received| Direction::default().add(phase(800), sent, received);
        assert!(add(&sent(9), &received(9, &[0, 0, 0, 0, 0, 0, 0, 9])).is_ok());
        assert!(matches!(add(&sent(9), &received(8, &[0, 0, 0, 0, 0, 0, 0, 8])), Err(Trouble::Gone(..))));
        assert!(matches!(add(&sent(9), &received(9, &[9, 0, 0, 0, 0, 0, 0, 0])), Err(Trouble::Nothing(_))));
        assert!(matches!(add(&sent(0), &received(0, &[])), Err(Trouble::Nothing(_))));
    }

    #[test]
    fn what_a_machine_dropped_itself_is_not_lost_on_the_way() {
        let mut direction = Direction::default();
        direction
            .add_row(Row { sent: 1000, held: 0 }, Arrived { received: 980, dropped_here: 15, ..Arrived::default() });
        assert_eq!(direction.lost(), 5);
        assert!((direction.share(5) - 0.5).abs() < 1e-9);
        direction.add_row(Row { sent: 9, held: 4 }, Arrived { received: 5, ..Arrived::default() });
        assert_eq!(direction.lost(), 5, "what never left is not lost");
        direction.add_row(Row::default(), Arrived { dropped_here: u64::MAX - 15, ..Arrived::default() });
        assert_eq!(direction.lost(), 0);
        assert!(Direction::default().share(0).abs() < 1e-9);
    }

    #[test]
    fn round_trips_have_their_parts() {
        let trips = Trips::of((1..=200).rev().map(f64::from).collect(), 201);
        assert_eq!((trips.min, trips.p50, trips.p99, trips.max), (1.0, 101.0, 199.0, 200.0));
        assert_eq!((trips.answered, trips.asked), (200, 201));
        assert_eq!(Trips::of(Vec::new(), 5), Trips { asked: 5, ..Trips::default() });
    }
}
