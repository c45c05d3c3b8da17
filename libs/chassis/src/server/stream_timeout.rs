//! The write timeout of HTTP/2: a stream whose client takes none of its data for
//! too long is reset; the connection's other streams go on.
//!
//! hyper runs each stream as a task of its own and polls a body only as the client
//! takes data. So the task is timed, and dropped: h2 resets the stream.

#[cfg(test)]
mod tests;

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::{Buf, Bytes};
use futures::task::AtomicWaker;
use http::HeaderMap;
use hyper::{
    body::{Body as HttpBody, Frame, SizeHint},
    rt::Executor,
};
use tokio::{
    sync::Notify,
    time::{Sleep, sleep},
};

/// Responses up to this length are queued together with their end, which saves
/// small ones a write. Of others the end waits: hyper forgets a stream whose end
/// is queued, so that it cannot be reset.
const QUEUED_WITH_END: usize = 16 * 1024;

tokio::task_local! {
    static UNSENT: Arc<Unsent>;
}

/// Runs the streams of a connection.
#[derive(Clone)]
pub struct StreamExecutor {
    write_timeout: Duration,
    stalled: Arc<Notify>,
}

impl StreamExecutor {
    /// `stalled` is notified of a stream that can no longer be reset: the
    /// connection has to end.
    pub fn new(write_timeout: Duration, stalled: Arc<Notify>) -> Self {
        Self { write_timeout, stalled }
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for StreamExecutor {
    fn execute(&self, stream: F) {
        let (limit, stalled) = (self.write_timeout, self.stalled.clone());
        let unsent = Arc::new(Unsent::default());
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = UNSENT.scope(unsent.clone(), stream) => {}
                () = unsent.stalled(limit) => {
                    tracing::debug!("stream reset: its client does not read");
                    return;
                }
            }
            tokio::select! {
                biased;
                () = poll_fn(|cx| unsent.poll_written(cx)) => {}
                () = unsent.stalled(limit) => stalled.notify_one(),
            }
        });
    }
}

/// Response data of a stream that is not written to the socket.
#[derive(Default)]
struct Unsent {
    bytes: AtomicUsize,
    /// Bytes that were written so far.
    written: AtomicUsize,
    /// The stream's task, while it waits until everything is written.
    task: AtomicWaker,
}

impl Unsent {
    fn is_empty(&self) -> bool {
        self.bytes.load(Ordering::Acquire) == 0
    }

    fn remove(&self, bytes: usize) {
        if bytes > 0 && self.bytes.fetch_sub(bytes, Ordering::AcqRel) == bytes {
            self.task.wake();
        }
    }

    fn poll_written(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.is_empty() {
            self.task.register(cx.waker());
        }
        if self.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Ends when there was data for so long and none of it was written. To be
    /// polled by the task that polls the body.
    async fn stalled(&self, limit: Duration) {
        let mut timer: Option<(Pin<Box<Sleep>>, usize)> = None;
        poll_fn(|cx| {
            loop {
                let written = self.written.load(Ordering::Relaxed);
                match &mut timer {
                    None if self.is_empty() => return Poll::Pending,
                    None => timer = Some((Box::pin(sleep(limit)), written)),
                    Some((sleep, before)) => {
                        ready!(sleep.as_mut().poll(cx));
                        if !self.is_empty() && *before == written {
                            return Poll::Ready(());
                        }
                        timer = None;
                    }
                }
            }
        })
        .await;
    }
}

/// The body of a response over HTTP/2.
pub struct StreamBody {
    body: Body,
    unsent: Arc<Unsent>,
    /// Bytes of it so far.
    length: usize,
    /// The end has come, and waits for what goes before.
    has_ended: bool,
    trailers: Option<HeaderMap>,
}

impl StreamBody {
    /// To be called by a task of [`StreamExecutor`].
    pub fn new(body: Body) -> Self {
        let unsent = UNSENT.try_with(Arc::clone).unwrap_or_default();
        Self { body, unsent, length: 0, has_ended: false, trailers: None }
    }

    fn is_queued_with_end(&self) -> bool {
        self.length <= QUEUED_WITH_END
    }
}

impl HttpBody for StreamBody {
    type Data = UnsentBytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<UnsentBytes>, axum::Error>>> {
        if !self.has_ended {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx)?);
            match frame.map(Frame::into_data) {
                Some(Ok(bytes)) => {
                    self.length = self.length.saturating_add(bytes.len());
                    self.unsent.bytes.fetch_add(bytes.len(), Ordering::AcqRel);
                    let data = UnsentBytes { bytes, unsent: self.unsent.clone() };
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(frame)) => self.trailers = frame.into_trailers().ok(),
                None => {}
            }
            self.has_ended = true;
        }
        if !self.is_queued_with_end() {
            ready!(self.unsent.poll_written(cx));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_queued_with_end() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Counted until h2 has written it, or dropped it with its stream.
pub struct UnsentBytes {
    bytes: Bytes,
    unsent: Arc<Unsent>,
}

impl Buf for UnsentBytes {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.unsent.written.fetch_add(count, Ordering::Relaxed);
        self.unsent.remove(count);
    }
}

impl Drop for UnsentBytes {
    fn drop(&mut self) {
        self.unsent.remove(self.bytes.len());
    }
}
