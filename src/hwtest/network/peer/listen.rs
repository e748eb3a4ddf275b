//! The end that waits: serves one peer within bounds of its own, and ends.

use std::io;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use socket2::Type;

use super::Tally;
use super::carrier::{Carrier, socket};
use super::channel::Channel;
use super::connect::complete;
use super::desk::Desk;
use super::measured::Measured;
use super::message::{End, Message, Phase, Work};
use super::session::{Session, make_room, unexpected};
use super::streams::Pattern;
use super::trouble::{Trouble, gone};
use crate::host::Host;

const WORDS: &str = "the next phase";
/// Longest wait for a peer between two phases.
const WAIT: Duration = Duration::from_secs(10);

/// A peer that is served.
pub(super) struct Served<'a> {
    session: Session<'a>,
    deadline: Instant,
}

impl<'a> Served<'a> {
    /// Both ends tell each other what they are.
    pub(super) fn begin(
        host: &'a Host,
        mut channel: Channel,
        carrier: &Carrier,
        device: Option<&str>,
        deadline: Instant,
        loses: bool,
    ) -> Result<Self, Trouble> {
        let here = |error: io::Error| Trouble::Here("Datagrams cannot be received", error);
        let local = channel.stream().local_addr().map_err(here)?;
        let mut there = channel.stream().peer_addr().map_err(here)?;
        let datagrams = socket(local, Type::DGRAM, device)?;
        // The port that firewalls were told, or any if another program has it.
        if datagrams.bind(&local.into()).is_err() {
            let mut any = local;
            any.set_port(0);
            datagrams.bind(&any.into()).map_err(here)?;
        }
        let datagrams: UdpSocket = datagrams.into();
        make_room(&datagrams).map_err(here)?;
        let Message::End(theirs) = channel.receive(WAIT, WORDS)? else { return Err(Trouble::Nonsense(WORDS)) };
        there.set_port(theirs.datagram_port);
        datagrams.connect(there).map_err(here)?;
        let datagram_port = datagrams.local_addr().map_err(here)?.port();
        let seconds = deadline.saturating_duration_since(Instant::now()).as_secs();
        channel.send(&Message::End(End { datagram_port, seconds, ..End::of(carrier) }), WORDS)?;
        let session = Session {
            host,
            interface: carrier.name.clone(),
            channel,
            socket: datagrams,
            pattern: Pattern::new(theirs.seed),
            loses,
        };
        Ok(Served { session, deadline })
    }

    /// Does what the peer says, until it gives the figures.
    pub(super) fn serve(&mut self, desk: &Desk, tally: &Tally) -> Result<Measured, Trouble> {
        let mut last = 0;
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(gone(WORDS, &io::ErrorKind::TimedOut.into()));
            }
            match self.session.channel.receive(WAIT.min(left), WORDS)? {
                Message::Begin(phase) => {
                    if !phase.is_within_bounds() || phase.id <= last {
                        let why = format!("{} is beyond what it does", phase.work.words());
                        self.session.channel.send(&Message::Declined(why.clone()), WORDS)?;
                        return Err(Trouble::Declined(why));
                    }
                    last = phase.id;
                    self.carry_out(desk, phase, tally)?;
                }
                Message::Figures(measured) => {
                    complete(&measured)?;
                    self.session.channel.send(&Message::Farewell, WORDS)?;
                    return Ok(*measured);
                }
                _ => return Err(Trouble::Nonsense(WORDS)),
            }
        }
    }

    fn carry_out(&mut self, desk: &Desk, phase: Phase, tally: &Tally) -> Result<(), Trouble> {
        let words = phase.work.words();
        let tell = |_: f64, mbit: Option<f64>| tally.tick(words, tally.share(), mbit);
        tell(0.0, None);
        let session = &mut self.session;
        session.channel.send(&Message::Ready, words)?;
        match phase.work {
            Work::RoundTrips => session.answer(phase),
            Work::Datagrams => session.exchange(phase, &tell).map(drop),
            Work::ToListener | Work::ToPeer => {
                let streams = desk.streams(phase, WAIT)?;
                if streams.is_empty() {
                    return Err(unexpected(phase));
                }
                session.channel.send(&Message::Go, words)?;
                match phase.work {
                    Work::ToPeer => session.send(&streams, phase, &tell).map(drop),
                    _ => session.receive(&streams, phase, &tell).map(drop),
                }
            }
        }
    }
}
