//! Throughput, loss and round trips between two machines. One end waits (`--listen`), the other connects (`--peer`); both know a token, and show
//! that they do before anything else is said. The peer says what is done, both measure, and both make the same verdict.

mod address;
mod busy;
mod carrier;
mod channel;
mod connect;
mod datagrams;
mod desk;
mod drops;
mod judge;
mod listen;
mod measured;
mod message;
mod proof;
mod sequence;
mod session;
mod streams;
mod trouble;

use std::net::IpAddr;
use std::time::{Duration, Instant};

pub use address::{Address, PORT};
pub use proof::{NoToken, Token};

use super::super::{Inject, Order, Outcome, Progress, Rate, Report, Tick, crash_if_asked};
use super::state::State;
use super::watch::{self, Port};
use crate::host::Host;
use carrier::Carrier;
use channel::Role;
use connect::Peer;
use desk::Desk;
use listen::Served;
use measured::Measured;
use trouble::Trouble;

/// Which end this is, and where the other one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// Waits at this address.
    Listen(Address),
    /// Connects to this address.
    Connect(Address),
}

/// Parameters of one end, besides its order.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Which end this is.
    pub side: Side,
    /// The secret of both ends.
    pub token: Token,
    /// The interface that must carry the test, if one is named.
    pub device: Option<String>,
}

/// How far a test is.
struct Tally<'a> {
    progress: &'a Progress,
    start: Instant,
    time: Duration,
}

impl Tally<'_> {
    fn tick(&self, phase: &str, share: f64, mbit: Option<f64>) {
        let rate = mbit.map(|value| Rate { value, unit: "Mbit/s".to_owned() });
        self.progress.tick(&Tick { phase: phase.to_owned(), share, rate, ..Tick::default() });
    }

    /// Share of the time that is over, for an end that does not know the plan.
    fn share(&self) -> f64 {
        (self.start.elapsed().as_secs_f64() / self.time.as_secs_f64().max(1e-3)).min(1.0)
    }
}

/// One end of a test between two machines.
#[must_use]
pub fn run(host: &Host, order: &Order, pair: &Pair, progress: &Progress) -> Report {
    crash_if_asked(order.inject);
    let start = Instant::now();
    let tally = Tally { progress, start, time: Duration::from_secs(order.seconds) };
    let mut report = Report::new(order);
    let end = End { host, order, pair, tally: &tally };
    let ended = match &pair.side {
        Side::Connect(address) => end.connects(address, &mut report),
        Side::Listen(address) => end.listens(address, &mut report),
    };
    if let Err(trouble) = ended {
        trouble.add("peer", &mut report);
    }
    report
}

/// The interface before and after a test.
struct Carrying<'a> {
    host: &'a Host,
    carrier: Carrier,
    before: Option<State>,
}

impl<'a> Carrying<'a> {
    fn begin(host: &'a Host, carrier: Carrier) -> Self {
        let before = State::read(host, &carrier.name);
        Carrying { host, carrier, before }
    }

    fn now(&self) -> Option<State> {
        State::read(self.host, &self.carrier.name)
    }

    /// Adds what the interface itself says, and whether it was the one that carried the bytes.
    fn end(&self, report: &mut Report, moved: u64) {
        let name = self.carrier.name.as_str();
        if name.is_empty() {
            report
                .not_tested
                .push("the port itself: no interface of this machine has the address of the connection".to_owned());
            return;
        }
        let most = super::state::most(self.host, name);
        let port = Port { name: name.to_owned(), wanted: true, most, before: self.before.clone(), after: self.now() };
        watch::judge(report, &port);
        let (Some(before), Some(after)) = (&port.before, &port.after) else { return };
        let counted = |state: &State| state.bytes.0.saturating_add(state.bytes.1);
        let here = counted(after).saturating_sub(counted(before));
        if here < moved / 2 {
            let what = format!("Only {here} of {moved} bytes went over this interface: another one carried the rest.");
            let next = "Look at the routes of both ends: two ports in one network answer for each other.";
            report.find(Outcome::Error, "net-other-port", name, what).next(next);
        }
    }
}

fn moved(measured: &Measured) -> u64 {
    measured.to_listener.bytes.saturating_add(measured.to_peer.bytes)
}

fn loses(order: &Order) -> bool {
    order.inject == Some(Inject::NetworkLoss)
}

/// One end of a test, and what it needs.
struct End<'a> {
    host: &'a Host,
    order: &'a Order,
    pair: &'a Pair,
    tally: &'a Tally<'a>,
}

impl<'a> End<'a> {
    /// The interface of a connection: the one that was named, else the one with its address here.
    fn carrying(&self, local: IpAddr, other: IpAddr) -> Carrying<'a> {
        let mut carrier = Carrier::of(self.host, local, other);
        if let Some(device) = &self.pair.device {
            carrier.name.clone_from(device);
        }
        Carrying::begin(self.host, carrier)
    }

    /// Measures with the listener at an address.
    fn connects(&self, address: &Address, report: &mut Report) -> Result<(), Trouble> {
        let End { host, order, pair, tally } = *self;
        tally.tick(&format!("connect to {address}"), 0.0, None);
        let device = pair.device.as_deref();
        let reached = connect::reach(address, &pair.token, device, order.seconds)?;
        let local =
            reached.stream.local_addr().map_err(|error| Trouble::Here("The connection has no address", error))?;
        let carrying = self.carrying(local.ip(), reached.address.ip());
        // The wait for the listener took its part of the time.
        let seconds = order.seconds.saturating_sub(tally.start.elapsed().as_secs()).max(1);
        let mut peer = Peer::begin(host, reached, device, &carrying.carrier, (seconds, order.seed, loses(order)))?;
        let mut measured = Measured::default();
        peer.measure(seconds, &mut measured, tally)?;
        peer.end(&measured)?;
        judge::judge(report, &measured, &carrying.carrier, Role::Peer);
        carrying.end(report, moved(&measured));
        Ok(())
    }

    /// Waits at an address for a peer, and serves it.
    fn listens(&self, address: &Address, report: &mut Report) -> Result<(), Trouble> {
        let End { host, order, pair, tally } = *self;
        let device = pair.device.as_deref();
        let desk = Desk::open(&address.resolve()?, device, pair.token.clone())?;
        let deadline = tally.start + tally.time;
        tally.progress.tick(&Tick {
            phase: format!("wait for a peer at {}", desk.address),
            is_for_now: true,
            ..Tick::default()
        });
        let channel = desk.peer(tally.time)?;
        let strangers = |report: &mut Report| match desk.strangers() {
            0 => {}
            count => {
                let what = format!("{count} connections came from programs that did not know the token.");
                report.find(Outcome::Passed, "net-strangers", "peer", what);
            }
        };
        let Some(channel) = channel else {
            strangers(report);
            return Err(Trouble::NoPeer(order.seconds));
        };
        let ends = (channel.stream().local_addr(), channel.stream().peer_addr());
        let (Ok(local), Ok(other)) = ends else { return Err(Trouble::NoPeer(order.seconds)) };
        let carrying = self.carrying(local.ip(), other.ip());
        let served = Served::begin(host, channel, &carrying.carrier, device, deadline, loses(order));
        let measured = served.and_then(|mut served| served.serve(&desk, tally));
        strangers(report);
        let measured = measured?;
        judge::judge(report, &measured, &carrying.carrier, Role::Listener);
        carrying.end(report, moved(&measured));
        Ok(())
    }
}
