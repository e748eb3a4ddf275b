//! A server of files that does what it is told to, wrong things included.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// What stands after GET.
    pub(crate) target: String,
    /// With names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    /// How often the same was asked for before.
    pub(crate) before: usize,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Where the rest begins that is asked for.
    fn offset(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What it does.
pub(crate) enum Reply {
    /// These bytes, and the end.
    Bytes(Vec<u8>),
    /// These bytes, and silence.
    Silence(Vec<u8>),
    /// These bytes, and then these again and again, in pieces with the pause between them.
    Endless(Vec<u8>, Vec<u8>, u64),
}

/// An answer with a status line, headers and a body, as its length says.
pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    head(status, headers, body.len()).into_iter().chain(body.iter().copied()).collect()
}

/// The same without the body.
pub(crate) fn head(status: &str, headers: &[(&str, &str)], length: usize) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n").into_bytes()
}

/// A file as an honest server gives it, with ranges.
pub(crate) fn file(asked: &Asked, tag: &str, body: &[u8]) -> Reply {
    let tags = [("ETag", tag)];
    match asked.offset().filter(|_| asked.header("if-range") == Some(tag)) {
        Some(from) => {
            let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
            Reply::Bytes(answer("206 Partial Content", &[tags[0], ("Content-Range", &range)], &body[from..]))
        }
        None => Reply::Bytes(answer("200 OK", &tags, body)),
    }
}

pub(crate) fn absent() -> Reply {
    Reply::Bytes(answer("404 Not Found", &[], b"no"))
}

type Rule = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// Listens on the loopback until dropped.
pub(crate) struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(rule: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback can be listened on");
        let port = listener.local_addr().expect("it listens").port();
        let (rule, asked): (Rule, Arc<Mutex<Vec<Asked>>>) = (Arc::new(rule), Arc::default());
        let log = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(serve(connection, Arc::clone(&rule), Arc::clone(&log)));
            }
        });
        Server { port, asked, task }
    }

    /// Some files by path, everything else is absent.
    pub(crate) async fn of(files: Vec<(String, Vec<u8>)>) -> Server {
        Server::start(move |asked| match files.iter().find(|(path, _)| *path == asked.target) {
            Some((_, body)) => file(asked, "\"1\"", body),
            None => absent(),
        })
        .await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut connection: TcpStream, rule: Rule, log: Arc<Mutex<Vec<Asked>>>) {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => bytes.push(byte),
            Err(_) => return,
        }
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = text.lines();
    let target = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.into()));
    let headers = headers.collect();
    let reply = {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        let before = log.iter().filter(|asked| asked.target == target).count();
        log.push(Asked { target, headers, before });
        rule(&log[log.len() - 1])
    };
    match reply {
        Reply::Bytes(bytes) => {
            let _ = connection.write_all(&bytes).await;
            let _ = connection.shutdown().await;
        }
        Reply::Silence(bytes) => {
            let _ = connection.write_all(&bytes).await;
            let mut rest = Vec::new();
            let _ = connection.read_to_end(&mut rest).await;
        }
        Reply::Endless(bytes, piece, pause) => {
            let mut sent = connection.write_all(&bytes).await;
            while sent.is_ok() {
                sent = connection.write_all(&piece).await;
                tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            }
        }
    }
}
