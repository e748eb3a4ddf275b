//! The kernel's news as they come, through sockets that wake nobody as long as nothing happens.

use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce};
use nix::sys::socket::{
    AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recvfrom, setsockopt, socket,
};
use tokio::io::Interest;
use tokio::net::UnixDatagram;

use super::link::{Links, told_of};
use super::{Hardware, Host, Uevent};

/// The kernel's own messages; group 2 has udev's.
const KERNEL_GROUP: u32 = 1;
/// `RTMGRP_LINK`.
const LINK_GROUP: u32 = 1;
/// A shelf of disks that is switched on is some thousand messages.
const BUFFER: usize = 4 << 20;
/// The kernel's messages have a page of fields at most.
const MESSAGE: usize = 32 << 10;

/// Where news comes from.
#[derive(Debug)]
pub struct News {
    source: Source,
    known: Links,
    host: Host,
    buffer: Vec<u8>,
}

#[derive(Debug)]
enum Source {
    Kernel {
        uevents: Netlink,
        links: Netlink,
    },
    /// Messages in the kernel's form from whoever writes to a socket.
    Socket(UnixDatagram),
}

impl News {
    /// Of this machine's kernel.
    ///
    /// # Errors
    /// When the system has no such sockets, as in some sandboxes.
    pub fn of_kernel(host: Host) -> io::Result<News> {
        let source = Source::Kernel {
            uevents: Netlink::open(SockProtocol::NetlinkKObjectUEvent, KERNEL_GROUP)?,
            links: Netlink::open(SockProtocol::NetlinkRoute, LINK_GROUP)?,
        };
        Ok(News { source, known: Links::of(&host), host, buffer: vec![0; MESSAGE] })
    }

    /// Of a datagram socket that is made at a path: for trials, and for a machine that hears of its devices in another way.
    ///
    /// # Errors
    /// When it cannot be made there.
    pub fn of_socket(path: &Path, host: Host) -> io::Result<News> {
        // One that an earlier process left behind; nothing else is taken away.
        if std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket()) {
            std::fs::remove_file(path)?;
        }
        let source = Source::Socket(UnixDatagram::bind(path)?);
        Ok(News { source, known: Links::default(), host, buffer: vec![0; MESSAGE] })
    }

    /// Waits for news of hardware. When the kernel had to drop some, anything may have happened.
    ///
    /// # Errors
    /// The socket's; it is of no more use then.
    pub async fn next(&mut self) -> io::Result<Hardware> {
        loop {
            let found = match &self.source {
                Source::Socket(socket) => {
                    let size = socket.recv(&mut self.buffer).await?;
                    hardware(&self.buffer[..size])
                }
                Source::Kernel { uevents, links } => tokio::select! {
                    ready = uevents.ready() => {
                        ready?;
                        uevents.take(&mut self.buffer, hardware)?
                    }
                    ready = links.ready() => {
                        ready?;
                        links.take(&mut self.buffer, |bytes| {
                            let news = told_of(bytes).iter().filter(|name| self.known.is_news(&self.host, name)).count();
                            (news > 0).then_some(Hardware::Interface)
                        })?
                    }
                },
            };
            if let Some(found) = found {
                return Ok(found);
            }
        }
    }
}

fn hardware(bytes: &[u8]) -> Option<Hardware> {
    Uevent::parse(bytes)?.hardware()
}

/// A netlink socket. It is held as a datagram socket, which it is, for the sake of being waited for; its addresses are others.
#[derive(Debug)]
struct Netlink(UnixDatagram);

impl Netlink {
    fn open(protocol: SockProtocol, group: u32) -> io::Result<Netlink> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
        // Beyond what anybody may have, where the kernel allows it.
        if setsockopt(&socket, RcvBufForce, &BUFFER).is_err() {
            setsockopt(&socket, RcvBuf, &BUFFER)?;
        }
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, group))?;
        Ok(Netlink(UnixDatagram::from_std(socket.into())?))
    }

    async fn ready(&self) -> io::Result<()> {
        self.0.readable().await
    }

    /// Takes one message off, if there is one.
    fn take(&self, buffer: &mut [u8], mut read: impl FnMut(&[u8]) -> Option<Hardware>) -> io::Result<Option<Hardware>> {
        let receive = || Ok(recvfrom::<NetlinkAddr>(self.0.as_raw_fd(), buffer)?);
        match self.0.try_io(Interest::READABLE, receive) {
            // Only the kernel's number is 0: anybody who may can send to a group.
            Ok((size, Some(sender))) if sender.pid() == 0 => Ok(read(&buffer[..size])),
            Ok(_) => Ok(None),
            Err(error) if error.raw_os_error() == Some(Errno::ENOBUFS as i32) => Ok(Some(Hardware::Anything)),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
