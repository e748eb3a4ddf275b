//! A TCP listener whose connections can be cut in mid-answer.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Cuts one connection.
#[derive(Clone, Debug)]
pub(super) struct Scissors(Arc<AtomicU64>);

impl Scissors {
    /// No more than so many bytes of the answer get through.
    pub(super) fn cut_after(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

pub(super) struct CuttableListener(TcpListener);

pub(super) async fn bind(address: SocketAddr) -> io::Result<(CuttableListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((CuttableListener(listener), address))
}

impl Listener for CuttableListener {
    type Io = Cuttable;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Cuttable, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        let _ = stream.set_nodelay(true);
        (Cuttable { stream, left: Scissors(Arc::new(AtomicU64::new(u64::MAX))) }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Scissors {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().left.clone()
    }
}

/// A connection that writes only so many bytes.
#[derive(Debug)]
pub(super) struct Cuttable {
    stream: TcpStream,
    left: Scissors,
}

impl AsyncRead for Cuttable {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.left.0.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let allowed = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let written = Pin::new(&mut self.stream).poll_write(cx, &bytes[..allowed]);
        if let (Poll::Ready(Ok(count)), true) = (&written, left != u64::MAX) {
            self.left.0.store(left - *count as u64, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
