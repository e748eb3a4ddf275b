//! Which interface carries a test, and sockets that are held to one.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::super::state::{State, with_hardware};
use super::trouble::Trouble;
use crate::host::Host;

/// A connection whose other end gives no sign for so long is broken (`TCP_USER_TIMEOUT`).
const SILENCE: Duration = Duration::from_secs(10);

/// The interface that carries a test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Carrier {
    /// Its name; empty where nobody knows.
    pub(super) name: String,
    /// Mbit/s of its link.
    pub(super) speed: Option<u64>,
    /// There is hardware behind it.
    pub(super) has_hardware: bool,
    /// The other end is this machine.
    pub(super) is_own: bool,
    /// The other end is in the same network, without a router between.
    pub(super) is_near: bool,
}

impl Carrier {
    /// Of a connection between two addresses: the interface that has the first one.
    pub(super) fn of(host: &Host, local: IpAddr, other: IpAddr) -> Self {
        let (local, other) = (local.to_canonical(), other.to_canonical());
        let listed = host.interface_addresses().unwrap_or_default();
        let of = |address: IpAddr| listed.iter().find(|one| one.ip.is_some_and(|(ip, _)| ip == address));
        // Packets to an address of this machine go over the loopback, whatever the address.
        let is_own = other.is_loopback() || of(other).is_some();
        let (name, is_near) = match of(local) {
            _ if is_own => ("lo".to_owned(), true),
            Some(one) => (one.name.clone(), one.ip.is_some_and(|(ip, bits)| is_in_network(ip, other, bits))),
            None => (String::new(), false),
        };
        let speed = State::read(host, &name).and_then(|state| state.speed);
        let has_hardware = with_hardware(host).contains(&name);
        Carrier { name, speed, has_hardware, is_own, is_near }
    }
}

fn is_in_network(one: IpAddr, other: IpAddr, bits: u32) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            (u32::from(one) ^ u32::from(other)).checked_shr(32 - bits.min(32)).unwrap_or(0) == 0
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            (u128::from(one) ^ u128::from(other)).checked_shr(128 - bits.min(128)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// A socket, held to an interface if one is named.
pub(super) fn socket(address: SocketAddr, kind: Type, device: Option<&str>) -> Result<Socket, Trouble> {
    let protocol = if kind == Type::STREAM { Protocol::TCP } else { Protocol::UDP };
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol));
    let socket = socket.map_err(|error| Trouble::Here("A socket cannot be made", error))?;
    if let Some(device) = device {
        let bound = socket.bind_device(Some(device.as_bytes()));
        bound.map_err(|error| Trouble::Here("A socket cannot be held to the interface", error))?;
    }
    if kind == Type::STREAM {
        // Where it fails, other limits of time hold.
        let _ = socket.set_tcp_user_timeout(Some(SILENCE));
    }
    Ok(socket)
}

/// A connection to an address.
pub(super) fn connect(address: SocketAddr, device: Option<&str>, wait: Duration) -> Result<TcpStream, Trouble> {
    let socket = socket(address, Type::STREAM, device)?;
    match socket.connect_timeout(&SockAddr::from(address), wait) {
        Ok(()) => Ok(socket.into()),
        Err(error) => Err(match error.kind() {
            io::ErrorKind::ConnectionRefused => Trouble::Refused(address.to_string()),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Trouble::NoAnswer(address.to_string()),
            _ => Trouble::NoRoute(address.to_string(), error.to_string()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_near_if_it_is_in_the_network_of_the_address() {
        let near = |one: &str, other: &str, bits| {
            is_in_network(one.parse().expect("an address"), other.parse().expect("an address"), bits)
        };
        assert!(near("10.0.0.1", "10.0.0.254", 24) && !near("10.0.0.1", "10.0.1.1", 24));
        assert!(near("fd00::1", "fd00::2", 64) && !near("fd00::1", "fd00:0:0:1::2", 64));
        assert!(near("10.0.0.1", "10.0.0.1", 32) && !near("10.0.0.1", "10.0.0.2", 32));
        assert!(near("10.0.0.1", "99.0.0.1", 0) && !near("10.0.0.1", "fd00::1", 0));
    }

    #[test]
    fn what_goes_to_this_machine_goes_over_its_loopback() {
        let loopback = "127.0.0.1".parse().expect("an address");
        let carrier = Carrier::of(&Host::live(), loopback, loopback);
        assert_eq!((carrier.name.as_str(), carrier.is_own, carrier.has_hardware), ("lo", true, false));
    }

    #[test]
    fn a_port_where_nobody_listens_refuses() {
        let address = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback").local_addr().expect("an address");
        assert!(matches!(connect(address, None, SILENCE), Err(Trouble::Refused(_))));
        let held = connect(address, Some("nosuch0"), SILENCE);
        assert!(matches!(held, Err(Trouble::Here(..))), "{held:?}");
    }
}
