//! Whether a running server can be reached: up, down or slow, switched while clients are connected.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::watch,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// How a server meets its clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Availability {
    /// It answers as it should.
    #[default]
    Up,
    /// It is out of reach: the connections that stand are reset, whatever is under way on them, and each new one is
    /// accepted and reset before a byte is read. Clients see what they see when a process dies behind a load balancer:
    /// a broken connection, never an answer.
    Down,
    /// Each request, also on connections that stand, is held back this long before it is looked at.
    Slow(Duration),
}

/// The connection that a request came by; handlers find it among the request's extensions.
#[derive(Clone, Debug, Default)]
pub struct ClientConnection {
    reset: CancellationToken,
}

impl ClientConnection {
    /// Resets the connection: what is under way on it, the caller included, is dropped, and the client gets no answer.
    pub fn reset(&self) {
        self.reset.cancel();
    }

    /// Ends when the connection is to be reset.
    pub(crate) async fn is_reset(&self) {
        self.reset.cancelled().await;
    }
}

/// A TCP stream that is closed by a reset instead of an orderly end if its connection was told so.
pub(crate) struct ResettableStream {
    stream: TcpStream,
    connection: ClientConnection,
}

impl ResettableStream {
    pub(crate) const fn new(stream: TcpStream, connection: ClientConnection) -> Self {
        Self { stream, connection }
    }
}

impl Drop for ResettableStream {
    fn drop(&mut self) {
        if self.connection.reset.is_cancelled() {
            // The client is gone if this fails, and then there is nobody to reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for ResettableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ResettableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Ends when the server is down, at once if it is.
pub(crate) async fn down(availability: &mut watch::Receiver<Availability>) {
    let is_down = availability
        .wait_for(|now| *now == Availability::Down)
        .await
        .is_ok();
    if !is_down {
        // The server was dropped, and its connections are told so in another way.
        std::future::pending().await
    }
}

/// Holds a request back as long as the server is slow; a server that is not slow any more lets it go.
pub(crate) async fn hold_back(mut availability: watch::Receiver<Availability>) {
    let arrived = Instant::now();
    loop {
        let Availability::Slow(delay) = *availability.borrow_and_update() else {
            return;
        };
        tokio::select! {
            () = tokio::time::sleep(delay.saturating_sub(arrived.elapsed())) => return,
            changed = availability.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_waits_as_long_as_the_server_is_slow_and_no_longer() {
        let delay = Duration::from_millis(50);
        let (switch, availability) = watch::channel(Availability::Slow(delay));
        let arrived = Instant::now();
        hold_back(availability.clone()).await;
        assert!(arrived.elapsed() >= delay);

        let for_ever = Availability::Slow(Duration::MAX);
        switch.send_replace(for_ever);
        let arrived = Instant::now();
        let mut held = std::pin::pin!(hold_back(availability.clone()));
        assert!(futures::poll!(&mut held).is_pending());
        switch.send_replace(Availability::Slow(delay));
        held.await;
        assert!(arrived.elapsed() >= delay);

        switch.send_replace(for_ever);
        let mut held = std::pin::pin!(hold_back(availability));
        assert!(futures::poll!(&mut held).is_pending());
        switch.send_replace(Availability::Up);
        held.await;
    }
}
