//! Where a listener meets strangers. A connection has a few seconds to show that it knows the token, whatever it sends; until then it costs one
//! small thread, and there are few of them. One peer is served, and no other after it.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{SockRef, Type};

use super::carrier::socket;
use super::channel::{Channel, Role, read_by};
use super::message::Phase;
use super::proof::{CODE, Key, Nonce, Purpose, Token};
use super::trouble::{Trouble, gone};

/// First bytes of a peer, and of the listener's answer. The digit is the version of all that follows.
pub(super) const HELLO: [u8; 8] = *b"SHKDNET1";
/// First bytes of a connection for data.
pub(super) const STREAM: [u8; 8] = *b"SHKDSTR1";
/// The answer to a peer while another one is served.
pub(super) const BUSY: [u8; 8] = *b"SHKDBUSY";

/// Longest wait for a stranger to prove that it knows the token.
const WAIT: Duration = Duration::from_secs(5);
/// Strangers at a time; the oldest goes when one more comes.
const MOST_STRANGERS: usize = 16;
const STEP: Duration = Duration::from_millis(100);

/// A connection for data.
struct Incoming {
    phase: u32,
    number: u32,
    stream: TcpStream,
}

#[derive(Default)]
struct State {
    /// The key of the peer that is served.
    serving: Option<Key>,
    waiting: VecDeque<(u64, TcpStream)>,
}

struct Shared {
    token: Token,
    state: Mutex<State>,
    strangers: AtomicU64,
    is_over: AtomicBool,
    peers: SyncSender<(TcpStream, Key)>,
    streams: SyncSender<Incoming>,
}

/// A listener that accepts. Ends with its value.
pub(super) struct Desk {
    shared: Arc<Shared>,
    peers: Receiver<(TcpStream, Key)>,
    streams: Receiver<Incoming>,
    pub(super) address: SocketAddr,
}

impl Desk {
    /// Listens at the first of the addresses where that is possible.
    pub(super) fn open(addresses: &[SocketAddr], device: Option<&str>, token: Token) -> Result<Self, Trouble> {
        let mut last = Trouble::Here("Nothing to listen at", io::ErrorKind::NotFound.into());
        for address in addresses {
            match listen(*address, device) {
                Ok(listener) => {
                    return Desk::at(listener, token).map_err(|error| Trouble::Here("Cannot listen", error));
                }
                Err(trouble) => last = trouble,
            }
        }
        Err(last)
    }

    fn at(listener: TcpListener, token: Token) -> io::Result<Self> {
        let address = listener.local_addr()?;
        // So accepting looks up now and then whether it is still wanted.
        SockRef::from(&listener).set_read_timeout(Some(STEP))?;
        let (to_peers, peers) = sync_channel(1);
        let (to_streams, streams) = sync_channel(MOST_STRANGERS);
        let shared = Arc::new(Shared {
            token,
            state: Mutex::default(),
            strangers: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            peers: to_peers,
            streams: to_streams,
        });
        let accepting = Arc::clone(&shared);
        thread::Builder::new().name("accept".to_owned()).spawn(move || accepting.accept(&listener))?;
        Ok(Desk { shared, peers, streams, address })
    }

    /// Connections that did not show that they know the token.
    pub(super) fn strangers(&self) -> u64 {
        self.shared.strangers.load(Ordering::Relaxed)
    }

    /// The first peer that knows the token; `None` when the time is over.
    pub(super) fn peer(&self, wait: Duration) -> Result<Option<Channel>, Trouble> {
        match self.peers.recv_timeout(wait) {
            Ok((stream, key)) => {
                let channel = Channel::new(stream, key, Role::Listener);
                channel.map(Some).map_err(|error| Trouble::Here("A connection cannot be used", error))
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(None),
        }
    }

    /// The connections of a phase, all of them.
    pub(super) fn streams(&self, phase: Phase, wait: Duration) -> Result<Vec<TcpStream>, Trouble> {
        let deadline = Instant::now() + wait;
        let mut all: Vec<Option<TcpStream>> = (0..phase.streams).map(|_| None).collect();
        while all.iter().any(Option::is_none) {
            let next = self.streams.recv_timeout(deadline.saturating_duration_since(Instant::now()));
            let next = next.map_err(|_| gone(phase.work.words(), &io::ErrorKind::TimedOut.into()))?;
            let place = usize::try_from(next.number).ok().and_then(|number| all.get_mut(number));
            if let Some(place) = place.filter(|_| next.phase == phase.id) {
                *place = Some(next.stream);
            }
        }
        Ok(all.into_iter().flatten().collect())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }
}

fn listen(address: SocketAddr, device: Option<&str>) -> Result<TcpListener, Trouble> {
    let here = |error| Trouble::Here("Cannot listen at this address", error);
    let socket = socket(address, Type::STREAM, device)?;
    socket.set_reuse_address(true).map_err(here)?;
    socket.bind(&address.into()).map_err(here)?;
    socket.listen(16).map_err(here)?;
    Ok(socket.into())
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &TcpListener) {
        let mut number = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            // Out of descriptors: those of strangers come back within seconds.
            let Ok((stream, _)) = listener.accept() else {
                thread::sleep(Duration::from_millis(1));
                continue;
            };
            number += 1;
            if !self.admit(number, &stream) {
                continue;
            }
            let shared = Arc::clone(&self);
            let started = thread::Builder::new().name("stranger".to_owned()).stack_size(256 << 10).spawn(move || {
                let is_known = shared.meet(stream).unwrap_or(false);
                shared.strangers.fetch_add(u64::from(!is_known), Ordering::Relaxed);
                shared.state().waiting.retain(|(one, _)| *one != number);
            });
            if started.is_err() {
                self.state().waiting.retain(|(one, _)| *one != number);
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, number: u64, stream: &TcpStream) -> bool {
        let Ok(handle) = stream.try_clone() else { return false };
        let mut state = self.state();
        if state.waiting.len() >= MOST_STRANGERS
            && let Some((_, oldest)) = state.waiting.pop_front()
        {
            let _ = oldest.shutdown(Shutdown::Both);
        }
        state.waiting.push_back((number, handle));
        true
    }

    /// Answers a connection; true if its end knows the token, or was told that another peer is served.
    fn meet(&self, stream: TcpStream) -> io::Result<bool> {
        let deadline = Instant::now() + WAIT;
        stream.set_write_timeout(Some(WAIT))?;
        let mut magic = [0; HELLO.len()];
        read_by(&stream, &mut magic, deadline)?;
        match magic {
            HELLO => self.greet(stream, deadline),
            STREAM => self.join(stream, deadline),
            _ => Ok(false),
        }
    }

    fn greet(&self, mut stream: TcpStream, deadline: Instant) -> io::Result<bool> {
        let mut theirs: Nonce = [0; 32];
        read_by(&stream, &mut theirs, deadline)?;
        if self.state().serving.is_some() {
            stream.write_all(&BUSY)?;
            return Ok(true);
        }
        let nonce: Nonce = rand::random();
        stream.write_all(&[HELLO.as_slice(), &nonce].concat())?;
        let mut proof = [0; CODE];
        read_by(&stream, &mut proof, deadline)?;
        if !self.token.is_shown(Purpose::Peer, &theirs, &nonce, &proof) {
            return Ok(false);
        }
        let key = self.token.session(&theirs, &nonce);
        {
            let mut state = self.state();
            if state.serving.is_some() {
                return Ok(true);
            }
            state.serving = Some(key.clone());
        }
        let told = stream.write_all(&self.token.proof(Purpose::Listener, &theirs, &nonce));
        if told.is_err() || self.peers.try_send((stream, key)).is_err() {
            // The peer went away at once, so the next one may come.
            self.state().serving = None;
        }
        Ok(true)
    }

    fn join(&self, stream: TcpStream, deadline: Instant) -> io::Result<bool> {
        let (mut phase, mut number, mut code) = ([0; 4], [0; 4], [0; CODE]);
        for part in [phase.as_mut_slice(), &mut number, &mut code] {
            read_by(&stream, part, deadline)?;
        }
        let key = self.state().serving.clone();
        let is_right = key.is_some_and(|key| key.is_right(Purpose::Stream, &[&phase, &number], &code));
        let incoming = Incoming { phase: u32::from_le_bytes(phase), number: u32::from_le_bytes(number), stream };
        Ok(is_right && self.streams.try_send(incoming).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn desk() -> Desk {
        let token = Token::new("0123456789abcdef").expect("a token");
        Desk::open(&["127.0.0.1:0".parse().expect("an address")], None, token).expect("a listener")
    }

    fn stranger(desk: &Desk, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(desk.address).expect("a connection");
        stream.write_all(bytes).expect("sent");
        stream
    }

    /// All that a stranger gets before the connection ends.
    fn answer(mut stream: TcpStream) -> Vec<u8> {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    #[test]
    fn a_stranger_gets_a_random_number_at_most_and_never_more_bytes_than_it_sent() {
        let desk = desk();
        assert_eq!(answer(stranger(&desk, b"GET / HTTP/1.1\r\n\r\n")), b"");
        assert_eq!(answer(stranger(&desk, &[0xff; 4096])), b"");
        assert_eq!(answer(stranger(&desk, &[STREAM.as_slice(), &[7; 40]].concat())), b"", "no test is under way");
        let wrong = [HELLO.as_slice(), &[7; 32], &[7; 32]].concat();
        let got = answer(stranger(&desk, &wrong));
        assert_eq!((got.len(), &got[..8]), (40, HELLO.as_slice()), "a nonce and no proof");
        assert!(desk.peer(Duration::ZERO).expect("no trouble").is_none());
        assert_eq!(desk.strangers(), 4);
    }

    #[test]
    fn strangers_that_say_nothing_keep_nobody_out() {
        let desk = desk();
        let silent: Vec<TcpStream> = (0..3 * MOST_STRANGERS).map(|_| stranger(&desk, &HELLO[..3])).collect();
        let token = Token::new("0123456789abcdef").expect("a token");
        let (nonce, mut answer, mut proof) = ([1; 32], [0; 40], [0; CODE]);
        let mut peer = stranger(&desk, &[HELLO.as_slice(), &nonce].concat());
        peer.read_exact(&mut answer).expect("a nonce");
        let theirs: Nonce = answer[8..].try_into().expect("32 bytes");
        peer.write_all(&token.proof(Purpose::Peer, &nonce, &theirs)).expect("sent");
        peer.read_exact(&mut proof).expect("a proof");
        assert!(token.is_shown(Purpose::Listener, &nonce, &theirs, &proof));
        assert!(desk.peer(WAIT).expect("no trouble").is_some());
        assert!(desk.shared.state().waiting.len() <= MOST_STRANGERS);
        drop(silent);
        let second = stranger(&desk, &[HELLO.as_slice(), &nonce].concat());
        assert_eq!(super::tests::answer(second), BUSY, "one peer at a time");
    }
}
