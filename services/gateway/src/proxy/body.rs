//! Streaming bodies with an idle timeout.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body that fails when no data arrives within the idle timeout.
pub struct IdleTimeoutBody<B: HttpBody<Data = Bytes> + Unpin> {
    /// `None` after the end.
    body: Option<B>,
    idle: Duration,
    /// Only exists while the body is pending; most bodies never need it.
    timer: Option<Pin<Box<Sleep>>>,
    progress: Option<Arc<Progress>>,
}

impl<B: HttpBody<Data = Bytes> + Unpin> IdleTimeoutBody<B> {
    pub fn new(body: B, idle: Duration) -> Self {
        Self { body: Some(body), idle, timer: None, progress: None }
    }

    /// Records its progress for whoever waits for the response.
    pub fn with_progress(mut self, progress: Arc<Progress>) -> Self {
        self.progress = Some(progress);
        self
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let idle = self.idle;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        timer.as_mut().poll(cx)
    }
}

impl<B> HttpBody for IdleTimeoutBody<B>
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let frame = match Pin::new(body).poll_frame(cx) {
            Poll::Ready(frame) => frame.map(|f| f.map_err(Into::into)),
            Poll::Pending => {
                if let Some(progress) = &this.progress {
                    progress.is_pending.store(true, Ordering::Relaxed);
                }
                ready!(this.poll_idle(cx));
                Some(Err("no data arrived within the idle timeout".into()))
            }
        };
        this.timer = None;
        // A body of known length is not polled again after its last byte.
        let ended = frame.is_none() || this.body.as_ref().is_some_and(HttpBody::is_end_stream);
        if let Some(progress) = &this.progress {
            progress.record(matches!(frame, Some(Err(_))), ended);
        }
        if matches!(frame, None | Some(Err(_))) {
            this.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

/// The progress of a request body.
pub struct Progress {
    started: Instant,
    /// Milliseconds after `started`.
    last_activity: AtomicU64,
    is_pending: AtomicBool,
    failed: AtomicBool,
    ended: AtomicBool,
}

impl Progress {
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            last_activity: AtomicU64::new(0),
            is_pending: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    fn record(&self, failed: bool, ended: bool) {
        self.touch();
        self.is_pending.store(false, Ordering::Relaxed);
        self.failed.fetch_or(failed, Ordering::Relaxed);
        self.ended.fetch_or(ended, Ordering::Relaxed);
    }

    /// Sets the last activity to now.
    pub fn touch(&self) {
        self.last_activity.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// When data was last transferred.
    pub fn last_activity(&self) -> Instant {
        self.started + Duration::from_millis(self.last_activity.load(Ordering::Relaxed))
    }

    /// Whether the upstream is waiting for data from the client.
    pub fn is_waiting_for_client(&self) -> bool {
        self.is_pending.load(Ordering::Relaxed)
    }

    /// Whether the upstream has received the whole body.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Whether the client disconnected or stalled before the end of the body.
    pub fn client_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}
