//! The end that connects: it shows that it knows the token, says what is done, and joins the figures of both.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use socket2::Type;

use super::Tally;
use super::address::Address;
use super::carrier::{Carrier, connect, socket};
use super::channel::{Channel, Role, read_by};
use super::desk::{BUSY, HELLO, STREAM};
use super::measured::{Measured, Trips};
use super::message::{End, MOST_MILLIS, MOST_RATE, MOST_STREAMS, Message, Phase, Work};
use super::proof::{CODE, Key, Nonce, Purpose, Token};
use super::session::{Session, make_room, unexpected};
use super::streams::Pattern;
use super::trouble::{Trouble, gone};
use crate::host::Host;

const HELLO_WORDS: &str = "the first words";
/// Longest wait for one address, and for an answer to the first words.
const WAIT: Duration = Duration::from_secs(5);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(200);
/// Seconds that a test with a peer needs at least.
const LEAST: u64 = 4;
/// Milliseconds of a round that are no phase: connections are made, last packets come.
const AROUND: u64 = 1200;
/// Pace of datagrams where nobody knows the speed of the link.
const RATE: u32 = 1000;
/// Fewer datagrams than this are no figure.
const FEWEST: u64 = 100;

/// A listener that was reached.
pub(super) struct Reached {
    pub(super) stream: TcpStream,
    pub(super) key: Key,
    pub(super) address: SocketAddr,
}

/// Connects to the first address that answers, again and again for a tenth of the time: both ends may have been started at once.
pub(super) fn reach(address: &Address, token: &Token, device: Option<&str>, seconds: u64) -> Result<Reached, Trouble> {
    if seconds < LEAST {
        return Err(Trouble::TooShort(seconds, LEAST));
    }
    let until = Instant::now() + Duration::from_millis(100 * seconds).min(Duration::from_secs(30));
    loop {
        let mut last = Trouble::NoAnswer(address.to_string());
        for one in address.resolve()? {
            match connect(one, device, WAIT) {
                Ok(stream) => {
                    let key = greet(&stream, token, &one.to_string())?;
                    return Ok(Reached { stream, key, address: one });
                }
                Err(trouble) => last = trouble,
            }
        }
        if Instant::now() >= until || matches!(last, Trouble::Here(..)) {
            return Err(last);
        }
        thread::sleep(PAUSE);
    }
}

/// Both ends show that they know the token: the peer first.
fn greet(mut stream: &TcpStream, token: &Token, at: &str) -> Result<Key, Trouble> {
    let stranger = |error: io::Error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Trouble::NoAnswer(at.to_owned()),
        _ => Trouble::Stranger(at.to_owned()),
    };
    let nonce: Nonce = rand::random();
    let deadline = Instant::now() + WAIT;
    stream.set_write_timeout(Some(WAIT)).map_err(|error| gone(HELLO_WORDS, &error))?;
    stream.write_all(&[HELLO.as_slice(), &nonce].concat()).map_err(stranger)?;
    let mut magic = [0; HELLO.len()];
    read_by(stream, &mut magic, deadline).map_err(stranger)?;
    match magic {
        HELLO => {}
        BUSY => return Err(Trouble::Busy(at.to_owned())),
        _ => return Err(Trouble::Stranger(at.to_owned())),
    }
    let (mut theirs, mut proof): (Nonce, _) = ([0; 32], [0; CODE]);
    read_by(stream, &mut theirs, deadline).map_err(stranger)?;
    stream.write_all(&token.proof(Purpose::Peer, &nonce, &theirs)).map_err(stranger)?;
    // A listener with another token, or one that another peer was quicker at, ends the connection here.
    read_by(stream, &mut proof, deadline).map_err(|_| Trouble::WrongToken(at.to_owned()))?;
    if !token.is_shown(Purpose::Listener, &nonce, &theirs, &proof) {
        return Err(Trouble::WrongToken(at.to_owned()));
    }
    Ok(token.session(&nonce, &theirs))
}

/// The test itself.
pub(super) struct Peer<'a> {
    pub(super) session: Session<'a>,
    pub(super) address: SocketAddr,
    pub(super) device: Option<&'a str>,
    pub(super) ends: (End, End),
    next: u32,
}

impl<'a> Peer<'a> {
    /// Both ends tell each other what they are.
    pub(super) fn begin(
        host: &'a Host,
        reached: Reached,
        device: Option<&'a str>,
        carrier: &Carrier,
        order: (u64, u64, bool),
    ) -> Result<Self, Trouble> {
        let (seconds, seed, loses) = order;
        let here = |error: io::Error| Trouble::Here("Datagrams cannot be sent", error);
        let mut local = reached.stream.local_addr().map_err(here)?;
        local.set_port(0);
        let bound = socket(local, Type::DGRAM, device)?;
        bound.bind(&local.into()).map_err(here)?;
        let datagrams: UdpSocket = bound.into();
        make_room(&datagrams).map_err(here)?;
        let mut channel = Channel::new(reached.stream, reached.key, Role::Peer).map_err(here)?;
        let datagram_port = datagrams.local_addr().map_err(here)?.port();
        let own = End { datagram_port, seconds, seed, ..End::of(carrier) };
        channel.send(&Message::End(own.clone()), HELLO_WORDS)?;
        let Message::End(theirs) = channel.receive(WAIT, HELLO_WORDS)? else {
            return Err(Trouble::Nonsense(HELLO_WORDS));
        };
        if theirs.seconds < seconds {
            return Err(Trouble::Declined(format!("it ends in {} s, and this test takes {seconds}", theirs.seconds)));
        }
        let mut there = reached.address;
        there.set_port(theirs.datagram_port);
        datagrams.connect(there).map_err(here)?;
        let session = Session {
            host,
            interface: carrier.name.clone(),
            channel,
            socket: datagrams,
            pattern: Pattern::new(seed),
            loses,
        };
        Ok(Peer { session, address: reached.address, device, ends: (own, theirs), next: 1 })
    }

    fn streams(&mut self, phase: Phase) -> Result<Vec<TcpStream>, Trouble> {
        let words = phase.work.words();
        (0..u32::from(phase.streams))
            .map(|number| {
                let stream = connect(self.address, self.device, WAIT)?;
                let (id, number) = (phase.id.to_le_bytes(), number.to_le_bytes());
                let code = self.session.channel.key().code(Purpose::Stream, &[&id, &number]);
                (&stream)
                    .write_all(&[STREAM.as_slice(), &id, &number, &code].concat())
                    .map_err(|error| gone(words, &error))?;
                Ok(stream)
            })
            .collect()
    }

    /// Begins a phase, and waits until the listener is ready for it.
    fn begin_phase(
        &mut self,
        work: Work,
        millis: u32,
        measured: &Measured,
    ) -> Result<(Phase, Vec<TcpStream>), Trouble> {
        let phase = Phase { id: self.next, work, millis, streams: measured.streams, rate: measured.rate };
        self.next += 1;
        let words = work.words();
        self.session.channel.send(&Message::Begin(phase), words)?;
        let Message::Ready = self.session.channel.receive(WAIT, words)? else { return Err(unexpected(phase)) };
        if !matches!(work, Work::ToListener | Work::ToPeer) {
            return Ok((phase, Vec::new()));
        }
        let streams = self.streams(phase)?;
        match self.session.channel.receive(WAIT * 2, words)? {
            Message::Go => Ok((phase, streams)),
            _ => Err(unexpected(phase)),
        }
    }

    /// All rounds of all phases; what was measured until something went wrong is in `measured`.
    pub(super) fn measure(&mut self, seconds: u64, measured: &mut Measured, tally: &Tally) -> Result<(), Trouble> {
        let (own, theirs) = &self.ends;
        measured.streams = own.cores.min(theirs.cores).clamp(1, MOST_STREAMS);
        // A speed without hardware is a number that somebody wrote down.
        let speed = |end: &End| end.speed.filter(|_| end.has_hardware);
        measured.rate = rate(speed(own), speed(theirs));
        (measured.peer, measured.listener) = self.ends.clone();
        let rounds = seconds.div_ceil(u64::from(MOST_MILLIS / 1000));
        let plan = plan(seconds * 1000 / rounds);
        let (mut trips, mut asked) = (Vec::new(), 0);
        for round in 0..rounds {
            let mut at = 0.0;
            for (work, millis) in plan {
                let part = f64::from(millis) / plan.iter().map(|(_, millis)| f64::from(*millis)).sum::<f64>();
                let tell = |share: f64, mbit: Option<f64>| {
                    #[allow(clippy::cast_precision_loss, reason = "a share for people")]
                    tally.tick(work.words(), (round as f64 + at + share * part) / rounds as f64, mbit);
                };
                tell(0.0, None);
                let (phase, streams) = self.begin_phase(work, millis, measured)?;
                match work {
                    Work::RoundTrips => {
                        let (times, begun) = self.session.ask(phase, &tell)?;
                        trips.extend(times);
                        asked += begun;
                        measured.trips = Trips::of(trips.clone(), asked);
                    }
                    Work::ToListener => {
                        let (sent, received) = self.session.send(&streams, phase, &tell)?;
                        measured.to_listener.add(phase, &sent, &received)?;
                    }
                    Work::ToPeer => {
                        let (sent, received) = self.session.receive(&streams, phase, &tell)?;
                        measured.to_peer.add(phase, &sent, &received)?;
                    }
                    Work::Datagrams => {
                        let rows = self.session.exchange(phase, &tell)?;
                        measured.to_listener.add_row(rows.sent, rows.came_there);
                        measured.to_peer.add_row(rows.sent_to_us, rows.came_here);
                    }
                }
                at += part;
            }
        }
        complete(measured)
    }

    /// Sends all figures to the listener, so that both ends reach the same verdict.
    pub(super) fn end(&mut self, measured: &Measured) -> Result<(), Trouble> {
        const WORDS: &str = "the last words";
        let channel = &mut self.session.channel;
        channel.send(&Message::Figures(Box::new(measured.clone())), WORDS)?;
        match channel.receive(WAIT, WORDS)? {
            Message::Farewell => Ok(()),
            _ => Err(Trouble::Nonsense(WORDS)),
        }
    }
}

/// Checks that each figure rests on enough data.
pub(super) fn complete(measured: &Measured) -> Result<(), Trouble> {
    let directions = [("peer to listener", &measured.to_listener), ("listener to peer", &measured.to_peer)];
    for (way, direction) in directions {
        if direction.counted == 0 || direction.millis == 0 || direction.arrived.received == 0 {
            return Err(Trouble::Nothing(way));
        }
        if direction.datagrams < FEWEST {
            return Err(Trouble::TooShort(measured.peer.seconds, LEAST));
        }
    }
    if measured.trips.answered == 0 {
        return Err(Trouble::Nothing("round trips"));
    }
    Ok(())
}

/// Phases of a round, with their milliseconds.
fn plan(round: u64) -> [(Work, u32); 4] {
    let time = round.saturating_sub(AROUND).max(1);
    let part = |tenths: u64| u32::try_from(time * tenths / 10).unwrap_or(MOST_MILLIS).clamp(1, MOST_MILLIS);
    [(Work::RoundTrips, part(1)), (Work::ToListener, part(3)), (Work::ToPeer, part(3)), (Work::Datagrams, part(3))]
}

/// Datagrams a second: one percent of the slower link, at most [`MOST_RATE`], at least enough for a figure.
fn rate(one: Option<u64>, other: Option<u64>) -> u32 {
    let Some(speed) = one.into_iter().chain(other).min() else { return RATE };
    // With its headers a datagram has 10,000 bits, so one percent of a Mbit/s is one datagram a second.
    u32::try_from(speed).unwrap_or(MOST_RATE).clamp(200, MOST_RATE)
}

impl End {
    /// This machine's end.
    pub(super) fn of(carrier: &Carrier) -> Self {
        let cores = thread::available_parallelism().map_or(1, |count| u16::try_from(count.get()).unwrap_or(u16::MAX));
        End {
            interface: carrier.name.clone(),
            speed: carrier.speed,
            has_hardware: carrier.has_hardware,
            cores,
            ..End::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phases_fit_into_their_round() {
        for round in [4000, 10_000, 60_000] {
            let sum: u64 = plan(round).iter().map(|(_, millis)| u64::from(*millis)).sum();
            assert!(sum <= round - AROUND && sum > round / 2, "{round}: {sum}");
        }
        assert!(plan(0).iter().all(|(_, millis)| *millis > 0));
    }

    #[test]
    fn datagrams_take_a_hundredth_of_the_slower_link() {
        assert_eq!(rate(Some(1000), Some(10_000)), 1000, "10 Mbit/s of 1,000");
        assert_eq!(
            (rate(Some(10), None), rate(None, None), rate(Some(400_000), Some(400_000))),
            (200, RATE, MOST_RATE)
        );
    }

    #[test]
    fn a_test_without_time_is_none() {
        let (address, token) =
            ("127.0.0.1:1".parse().expect("an address"), Token::new("0123456789abcdef").expect("a token"));
        assert!(matches!(reach(&address, &token, None, 3), Err(Trouble::TooShort(3, 4))));
    }
}
