//! Messages between both ends. The peer chooses each phase; the listener runs it within bounds of its own.

use serde::{Deserialize, Serialize};

use super::measured::Measured;

/// Most connections at a time.
pub(super) const MOST_STREAMS: u16 = 8;
/// Longest phase.
pub(super) const MOST_MILLIS: u32 = 60_000;
/// Most datagrams a second.
pub(super) const MOST_RATE: u32 = 20_000;

/// A message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Message {
    /// Of both, first.
    End(End),
    /// Of the peer: what to do next.
    Begin(Phase),
    /// Of the listener: it is ready.
    Ready,
    /// Of the listener: all connections are there; begin.
    Go,
    /// Of both: the round trips are over.
    Over,
    /// Of the sending end of connections.
    Sent(Sent),
    /// Of the receiving end of connections.
    Received(Received),
    /// Of both: datagrams that were sent.
    DatagramsSent(Row),
    /// Of both: datagrams that came.
    DatagramsReceived(Arrived),
    /// Of the peer: all figures, from which both ends make the same verdict.
    Figures(Box<Measured>),
    /// Of the listener: it has the figures.
    Farewell,
    /// Of the listener: what was asked is beyond its bounds.
    Declined(String),
}

/// One end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct End {
    /// The interface that carries the test.
    pub(super) interface: String,
    /// Mbit/s of its link; `None` where nobody knows.
    pub(super) speed: Option<u64>,
    /// There is hardware behind it.
    pub(super) has_hardware: bool,
    /// Processors of the machine.
    pub(super) cores: u16,
    /// Port for datagrams.
    pub(super) datagram_port: u16,
    /// Seconds that are left.
    pub(super) seconds: u64,
    /// Seed of all data; that of the peer counts.
    pub(super) seed: u64,
}

/// Kind of traffic in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Work {
    /// Datagrams there and back, one at a time.
    RoundTrips,
    /// Connections, from the peer to the listener.
    ToListener,
    /// Connections, from the listener to the peer.
    ToPeer,
    /// Datagrams at a pace, both ways at once.
    Datagrams,
}

impl Work {
    /// In words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Work::RoundTrips => "round trips",
            Work::ToListener => "throughput from peer to listener",
            Work::ToPeer => "throughput from listener to peer",
            Work::Datagrams => "loss of datagrams",
        }
    }
}

/// A part of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Phase {
    /// Its number; each one is used once.
    pub(super) id: u32,
    /// Kind of traffic.
    pub(super) work: Work,
    /// How long.
    pub(super) millis: u32,
    /// Connections.
    pub(super) streams: u16,
    /// Datagrams a second.
    pub(super) rate: u32,
}

impl Phase {
    /// True if the phase is within the bounds of a listener.
    pub(super) fn is_within_bounds(&self) -> bool {
        (1..=MOST_MILLIS).contains(&self.millis)
            && (1..=MOST_STREAMS).contains(&self.streams)
            && (1..=MOST_RATE).contains(&self.rate)
    }
}

/// Counts of the sending end of connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sent {
    /// Bytes of each connection.
    pub(super) bytes: Vec<u64>,
    /// Segments that were sent again.
    pub(super) retransmitted: Option<u64>,
    /// Percent that the busiest processor was at work.
    pub(super) busiest: Option<f64>,
}

/// Counts of the receiving end of connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Received {
    /// Bytes of each connection.
    pub(super) bytes: Vec<u64>,
    /// Bytes of all in each tenth of a second.
    pub(super) tenths: Vec<u64>,
    /// Bytes that were compared with what was sent.
    pub(super) compared: u64,
    /// Bytes that were other ones than were sent.
    pub(super) wrong: u64,
    /// Percent that the busiest processor was at work.
    pub(super) busiest: Option<f64>,
}

/// Datagrams that were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    /// All that the kernel took.
    pub(super) sent: u64,
    /// Those that the sending machine's own interface dropped before they left.
    pub(super) held: u64,
}

/// Datagrams that came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Arrived {
    /// Different ones.
    pub(super) received: u64,
    /// Those that came again.
    pub(super) duplicated: u64,
    /// Those that came after a later one (RFC 4737).
    pub(super) reordered: u64,
    /// Longest run of lost ones.
    pub(super) longest_gap: u64,
    /// Those with other content than was sent.
    pub(super) wrong: u64,
    /// Those that came to this machine, and that its card or its socket had no room for.
    pub(super) dropped_here: u64,
}
