//! Bytes through several connections at once, compared with what was sent: cards that compute checksums themselves may spoil data behind them. An end
//! that keeps up compares all of them, one that does not an eighth.
#![allow(clippy::cast_precision_loss, reason = "rates for people")]

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::socket::getsockopt;

use super::busy::Processors;
use super::message::{Phase, Received, Sent};
use super::trouble::{Trouble, gone};
use crate::host::Host;

/// Beginning of `struct tcp_info` (linux/tcp.h), up to `tcpi_total_retrans`: eight bytes, then 24 numbers.
type Info = [u32; 26];
/// The socket option that gives it.
#[derive(Clone, Copy, Debug)]
struct TcpInfo;
nix::getsockopt_impl!(TcpInfo, libc::IPPROTO_TCP, libc::TCP_INFO, Info, nix::sys::socket::sockopt::GetStruct<Info>);
/// Place of `tcpi_total_retrans`.
const RETRANSMITTED: usize = 25;

/// Bytes after which the data begin anew: few enough to stay in the caches.
const PATTERN: usize = 128 << 10;
const BUFFER: usize = 128 << 10;
/// Where a receiver does not keep up, it compares one buffer of so many.
const SAMPLE: u64 = 8;
/// A connection looks at the clock at least so often.
const STEP: Duration = Duration::from_millis(250);
/// A connection through which nothing went for so long is broken.
const PATIENCE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(20);

/// The data that both ends know.
pub(super) struct Pattern {
    bytes: Vec<u8>,
}

impl Pattern {
    /// Data of a seed: `SplitMix64`.
    pub(super) fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut word = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        Pattern { bytes: (0..PATTERN / 8).flat_map(|_| word().to_le_bytes()).collect() }
    }

    /// The first bytes, as many as a datagram has room for.
    pub(super) fn head(&self, count: usize) -> &[u8] {
        &self.bytes[..count.min(PATTERN)]
    }

    /// How many of the bytes at a place of the row are other ones.
    fn wrong(&self, bytes: &[u8], at: u64) -> u64 {
        let mut at = usize::try_from(at % PATTERN as u64).unwrap_or(0);
        let (mut rest, mut wrong) = (bytes, 0);
        while !rest.is_empty() {
            let (here, later) = rest.split_at(rest.len().min(PATTERN - at));
            let expected = &self.bytes[at..at + here.len()];
            if !shakedown_kernels::same(here, expected) {
                wrong += here.iter().zip(expected).filter(|(one, other)| one != other).count() as u64;
            }
            (rest, at) = (later, 0);
        }
        wrong
    }
}

/// Told of a phase: the share of it that is over, and Mbit/s.
pub(super) type Tell<'a> = &'a dyn Fn(f64, Option<f64>);

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

fn send_one(
    mut stream: &TcpStream,
    pattern: &Pattern,
    until: Instant,
    total: &AtomicU64,
) -> io::Result<(u64, Option<u64>)> {
    stream.set_write_timeout(Some(STEP))?;
    let (mut sent, mut moved) = (0_u64, Instant::now());
    loop {
        let now = Instant::now();
        if now >= until {
            break;
        }
        match stream.write(&pattern.bytes[usize::try_from(sent % PATTERN as u64).unwrap_or(0)..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                sent += count as u64;
                total.fetch_add(count as u64, Ordering::Relaxed);
                moved = now;
            }
            Err(error) if is_pause(&error) && now.duration_since(moved) < PATIENCE => {}
            Err(error) => return Err(error),
        }
    }
    stream.shutdown(Shutdown::Write)?;
    Ok((sent, getsockopt(&stream, TcpInfo).ok().map(|words| u64::from(words[RETRANSMITTED]))))
}

/// Sends through all connections for the time of the phase.
pub(super) fn send(
    host: &Host,
    streams: &[TcpStream],
    pattern: &Pattern,
    phase: Phase,
    tell: Tell,
) -> Result<Sent, Trouble> {
    let before = Processors::read(host);
    let start = Instant::now();
    let until = start + Duration::from_millis(phase.millis.into());
    let total = AtomicU64::new(0);
    let ended: Vec<io::Result<(u64, Option<u64>)>> = thread::scope(|scope| {
        let total = &total;
        let threads: Vec<_> =
            streams.iter().map(|stream| scope.spawn(move || send_one(stream, pattern, until, total))).collect();
        follow(start, phase, total, tell, || threads.iter().all(thread::ScopedJoinHandle::is_finished));
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread ended"))))
            .collect()
    });
    let mut sent =
        Sent { busiest: Processors::read(host).busiest_since(&before), retransmitted: Some(0), ..Sent::default() };
    for one in ended {
        let (bytes, again) = one.map_err(|error| gone(phase.work.words(), &error))?;
        sent.bytes.push(bytes);
        sent.retransmitted = sent.retransmitted.zip(again).map(|(one, other)| one + other);
    }
    Ok(sent)
}

struct Got {
    bytes: u64,
    compared: u64,
    wrong: u64,
    tenths: Vec<u64>,
}

fn receive_one(
    mut stream: &TcpStream,
    pattern: &Pattern,
    phase: Phase,
    start: Instant,
    total: &AtomicU64,
) -> io::Result<Got> {
    stream.set_read_timeout(Some(STEP))?;
    let mut buffer = vec![0; BUFFER];
    let limit = Duration::from_millis(phase.millis.into()) + PATIENCE;
    // Bytes that arrive after the end of the phase count as received, but not in the rate.
    let slots = usize::try_from(phase.millis / 100).unwrap_or(0);
    let mut got = Got { bytes: 0, compared: 0, wrong: 0, tenths: vec![0; slots] };
    let (mut moved, mut turn) = (Instant::now(), 0_u64);
    loop {
        let read = stream.read(&mut buffer);
        let now = Instant::now();
        match read {
            Ok(0) => return Ok(got),
            Ok(count) => {
                turn += 1;
                // A buffer that is not full was waited for, so there is time.
                if count < BUFFER || turn % SAMPLE == 0 {
                    got.wrong += pattern.wrong(&buffer[..count], got.bytes);
                    got.compared += count as u64;
                }
                got.bytes += count as u64;
                total.fetch_add(count as u64, Ordering::Relaxed);
                let slot = usize::try_from(now.duration_since(start).as_millis() / 100).unwrap_or(usize::MAX);
                if let Some(tenth) = got.tenths.get_mut(slot) {
                    *tenth += count as u64;
                }
                moved = now;
            }
            Err(error) if is_pause(&error) && now.duration_since(moved) < PATIENCE => {}
            Err(error) => return Err(error),
        }
        if now.duration_since(start) > limit {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

/// Receives from all connections until they end.
pub(super) fn receive(
    host: &Host,
    streams: &[TcpStream],
    pattern: &Pattern,
    phase: Phase,
    tell: Tell,
) -> Result<Received, Trouble> {
    let before = Processors::read(host);
    let start = Instant::now();
    let total = AtomicU64::new(0);
    let ended: Vec<io::Result<Got>> = thread::scope(|scope| {
        let total = &total;
        let threads: Vec<_> = streams
            .iter()
            .map(|stream| scope.spawn(move || receive_one(stream, pattern, phase, start, total)))
            .collect();
        follow(start, phase, total, tell, || threads.iter().all(thread::ScopedJoinHandle::is_finished));
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread ended"))))
            .collect()
    });
    let mut received = Received { busiest: Processors::read(host).busiest_since(&before), ..Received::default() };
    for one in ended {
        let got = one.map_err(|error| gone(phase.work.words(), &error))?;
        received.bytes.push(got.bytes);
        received.wrong += got.wrong;
        received.compared += got.compared;
        received.tenths.resize(got.tenths.len(), 0);
        received.tenths.iter_mut().zip(&got.tenths).for_each(|(sum, tenth)| *sum += tenth);
    }
    Ok(received)
}

/// Reports the share and rate of a phase until its threads have ended.
pub(super) fn follow(start: Instant, phase: Phase, bytes: &AtomicU64, tell: Tell, is_over: impl Fn() -> bool) {
    let (mut told, mut before) = (Instant::now(), 0);
    while !is_over() {
        thread::sleep(TICK);
        let seconds = told.elapsed().as_secs_f64();
        if seconds >= 0.5 {
            let now = bytes.load(Ordering::Relaxed);
            let share = start.elapsed().as_secs_f64() / (f64::from(phase.millis) / 1e3);
            tell(share.min(1.0), Some((now - before) as f64 * 8.0 / 1e6 / seconds));
            (told, before) = (Instant::now(), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::message::Work;
    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let one = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        (one, listener.accept().expect("a connection").0)
    }

    const PHASE: Phase = Phase { id: 1, work: Work::ToListener, millis: 200, streams: 1, rate: 1 };

    #[test]
    fn all_that_is_sent_is_received_and_compared() {
        let (host, pattern) = (Host::live(), Pattern::new(7));
        let (one, other) = pair();
        let (sent, received) = thread::scope(|scope| {
            let sender = scope.spawn(|| send(&host, std::slice::from_ref(&one), &pattern, PHASE, &|_, _| {}));
            let received = receive(&host, std::slice::from_ref(&other), &pattern, PHASE, &|_, _| {});
            (sender.join().expect("a thread").expect("sent"), received.expect("received"))
        });
        assert_eq!(sent.bytes, received.bytes);
        assert!(received.bytes[0] > PATTERN as u64 && received.wrong == 0, "{received:?}");
        assert!(received.compared > received.bytes[0] / 16 && received.compared <= received.bytes[0], "{received:?}");
        assert!(sent.retransmitted.is_some(), "the kernel tells");
    }

    #[test]
    fn a_byte_that_changed_on_the_way_is_found() {
        let (mut one, other) = pair();
        let pattern = Pattern::new(7);
        let mut bytes = [pattern.bytes.as_slice(), &pattern.bytes[..100]].concat();
        bytes[PATTERN + 50] ^= 0x10;
        one.write_all(&bytes).expect("sent");
        drop(one);
        let received = receive(&Host::live(), &[other], &pattern, PHASE, &|_, _| {}).expect("received");
        assert_eq!((received.wrong, received.bytes[0]), (1, PATTERN as u64 + 100));
        assert_ne!(Pattern::new(8).bytes, pattern.bytes);
    }

    #[test]
    fn a_connection_that_breaks_is_no_end() {
        let (one, other) = pair();
        drop(other);
        let sent = send(&Host::live(), &[one], &Pattern::new(7), PHASE, &|_, _| {});
        assert!(matches!(sent, Err(Trouble::Gone(..))), "{sent:?}");
    }
}
