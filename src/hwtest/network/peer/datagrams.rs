//! Datagrams between both ends: round trips one at a time, and a numbered row at a pace. Each carries a code, and without a right one nothing is
//! counted, and nothing answered.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "paces of datagrams"
)]

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::channel::Role;
use super::message::{Arrived, Phase, Row};
use super::proof::{Key, Purpose};
use super::sequence::Sequence;
use super::streams::{Pattern, Tell};
use super::trouble::{Trouble, gone};
use crate::host::Host;

const HEAD: usize = 14;
const TAG: usize = 16;
/// Bytes of a datagram of a row: with its headers less than IPv6 asks of every link (1280, RFC 8200).
pub(super) const SIZE: usize = 1200;
/// Bytes of a round trip.
const SMALL: usize = 64;
/// Most round trips of a phase.
const MOST_TRIPS: usize = 2000;
/// An answer that takes longer is none.
const LOST: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_millis(20);
/// Longest wait for datagrams that are still on their way after the last one was sent.
const DRAIN: Duration = Duration::from_secs(1);
/// Of so many, one is not sent where a loss is to be found.
const LEFT_OUT: u64 = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ask = 1,
    Answer = 2,
    Row = 3,
}

/// Makes and reads datagrams of one end in one phase.
struct Mail<'a> {
    key: &'a Key,
    role: Role,
    phase: u32,
    pattern: &'a Pattern,
}

impl Mail<'_> {
    fn write(&self, kind: Kind, number: u64, buffer: &mut [u8]) {
        let length = buffer.len();
        buffer.copy_from_slice(self.pattern.head(length));
        let from = u8::from(self.role == Role::Listener);
        buffer[0] = kind as u8;
        buffer[1] = from;
        buffer[2..6].copy_from_slice(&self.phase.to_le_bytes());
        buffer[6..HEAD].copy_from_slice(&number.to_le_bytes());
        let code = self.key.code(Purpose::Datagram, &[&buffer[..HEAD]]);
        buffer[HEAD..HEAD + TAG].copy_from_slice(&code[..TAG]);
    }

    /// The number of a datagram of the other end, and whether its content is another one.
    fn read(&self, kind: Kind, bytes: &[u8]) -> Option<(u64, bool)> {
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let (tag, content) = rest.split_at_checked(TAG)?;
        let is_for_here = head[0] == kind as u8
            && head[1] == u8::from(self.role == Role::Peer)
            && head[2..6] == self.phase.to_le_bytes()
            && self.key.is_right(Purpose::Datagram, &[head], tag);
        let number = u64::from_le_bytes(head[6..HEAD].try_into().ok()?);
        is_for_here.then(|| (number, content != &self.pattern.head(bytes.len())[HEAD + TAG..]))
    }
}

/// An end for datagrams.
pub(super) struct Post<'a> {
    pub(super) socket: &'a UdpSocket,
    pub(super) key: &'a Key,
    pub(super) role: Role,
    pub(super) pattern: &'a Pattern,
    /// Leaves some out, and counts them as sent: a loss that the test must find.
    pub(super) loses: bool,
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

impl Post<'_> {
    fn mail(&self, phase: Phase) -> Mail<'_> {
        Mail { key: self.key, role: self.role, phase: phase.id, pattern: self.pattern }
    }

    /// Round trips in microseconds, and how many were begun.
    pub(super) fn ask(&self, phase: Phase, tell: Tell) -> Result<(Vec<f64>, u64), Trouble> {
        let words = phase.work.words();
        let here = |error: io::Error| gone(words, &error);
        let mail = self.mail(phase);
        let (start, time) = (Instant::now(), Duration::from_millis(phase.millis.into()));
        let (mut trips, mut asked) = (Vec::new(), 0);
        let mut bytes = [0; SIZE];
        while start.elapsed() < time && trips.len() < MOST_TRIPS {
            mail.write(Kind::Ask, asked, &mut bytes[..SMALL]);
            let sent = Instant::now();
            self.socket.send(&bytes[..SMALL]).map_err(here)?;
            loop {
                let left = LOST.saturating_sub(sent.elapsed());
                if left.is_zero() {
                    break;
                }
                self.socket.set_read_timeout(Some(left)).map_err(here)?;
                match self.socket.recv(&mut bytes) {
                    Ok(count) if mail.read(Kind::Answer, &bytes[..count]) == Some((asked, false)) => {
                        trips.push(sent.elapsed().as_secs_f64() * 1e6);
                        break;
                    }
                    Ok(_) => {}
                    Err(error) if is_pause(&error) => {}
                    Err(error) => return Err(here(error)),
                }
            }
            asked += 1;
            tell((start.elapsed().as_secs_f64() / time.as_secs_f64()).min(1.0), None);
            thread::sleep(Duration::from_millis(1));
        }
        Ok((trips, asked))
    }

    /// Answers round trips until `is_over`.
    pub(super) fn answer(&self, phase: Phase, is_over: &AtomicBool) {
        let mail = self.mail(phase);
        let mut bytes = [0; SIZE];
        let _ = self.socket.set_read_timeout(Some(STEP));
        while !is_over.load(Ordering::Relaxed) {
            let Ok(count) = self.socket.recv(&mut bytes) else { continue };
            // As many bytes as came, so nobody gets more out of it than was put in.
            if let (SMALL, Some((number, _))) = (count, mail.read(Kind::Ask, &bytes[..count])) {
                mail.write(Kind::Answer, number, &mut bytes[..SMALL]);
                let _ = self.socket.send(&bytes[..SMALL]);
            }
        }
    }

    /// Sends the row at its pace; how many there were.
    fn send(&self, phase: Phase, count: &AtomicU64) -> io::Result<u64> {
        let mail = self.mail(phase);
        let (start, time) = (Instant::now(), Duration::from_millis(phase.millis.into()));
        let mut bytes = [0; SIZE];
        let mut sent = 0;
        loop {
            let elapsed = start.elapsed();
            if elapsed >= time {
                return Ok(sent);
            }
            let due = (elapsed.as_secs_f64() * f64::from(phase.rate)) as u64;
            while sent < due {
                mail.write(Kind::Row, sent, &mut bytes);
                let is_left_out = self.loses && sent % LEFT_OUT == LEFT_OUT / 2;
                match if is_left_out { Ok(SIZE) } else { self.socket.send(&bytes) } {
                    Ok(_) => sent += 1,
                    // This machine has no room for it now, so it was not sent.
                    Err(error) if is_pause(&error) || error.raw_os_error() == Some(nix::libc::ENOBUFS) => break,
                    Err(error) => return Err(error),
                }
            }
            count.store(sent, Ordering::Relaxed);
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn receive(&self, phase: Phase, sent: &AtomicU64, is_over: &AtomicBool) -> io::Result<Arrived> {
        let mail = self.mail(phase);
        let mut sequence = Sequence::new(u64::from(phase.rate) * u64::from(phase.millis) / 1000 + 1);
        let mut bytes = [0; SIZE + 1];
        self.socket.set_read_timeout(Some(STEP))?;
        let mut drained: Option<Instant> = None;
        loop {
            match self.socket.recv(&mut bytes) {
                Ok(count) => {
                    if let Some((number, is_wrong)) = mail.read(Kind::Row, &bytes[..count]) {
                        sequence.take(number, is_wrong || count != SIZE);
                    }
                }
                Err(error) if is_pause(&error) => {}
                Err(error) => return Err(error),
            }
            if is_over.load(Ordering::Acquire) {
                let sent = sent.load(Ordering::Acquire);
                let since = drained.get_or_insert_with(Instant::now);
                if sequence.received() >= sent || since.elapsed() >= DRAIN {
                    return Ok(sequence.end(sent));
                }
            }
        }
    }

    /// Sends and receives a row at once. `agree` tells the other end how many were sent, and gives its number.
    pub(super) fn exchange(
        &self,
        host: &Host,
        phase: Phase,
        tell: Tell,
        agree: impl FnOnce(u64) -> Result<Row, Trouble>,
    ) -> Result<(Row, Arrived), Trouble> {
        let words = phase.work.words();
        let port = self.socket.local_addr().map_err(|error| gone(words, &error))?.port();
        let dropped = super::drops::of_port(host, port);
        let (theirs, is_over, count) = (AtomicU64::new(0), AtomicBool::new(false), AtomicU64::new(0));
        let start = Instant::now();
        let (sent, agreed, arrived) = thread::scope(|scope| {
            let receiver = scope.spawn(|| self.receive(phase, &theirs, &is_over));
            let sender = scope.spawn(|| self.send(phase, &count));
            while !sender.is_finished() {
                tell((start.elapsed().as_secs_f64() * 1e3 / f64::from(phase.millis)).min(1.0), None);
                thread::sleep(STEP);
            }
            let sent = sender.join().unwrap_or_else(|_| Err(io::Error::other("a thread ended")));
            let agreed = match &sent {
                Ok(sent) => agree(*sent),
                Err(_) => Ok(Row::default()),
            };
            theirs.store(agreed.as_ref().map_or(0, |row| row.sent), Ordering::Release);
            is_over.store(true, Ordering::Release);
            let arrived = receiver.join().unwrap_or_else(|_| Err(io::Error::other("a thread ended")));
            (sent, agreed, arrived)
        });
        sent.map_err(|error| gone(words, &error))?;
        let theirs = agreed?;
        let arrived = arrived.map_err(|error| gone(words, &error))?;
        let more = super::drops::of_port(host, port).saturating_sub(dropped);
        Ok((theirs, Arrived { dropped_here: more, ..arrived }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Work;
    use super::super::proof::Token;
    use super::*;

    const PHASE: Phase = Phase { id: 3, work: Work::Datagrams, millis: 300, streams: 1, rate: 2000 };

    fn sockets() -> (UdpSocket, UdpSocket) {
        let one = UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let other = UdpSocket::bind("127.0.0.1:0").expect("loopback");
        one.connect(other.local_addr().expect("an address")).expect("connected");
        other.connect(one.local_addr().expect("an address")).expect("connected");
        (one, other)
    }

    fn key(number: u8) -> Key {
        Token::new("0123456789abcdef").expect("a token").session(&[number; 32], &[2; 32])
    }

    /// Of each end: what the other one sent, and what came of it.
    fn exchanged(loses: bool) -> [(u64, Arrived); 2] {
        let (one, other) = sockets();
        let (key, pattern, host) = (key(1), Pattern::new(7), Host::live());
        let (to_one, from_other) = std::sync::mpsc::channel();
        let (to_other, from_one) = std::sync::mpsc::channel();
        let post = |socket, role, loses| Post { socket, key: &key, role, pattern: &pattern, loses };
        let (host, post, one, other) = (&host, &post, &one, &other);
        let told = |to: std::sync::mpsc::Sender<u64>, from: std::sync::mpsc::Receiver<u64>| {
            move |sent| {
                to.send(sent).expect("told");
                Ok(Row { sent: from.recv().expect("told"), held: 0 })
            }
        };
        let (told_other, told_one) = (told(to_other, from_other), told(to_one, from_one));
        thread::scope(|scope| {
            let one = scope.spawn(move || post(one, Role::Peer, loses).exchange(host, PHASE, &|_, _| {}, told_other));
            let other =
                scope.spawn(move || post(other, Role::Listener, false).exchange(host, PHASE, &|_, _| {}, told_one));
            [one, other].map(|thread| {
                let (row, arrived) = thread.join().expect("a thread").expect("an exchange");
                (row.sent, arrived)
            })
        })
    }

    #[test]
    fn a_row_arrives_whole_unless_some_are_left_out() {
        for (sent, arrived) in exchanged(false) {
            assert!(sent > 100, "{sent}");
            assert_eq!(arrived.received + arrived.dropped_here, sent, "{arrived:?}");
        }
        let [(whole, back), (sent, arrived)] = exchanged(true);
        assert_eq!(back.received + back.dropped_here, whole, "the other direction is whole");
        assert_eq!(sent - arrived.received - arrived.dropped_here, (sent + 24) / 50, "{arrived:?}");
    }

    #[test]
    fn round_trips_are_answered_and_nothing_of_a_stranger_is() {
        let (one, other) = sockets();
        let (mine, strangers, pattern) = (key(1), key(9), Pattern::new(7));
        let over = AtomicBool::new(false);
        let post = |socket, key, role| Post { socket, key, role, pattern: &pattern, loses: false };
        let phase = Phase { work: Work::RoundTrips, millis: 100, ..PHASE };
        thread::scope(|scope| {
            scope.spawn(|| post(&other, &mine, Role::Listener).answer(phase, &over));
            let (trips, asked) = post(&one, &mine, Role::Peer).ask(phase, &|_, _| {}).expect("round trips");
            assert!(trips.len() as u64 == asked && asked > 5, "{asked}");
            let quick = Phase { millis: 1, ..phase };
            let (trips, asked) = post(&one, &strangers, Role::Peer).ask(quick, &|_, _| {}).expect("no answers");
            assert_eq!((trips.len(), asked), (0, 1));
            // An answer is no question: two listeners never talk to each other.
            let (trips, _) = post(&one, &mine, Role::Listener).ask(quick, &|_, _| {}).expect("no answers");
            assert_eq!(trips.len(), 0);
            over.store(true, Ordering::Relaxed);
        });
    }
}
