//! The journal of systemd, by its native protocol (`man 8 systemd-journald.service`, "Journal Native Protocol": a datagram of `NAME=value` lines).
//!
//! Own code, since the libraries for it either cannot set `MESSAGE_ID` beside fields with a prefix, or bring a second runtime.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixDatagram;

use nix::sys::stat::fstat;
use tracing::Level;

use super::priority;

/// Where journald listens.
const SOCKET: &str = "/run/systemd/journal/socket";
/// Most bytes of a value. Larger datagrams are refused by the kernel at about 200 KiB.
const MOST: usize = 32 << 10;

/// A connection.
#[derive(Debug)]
pub(super) struct Journald {
    socket: UnixDatagram,
}

impl Journald {
    /// The journal, if standard error leads there; `None` if somebody else reads it. systemd says which stream it connected by `JOURNAL_STREAM`
    /// (`man 5 systemd.exec`).
    pub(super) fn of_stderr() -> Option<Self> {
        let stream = std::env::var("JOURNAL_STREAM").ok()?;
        let stderr = fstat(io::stderr().as_fd()).ok()?;
        (stream == format!("{}:{}", stderr.st_dev, stderr.st_ino)).then(|| Journald::at(SOCKET))?
    }

    fn at(path: &str) -> Option<Self> {
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect(path).ok()?;
        // A journal that is stuck holds up nobody.
        socket.set_nonblocking(true).ok()?;
        Some(Journald { socket })
    }

    /// Sends an entry. Fields become `SHAKEDOWN_NAME`, but for `message_id` and `syslog_priority`.
    pub(super) fn send(&self, level: Level, message: &str, fields: &[(&'static str, String)]) -> io::Result<()> {
        self.socket.send(&datagram(level, message, fields)).map(drop)
    }
}

/// The priority of a level.
fn of_level(level: Level) -> u8 {
    match level {
        Level::ERROR => priority::ERR,
        Level::WARN => priority::WARNING,
        Level::INFO => priority::INFO,
        _ => priority::DEBUG,
    }
}

fn datagram(level: Level, message: &str, fields: &[(&'static str, String)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    put(&mut bytes, "MESSAGE", message);
    let own = fields.iter().find(|(name, _)| *name == "syslog_priority");
    put(&mut bytes, "PRIORITY", &own.map_or_else(|| of_level(level).to_string(), |(_, value)| value.clone()));
    put(&mut bytes, "SYSLOG_IDENTIFIER", "shakedown");
    for (name, value) in fields {
        match *name {
            "message_id" => put(&mut bytes, "MESSAGE_ID", value),
            "syslog_priority" => {}
            name => put(&mut bytes, &format!("SHAKEDOWN_{}", name.to_uppercase()), value.trim_matches('"')),
        }
    }
    bytes
}

/// Adds a field. A value of several lines goes with its length (64 bits, little-endian).
fn put(bytes: &mut Vec<u8>, name: &str, value: &str) {
    let value = &value.as_bytes()[..value.floor_char_boundary(MOST)];
    bytes.extend_from_slice(name.as_bytes());
    if value.contains(&b'\n') {
        bytes.push(b'\n');
        bytes.extend_from_slice(&u64::try_from(value.len()).unwrap_or(0).to_le_bytes());
    } else {
        bytes.push(b'=');
    }
    bytes.extend_from_slice(value);
    bytes.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_priority_identity_and_fields() {
        let fields = [("message_id", "0f".to_owned()), ("script", "memtest".to_owned()), ("run", "7".to_owned())];
        let sent = datagram(Level::WARN, "it failed", &fields);
        let expected = "MESSAGE=it failed\nPRIORITY=4\nSYSLOG_IDENTIFIER=shakedown\nMESSAGE_ID=0f\nSHAKEDOWN_SCRIPT=memtest\nSHAKEDOWN_RUN=7\n";
        assert_eq!(String::from_utf8_lossy(&sent), expected);
    }

    #[test]
    fn news_of_a_failure_has_a_priority_of_its_own() {
        let sent = datagram(Level::INFO, "a disk is failing", &[("syslog_priority", "3".to_owned())]);
        assert_eq!(
            String::from_utf8_lossy(&sent),
            "MESSAGE=a disk is failing\nPRIORITY=3\nSYSLOG_IDENTIFIER=shakedown\n"
        );
    }

    #[test]
    fn a_value_of_several_lines_goes_with_its_length_and_a_long_one_is_cut() {
        let sent = datagram(Level::ERROR, "one\ntwo", &[]);
        assert!(sent.starts_with(b"MESSAGE\n\x07\0\0\0\0\0\0\0one\ntwo\nPRIORITY=3\n"), "{sent:?}");
        let sent = datagram(Level::INFO, &"ü".repeat(40_000), &[]);
        assert!(sent.len() < 33_000 && std::str::from_utf8(&sent).is_ok());
    }

    #[test]
    fn an_entry_arrives_as_one_datagram() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let listener = UnixDatagram::bind(&path).expect("a socket");
        let journal = Journald::at(path.to_str().expect("a path")).expect("a connection");
        journal.send(Level::INFO, "hello", &[]).expect("sent");
        let mut bytes = [0; 200];
        let count = listener.recv(&mut bytes).expect("an entry");
        assert!(bytes[..count].starts_with(b"MESSAGE=hello\nPRIORITY=6\n"));
    }
}
