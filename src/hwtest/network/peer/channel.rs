//! Messages between both ends: JSON with its length before and a code behind. Nothing larger than [`MOST`] is read, nothing without a right code
//! is understood, and nothing is waited for longer than a moment that the caller names.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::message::Message;
use super::proof::{CODE, Key, Purpose};
use super::trouble::{Trouble, gone};

/// Bytes of the largest message: a series of an hour.
const MOST: usize = 256 << 10;
/// A peer that takes no message for so long is gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which end this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The one that connects, and says what is done.
    Peer,
    /// The one that waits.
    Listener,
}

impl Role {
    fn purposes(self) -> (Purpose, Purpose) {
        match self {
            Role::Peer => (Purpose::PeerMessage, Purpose::ListenerMessage),
            Role::Listener => (Purpose::ListenerMessage, Purpose::PeerMessage),
        }
    }
}

/// The connection for messages.
pub(super) struct Channel {
    stream: TcpStream,
    key: Key,
    role: Role,
    sent: u64,
    read: u64,
}

/// Fills a buffer until a moment, however slowly the bytes come.
pub(super) fn read_by(mut stream: &TcpStream, buffer: &mut [u8], deadline: Instant) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer[filled..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Channel {
    pub(super) fn new(stream: TcpStream, key: Key, role: Role) -> io::Result<Self> {
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Channel { stream, key, role, sent: 0, read: 0 })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn send(&mut self, message: &Message, during: &'static str) -> Result<(), Trouble> {
        let text =
            serde_json::to_vec(message).map_err(|error| Trouble::Here("A message cannot be written", error.into()))?;
        let length = u32::try_from(text.len()).ok().filter(|_| text.len() <= MOST);
        let length =
            length.ok_or_else(|| Trouble::Here("A message cannot be sent", io::Error::other("it is too long")))?;
        let code = self.key.code(self.role.purposes().0, &[&self.sent.to_le_bytes(), &text]);
        self.sent += 1;
        let frame = [&length.to_le_bytes()[..], &text, &code].concat();
        self.stream.write_all(&frame).map_err(|error| gone(during, &error))
    }

    /// The next message.
    pub(super) fn receive(&mut self, wait: Duration, during: &'static str) -> Result<Message, Trouble> {
        let deadline = Instant::now() + wait;
        let mut head = [0; 4];
        read_by(&self.stream, &mut head, deadline).map_err(|error| gone(during, &error))?;
        let length = usize::try_from(u32::from_le_bytes(head)).unwrap_or(usize::MAX);
        if length > MOST {
            return Err(Trouble::Nonsense(during));
        }
        let mut frame = vec![0; length + CODE];
        read_by(&self.stream, &mut frame, deadline.max(Instant::now() + Duration::from_secs(1)))
            .map_err(|error| gone(during, &error))?;
        let (text, code) = frame.split_at(length);
        if !self.key.is_right(self.role.purposes().1, &[&self.read.to_le_bytes(), text], code) {
            return Err(Trouble::Nonsense(during));
        }
        self.read += 1;
        match serde_json::from_slice(text) {
            Ok(Message::Declined(why)) => Err(Trouble::Declined(crate::printable::OneLine(&why).to_string())),
            Ok(message) => Ok(message),
            Err(_) => Err(Trouble::Nonsense(during)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::proof::Token;
    use super::*;

    fn pair() -> (Channel, Channel) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let one = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        let (other, _) = listener.accept().expect("a connection");
        let key = || Token::new("0123456789abcdef").expect("a token").session(&[1; 32], &[2; 32]);
        (
            Channel::new(one, key(), Role::Peer).expect("a channel"),
            Channel::new(other, key(), Role::Listener).expect("a channel"),
        )
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_message_arrives_as_it_was_sent() {
        let (mut one, mut other) = pair();
        for _ in 0..2 {
            one.send(&Message::Go, "a test").expect("sent");
            assert!(matches!(other.receive(SECOND, "a test"), Ok(Message::Go)));
        }
        other.send(&Message::Declined("no\x1b[31m".into()), "a test").expect("sent");
        assert!(matches!(one.receive(SECOND, "a test"), Err(Trouble::Declined(why)) if !why.contains('\x1b')));
    }

    #[test]
    fn what_is_repeated_reflected_or_changed_on_the_way_is_no_message() {
        let (one, mut other) = pair();
        let text = br#""Go""#;
        for purpose in [Purpose::ListenerMessage, Purpose::PeerMessage] {
            for number in [1_u64, 0] {
                let code = one.key.code(purpose, &[&number.to_le_bytes(), text]);
                let frame = [&4_u32.to_le_bytes()[..], text, &code].concat();
                one.stream().write_all(&frame).expect("sent");
                let right = number == 0 && purpose == Purpose::PeerMessage;
                let answer = other.receive(SECOND, "a test");
                assert_eq!(answer.is_ok(), right, "{purpose:?} {number} {answer:?}");
            }
        }
    }

    #[test]
    fn a_message_of_any_length_costs_no_memory_and_a_slow_one_no_more_than_its_time() {
        let (one, mut other) = pair();
        one.stream().write_all(&u32::MAX.to_le_bytes()).expect("sent");
        assert!(matches!(other.receive(SECOND, "a test"), Err(Trouble::Nonsense(_))));
        let (_silent, mut other) = pair();
        let start = Instant::now();
        assert!(matches!(other.receive(Duration::from_millis(20), "a test"), Err(Trouble::Gone(..))));
        assert!(start.elapsed() < SECOND * 5);
        let (one, mut other) = pair();
        drop(one);
        assert!(matches!(other.receive(SECOND, "a test"), Err(Trouble::Gone(_, why)) if why == "the connection ended"));
    }
}
