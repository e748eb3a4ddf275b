//! What the service manager is told, and what it asks for: systemd's notification protocol (`sd_notify(3)`), a datagram of
//! `KEY=VALUE` lines to the socket that `NOTIFY_SOCKET` names.

use std::ffi::{OsStr, OsString};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The service manager that started this program, if one did and wants to hear of it.
#[derive(Debug, Default)]
pub struct Service {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

impl Service {
    /// As the environment says.
    #[must_use]
    pub fn from_environment() -> Service {
        Service::new(std::env::var_os, std::process::id())
    }

    fn new(variable: impl Fn(&'static str) -> Option<OsString>, own: u32) -> Service {
        let number = |name| variable(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
        let socket = variable("NOTIFY_SOCKET").and_then(|name| {
            let opened = address(&name).and_then(|address| Ok((UnixDatagram::unbound()?, address)));
            opened
                .inspect_err(|error| tracing::warn!(%error, ?name, "the service manager cannot be told anything"))
                .ok()
        });
        let is_meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(own));
        let limit = number("WATCHDOG_USEC").filter(|limit| *limit > 0 && is_meant).map(Duration::from_micros);
        Service { watchdog: limit.filter(|_| socket.is_some()), socket }
    }

    /// How often it wants to hear that this program is alive: at half of its limit; `None` if it does not.
    #[must_use]
    pub fn pulse(&self) -> Option<Duration> {
        self.watchdog.map(|limit| limit / 2)
    }

    /// The work has begun.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// Still alive.
    pub fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    /// What is being done, in a line for people.
    pub fn status(&self, status: &str) {
        self.tell(&format!("STATUS={status}"));
    }

    /// The work ends.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// One that does not listen is none of this program's troubles.
    fn tell(&self, message: &str) {
        let Some((socket, address)) = &self.socket else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), address) {
            tracing::debug!(%error, message, "the service manager was not told");
        }
    }
}

/// A path, or a name in the abstract namespace after `@`.
fn address(name: &OsStr) -> std::io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(variables: &[(&'static str, &str)]) -> Service {
        let variables: Vec<(&'static str, OsString)> = variables.iter().map(|(k, v)| (*k, OsString::from(v))).collect();
        Service::new(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()), 7)
    }

    fn heard(socket: &UnixDatagram) -> String {
        let mut bytes = [0; 200];
        let size = socket.recv(&mut bytes).expect("it was told");
        String::from_utf8_lossy(&bytes[..size]).into_owned()
    }

    #[test]
    fn it_is_told_at_a_path_or_an_abstract_name() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let path = directory.path().join("notify");
        let abstract_name = format!("shakedown-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&abstract_name).expect("a name");
        let sockets = [
            (path.display().to_string(), UnixDatagram::bind(&path)),
            (format!("@{abstract_name}"), UnixDatagram::bind_addr(&address)),
        ];
        for (name, socket) in sockets {
            let socket = socket.expect("a free address");
            let service = service(&[("NOTIFY_SOCKET", &name)]);
            service.ready("here");
            service.alive();
            service.stopping();
            assert_eq!(
                [heard(&socket), heard(&socket), heard(&socket)],
                ["READY=1\nSTATUS=here", "WATCHDOG=1", "STOPPING=1"]
            );
        }
    }

    #[test]
    fn the_pulse_is_half_of_the_watchdogs_limit_if_it_is_this_program_that_is_watched() {
        let socket = ("NOTIFY_SOCKET", "/nowhere");
        let limit = ("WATCHDOG_USEC", "600000000");
        assert_eq!(service(&[socket, limit]).pulse(), Some(Duration::from_secs(300)));
        assert_eq!(service(&[socket, limit, ("WATCHDOG_PID", "7")]).pulse(), Some(Duration::from_secs(300)));
        assert_eq!(service(&[socket, limit, ("WATCHDOG_PID", "8")]).pulse(), None);
        assert_eq!(service(&[limit]).pulse(), None, "nobody listens");
        assert_eq!(service(&[socket, ("WATCHDOG_USEC", "soon")]).pulse(), None);
    }

    #[test]
    fn without_a_service_manager_nothing_is_told() {
        let service = service(&[]);
        service.ready("to nobody");
        service.alive();
        assert_eq!(service.pulse(), None);
    }
}
