//! A network that lies: what stands between a machine and its region answers in the region's place, loses answers, cuts them, or sends
//! the machine elsewhere. One thing it never does is to forge the very answer that the region would give: that nobody could notice.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Faults in one run at the most: a region that is never reached ends no run.
const MOST: u32 = 25;
/// Requests that are struck, of a hundred.
const RATE: f64 = 0.3;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// Somebody else answers; the region never hears of it.
    Stray,
    /// A redirect to the same place by another name.
    RedirectHere,
    /// A redirect to a server that says OK to everything.
    RedirectAway,
    /// A redirect to something that is no web server.
    RedirectNowhere,
    /// Cut before the region hears of it.
    CutBefore,
    /// The region hears of it, and the answer is lost.
    CutAfter,
    /// The region hears of it, and half of the answer arrives.
    Half,
    /// The region hears nothing, and an answer begins like its own and breaks off.
    BeginsWell,
}

const FAULTS: [Fault; 8] = [
    Fault::Stray,
    Fault::RedirectHere,
    Fault::RedirectAway,
    Fault::RedirectNowhere,
    Fault::CutBefore,
    Fault::CutAfter,
    Fault::Half,
    Fault::BeginsWell,
];

/// What a signal or an event is known by again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Message {
    Signal { status: String, result_id: String, has_files: bool },
    Event(String),
}

#[derive(Debug)]
struct State {
    random: StdRng,
    struck: BTreeMap<Fault, u32>,
    taken: Vec<Message>,
}

/// The network of one run.
pub(crate) struct Network {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    tasks: [JoinHandle<()>; 2],
}

struct Link {
    upstream: SocketAddr,
    here: SocketAddr,
    away: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    path: String,
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Network {
    pub(crate) async fn to(url: &str, seed: u64) -> Network {
        let host = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let upstream = host.parse().expect("a sandbox's URL has an address and a port");
        let random = StdRng::seed_from_u64(seed);
        let state = Arc::new(Mutex::new(State { random, struck: BTreeMap::new(), taken: Vec::new() }));
        let (listener, address) = listen().await;
        let (elsewhere, away) = listen().await;
        let link = Arc::new(Link { upstream, here: address, away, state: Arc::clone(&state) });
        let tasks = [tokio::spawn(serve(listener, link)), tokio::spawn(agree(elsewhere))];
        Network { address, state, tasks }
    }

    /// The region's address as the node knows it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/MAAS/", self.address)
    }

    /// The faults that struck, by kind.
    pub(crate) fn struck(&self) -> String {
        format!("{:?}", lock(&self.state).struck)
    }

    /// Whether the region took a message of the journal's outbox.
    pub(crate) fn has_taken(&self, payload: &Value) -> bool {
        let state = lock(&self.state);
        if let Some(event) = payload.get("event") {
            // Several go in one request.
            let text = event["description"].as_str().unwrap_or_default();
            return state.taken.iter().any(|taken| matches!(taken, Message::Event(body) if body.contains(text)));
        }
        let signal = &payload["signal"];
        let wanted = Message::Signal {
            status: signal["status"].as_str().unwrap_or_default().to_owned(),
            result_id: signal["script"]["result_id"].as_i64().map(|id| id.to_string()).unwrap_or_default(),
            has_files: signal["files"].as_array().is_some_and(|files| !files.is_empty()),
        };
        state.taken.contains(&wanted)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback can be listened on");
    let address = listener.local_addr().expect("a listener has an address");
    (listener, address)
}

async fn serve(listener: TcpListener, link: Arc<Link>) {
    let mut connections = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        let link = Arc::clone(&link);
        connections.spawn(async move { link.answer(near).await });
        while connections.try_join_next().is_some() {}
    }
}

/// A server that takes everything and says OK: never the region.
async fn agree(listener: TcpListener) {
    while let Ok((mut near, _)) = listener.accept().await {
        tokio::spawn(async move {
            if Request::read(&mut near).await.is_some() {
                let _ = near.write_all(&response(200, "", "OK")).await;
            }
        });
    }
}

fn response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}", body.len())
        .into_bytes()
}

impl Link {
    async fn answer(&self, mut near: TcpStream) -> Option<()> {
        let request = Request::read(&mut near).await?;
        let Some(fault) = self.choose(&request) else {
            let answer = self.forward(&request).await?;
            return near.write_all(&answer).await.ok();
        };
        let bytes = match fault {
            Fault::Stray => self.stray(&request),
            Fault::RedirectHere => self.redirect(&format!("http://{}{}", self.here, request.path)),
            Fault::RedirectAway => self.redirect(&format!("http://{}{}", self.away, request.path)),
            Fault::RedirectNowhere => self.redirect("file:///etc/passwd"),
            Fault::CutBefore => return None,
            Fault::CutAfter => return self.forward(&request).await.map(drop),
            Fault::Half => {
                let mut answer = self.forward(&request).await?;
                answer.truncate(answer.len() - 1);
                answer
            }
            Fault::BeginsWell => b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nO".to_vec(),
        };
        near.write_all(&bytes).await.ok()
    }

    fn choose(&self, request: &Request) -> Option<Fault> {
        let mut state = lock(&self.state);
        let so_far: u32 = state.struck.values().sum();
        if so_far >= MOST || !state.random.random_bool(RATE) {
            return None;
        }
        let fault = *FAULTS.choose(&mut state.random)?;
        // Without a body there is nothing to cut off, and nothing to begin.
        if request.path.contains("/status/") && matches!(fault, Fault::Half) {
            return None;
        }
        *state.struck.entry(fault).or_default() += 1;
        Some(fault)
    }

    /// What proxies, portals and load balancers say, and never what the region would to this request.
    fn stray(&self, request: &Request) -> Vec<u8> {
        const STATUSES: [u16; 19] =
            [200, 202, 204, 206, 300, 304, 400, 403, 404, 405, 407, 408, 409, 421, 429, 451, 500, 502, 503];
        const BODIES: [&str; 7] = [
            "",
            "OK, logged in",
            "<html><body>Please log in</body></html>",
            "{\"status\": \"OK\"}",
            "squid: access denied",
            "OK\r\n\r\nOK",
            "404 page not found",
        ];
        let mut state = lock(&self.state);
        let status = *STATUSES.choose(&mut state.random).unwrap_or(&503);
        let body = *BODIES.choose(&mut state.random).unwrap_or(&"");
        let retry_after = if state.random.random_bool(0.2) { "Retry-After: 0\r\n" } else { "" };
        // That there is nothing to run, and that an event is queued, are said by a bare 204.
        let is_signal = request.method == "POST" && !request.path.contains("/status/");
        match status {
            204 if is_signal => b"HTTP/1.1 204 x\r\nConnection: close\r\n\r\n".to_vec(),
            204 | 304 => response(403, retry_after, body),
            status => response(status, retry_after, body),
        }
    }

    fn redirect(&self, to: &str) -> Vec<u8> {
        let status = *[301, 302, 303, 307, 308].choose(&mut lock(&self.state).random).unwrap_or(&302);
        response(status, &format!("Location: {to}\r\n"), "")
    }

    async fn forward(&self, request: &Request) -> Option<Vec<u8>> {
        let mut far = TcpStream::connect(self.upstream).await.ok()?;
        far.write_all(&request.head).await.ok()?;
        far.write_all(&request.body).await.ok()?;
        let mut answer = Vec::new();
        far.read_to_end(&mut answer).await.ok()?;
        if request.method == "POST" && is_taken(&answer) {
            lock(&self.state).taken.push(request.message());
        }
        Some(answer)
    }
}

/// Whether the region has what was sent to it, by its answer.
fn is_taken(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let status = text.get(9..12).unwrap_or_default();
    matches!(status, "200" | "204") || (status == "500" && text.contains("is not running or pending"))
}

impl Request {
    async fn read(near: &mut TcpStream) -> Option<Request> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
                break end + 4;
            }
            if near.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut words = head.split(' ');
        let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
        let header = |line: &str| Some(line.split_once(':')?.1.trim().to_owned());
        let lower = |line: &&str, name: &str| line.to_ascii_lowercase().starts_with(name);
        let length = head.lines().find(|line| lower(line, "content-length:")).and_then(header);
        let length: usize = length.and_then(|text| text.parse().ok()).unwrap_or(0);
        while bytes.len() < end + length {
            if near.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
        let lines = head.trim_end().lines().filter(|line| !lower(line, "connection:"));
        let head: String = lines.map(|line| format!("{line}\r\n")).collect::<String>() + "Connection: close\r\n\r\n";
        Some(Request { method, path, head: head.into_bytes(), body: bytes[end..].to_vec() })
    }

    fn message(&self) -> Message {
        if self.path.contains("/status/") {
            let event: Value = serde_json::from_slice(&self.body).unwrap_or_default();
            return Message::Event(event["description"].as_str().unwrap_or_default().to_owned());
        }
        Message::Signal {
            status: self.field("status"),
            result_id: self.field("script_result_id"),
            has_files: memchr::memmem::find(&self.body, b"filename=").is_some(),
        }
    }

    /// A field of a multipart body.
    fn field(&self, name: &str) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let part = text.split("\r\n--").find(|part| part.contains(&format!("name=\"{name}\"")));
        let value = part.and_then(|part| part.split_once("\r\n\r\n"));
        value.map(|(_, value)| value.to_owned()).unwrap_or_default()
    }
}
