//! A socket that is closed when its client reads nothing for too long: while
//! a write waits, hyper asks neither for the body nor for the time.

use std::{
    io::{self, IoSlice, Write},
    os::fd::AsFd,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

pub struct WriteTimeout {
    stream: TcpStream,
    patience: Duration,
    /// Runs while a write waits.
    timer: Option<Pin<Box<Sleep>>>,
    /// There is room that the runtime does not know of.
    has_room: bool,
}

impl WriteTimeout {
    pub fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, patience, timer: None, has_room: false }
    }

    pub fn get_ref(&self) -> &TcpStream {
        &self.stream
    }

    /// Writes, or ends when the time for it is over.
    fn timed(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if self.has_room {
            match self.write_now(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.has_room = false,
                written => return Poll::Ready(written),
            }
        }
        let written = write(Pin::new(&mut self.stream), cx);
        if written.is_ready() {
            self.timer = None;
            return written;
        }
        let patience = self.patience;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(timer.as_mut().poll(cx));
        self.timer = None;
        // A slow client is not one that has stopped: the system says that there
        // is room when a third of its megabytes has gone, but takes any that has.
        match self.write_now(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read")))
            }
            written => {
                // All of it, or the next time would begin with what was left.
                self.has_room = true;
                Poll::Ready(written)
            }
        }
    }

    /// Past the runtime, which asks the system only after it was told of room.
    fn write_now(&self, bytes: &[u8]) -> io::Result<usize> {
        std::net::TcpStream::from(self.stream.as_fd().try_clone_to_owned()?).write(bytes)
    }
}

impl AsyncRead for WriteTimeout {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for WriteTimeout {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.timed(cx, bytes, |stream, cx| stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = parts.iter().find(|part| !part.is_empty());
        self.timed(cx, first.map_or(&[], |part| &**part), |stream, cx| stream.poll_write_vectored(cx, parts))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        time::{Instant, timeout},
    };

    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(500);
    const PIECE: usize = 16_384;

    async fn pair() -> (WriteTimeout, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (WriteTimeout::new(listener.accept().await.unwrap().0, TIMEOUT), client)
    }

    #[tokio::test]
    async fn who_reads_nothing_is_given_up() {
        let (mut server, _client) = pair().await;
        let sending = async { while server.write_all(&[7; PIECE]).await.is_ok() {} };
        // The system may find room once or twice more.
        timeout(10 * TIMEOUT, sending).await.expect("an end");
    }

    #[tokio::test]
    async fn who_reads_slowly_is_not() {
        let (mut server, mut client) = pair().await;
        let sending = tokio::spawn(async move {
            while server.write_all(&[7; PIECE]).await.is_ok() {}
            Instant::now()
        });
        let (began, mut piece) = (Instant::now(), [0; PIECE]);
        // A little at a time: the system's buffers hold megabytes.
        while began.elapsed() < 10 * TIMEOUT {
            client.read_exact(&mut piece).await.unwrap();
            tokio::time::sleep(TIMEOUT / 40).await;
        }
        assert!(!sending.is_finished(), "given up after {:?}", sending.await.unwrap() - began);
    }
}
