//! A network between node and region that can be cut and mended.

use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::until;

/// Forwards connections while it is up; down, the port refuses and what was connected breaks.
pub(crate) struct Proxy {
    address: SocketAddr,
    upstream: SocketAddr,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A network that is up, to the host of a URL such as a sandbox has.
    pub(crate) fn to(url: &str) -> Proxy {
        let host = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
        let upstream = host.parse().expect("a sandbox's URL has an address and a port");
        // Not 127.0.0.1, where some other program could be given the port while it is free.
        let listener = listen(SocketAddr::from(([127, 0, 0, 2], 0)));
        let address = listener.local_addr().expect("a listener has an address");
        Proxy { address, upstream, task: tokio::spawn(serve(listener, upstream)) }
    }

    /// The region's address as the node knows it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/MAAS/", self.address)
    }

    pub(crate) async fn cut(&self) {
        self.task.abort();
        until("the network is cut", || self.task.is_finished()).await;
    }

    pub(crate) fn mend(&mut self) {
        self.task = tokio::spawn(serve(listen(self.address), self.upstream));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("a socket option");
    socket.bind(address).expect("the loopback can be bound");
    socket.listen(64).expect("the loopback can be listened on")
}

async fn serve(listener: TcpListener, upstream: SocketAddr) {
    // Dropped with this task, and all connections with it.
    let mut connections = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        connections.spawn(async move {
            if let Ok(mut far) = TcpStream::connect(upstream).await {
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}
