//! Phases of a test with a peer: the peer chooses them, and both ends run them.

use std::io;
use std::net::{TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::channel::{Channel, Role};
use super::datagrams::Post;
use super::drops::Drops;
use super::message::{Arrived, Message, Phase, Received, Row, Sent};
use super::streams::{self, Pattern, Tell};
use super::trouble::Trouble;
use crate::host::Host;

/// Beyond the time of a phase, the other end has this long for its answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// A test with an end that has shown that it knows the token.
pub(super) struct Session<'a> {
    pub(super) host: &'a Host,
    /// The interface that carries it.
    pub(super) interface: String,
    pub(super) channel: Channel,
    pub(super) socket: UdpSocket,
    pub(super) pattern: Pattern,
    /// Leaves datagrams out, which the test must find.
    pub(super) loses: bool,
}

/// How long the other end may take until it answers.
pub(super) fn patience(phase: Phase) -> Duration {
    Duration::from_millis(phase.millis.into()) + PATIENCE
}

/// A message that was not to come now.
pub(super) fn unexpected(phase: Phase) -> Trouble {
    Trouble::Nonsense(phase.work.words())
}

/// Datagrams that this end sent, those of the other end, and what came of both.
pub(super) struct Rows {
    pub(super) sent: Row,
    pub(super) sent_to_us: Row,
    pub(super) came_there: Arrived,
    pub(super) came_here: Arrived,
}

impl Session<'_> {
    fn post(&self) -> Post<'_> {
        Post {
            socket: &self.socket,
            key: self.channel.key(),
            role: self.channel.role(),
            pattern: &self.pattern,
            loses: self.loses,
        }
    }

    /// Round trips in microseconds, and how many were begun.
    pub(super) fn ask(&mut self, phase: Phase, tell: Tell) -> Result<(Vec<f64>, u64), Trouble> {
        let trips = self.post().ask(phase, tell)?;
        self.channel.send(&Message::Over, phase.work.words())?;
        Ok(trips)
    }

    /// Answers round trips until the other end says that they are over.
    pub(super) fn answer(&mut self, phase: Phase) -> Result<(), Trouble> {
        let is_over = AtomicBool::new(false);
        let Session { channel, socket, pattern, .. } = self;
        let key = channel.key().clone();
        let post = Post { socket, key: &key, role: Role::Listener, pattern, loses: false };
        let answer = thread::scope(|scope| {
            scope.spawn(|| post.answer(phase, &is_over));
            let answer = channel.receive(patience(phase), phase.work.words());
            is_over.store(true, Ordering::Relaxed);
            answer
        })?;
        matches!(answer, Message::Over).then_some(()).ok_or_else(|| unexpected(phase))
    }

    /// Sends through connections; what both ends say of it.
    pub(super) fn send(
        &mut self,
        streams: &[TcpStream],
        phase: Phase,
        tell: Tell,
    ) -> Result<(Sent, Received), Trouble> {
        let sent = streams::send(self.host, streams, &self.pattern, phase, tell)?;
        self.channel.send(&Message::Sent(sent.clone()), phase.work.words())?;
        match self.channel.receive(patience(phase), phase.work.words())? {
            Message::Received(received) => Ok((sent, received)),
            _ => Err(unexpected(phase)),
        }
    }

    /// Receives from connections; what both ends say of it.
    pub(super) fn receive(
        &mut self,
        streams: &[TcpStream],
        phase: Phase,
        tell: Tell,
    ) -> Result<(Sent, Received), Trouble> {
        let received = streams::receive(self.host, streams, &self.pattern, phase, tell)?;
        let Message::Sent(sent) = self.channel.receive(patience(phase), phase.work.words())? else {
            return Err(unexpected(phase));
        };
        self.channel.send(&Message::Received(received.clone()), phase.work.words())?;
        Ok((sent, received))
    }

    /// Datagrams both ways at once.
    pub(super) fn exchange(&mut self, phase: Phase, tell: Tell) -> Result<Rows, Trouble> {
        let words = phase.work.words();
        let loses = self.loses;
        let Session { host, interface, channel, socket, pattern, .. } = self;
        let before = Drops::read(host, interface);
        let (key, role) = (channel.key().clone(), channel.role());
        let post = Post { socket, key: &key, role, pattern, loses };
        let mut own = Row::default();
        let (theirs, mut came_here) = post.exchange(host, phase, tell, |sent| {
            own = Row { sent, held: Drops::read(host, interface).sending_since(&before) };
            channel.send(&Message::DatagramsSent(own), words)?;
            match channel.receive(patience(phase), words)? {
                Message::DatagramsSent(theirs) => Ok(theirs),
                _ => Err(unexpected(phase)),
            }
        })?;
        // Packets that this machine dropped before the socket had reached it, so they are no loss on the way.
        came_here.dropped_here =
            came_here.dropped_here.saturating_add(Drops::read(host, interface).receiving_since(&before));
        channel.send(&Message::DatagramsReceived(came_here), words)?;
        match channel.receive(patience(phase), words)? {
            Message::DatagramsReceived(there) => {
                Ok(Rows { sent: own, sent_to_us: theirs, came_there: there, came_here })
            }
            _ => Err(unexpected(phase)),
        }
    }
}

/// Room for datagrams that wait for this process; without rights as much as the system gives.
pub(super) fn make_room(socket: &UdpSocket) -> io::Result<()> {
    const ROOM: usize = 4 << 20;
    let asked = nix::sys::socket::setsockopt(socket, nix::sys::socket::sockopt::RcvBufForce, &ROOM);
    if asked.is_err() {
        socket2::SockRef::from(socket).set_recv_buffer_size(ROOM)?;
    }
    Ok(())
}
