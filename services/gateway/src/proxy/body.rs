//! Bodies on their way through: never collected, never waited for forever.

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

/// A body that fails when nothing comes for too long.
pub struct Watched<B: HttpBody<Data = Bytes> + Unpin> {
    /// None once it ended.
    body: Option<B>,
    idle: Duration,
    /// Runs while the body has nothing ready; most never need it.
    timer: Option<Pin<Box<Sleep>>>,
    progress: Option<Arc<Progress>>,
}

impl<B: HttpBody<Data = Bytes> + Unpin> Watched<B> {
    pub fn new(body: B, idle: Duration) -> Self {
        Self { body: Some(body), idle, timer: None, progress: None }
    }

    /// Tells how far it is.
    pub fn reporting(mut self, progress: Arc<Progress>) -> Self {
        self.progress = Some(progress);
        self
    }

    fn poll_idle(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let idle = self.idle;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        timer.as_mut().poll(cx)
    }
}

impl<B> HttpBody for Watched<B>
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
                    progress.waiting.store(true, Ordering::Relaxed);
                }
                ready!(this.poll_idle(cx));
                Some(Err("the body stood still for too long".into()))
            }
        };
        this.timer = None;
        // Where its length was told, nobody asks for more than that.
        let ended = frame.is_none() || this.body.as_ref().is_some_and(HttpBody::is_end_stream);
        if let Some(progress) = &this.progress {
            progress.moved(matches!(frame, Some(Err(_))), ended);
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

/// How far a request body is, for those who wait for the answer.
pub struct Progress {
    began: Instant,
    /// Milliseconds after `began`.
    moved: AtomicU64,
    waiting: AtomicBool,
    failed: AtomicBool,
    ended: AtomicBool,
}

impl Progress {
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            moved: AtomicU64::new(0),
            waiting: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    fn moved(&self, failed: bool, ended: bool) {
        self.touch();
        self.waiting.store(false, Ordering::Relaxed);
        self.failed.fetch_or(failed, Ordering::Relaxed);
        self.ended.fetch_or(ended, Ordering::Relaxed);
    }

    /// Counts as movement.
    pub fn touch(&self) {
        self.moved.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// When the last bytes went through.
    pub fn moved_at(&self) -> Instant {
        self.began + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }

    /// Whether it is the client that keeps the upstream waiting.
    pub fn waits_for_client(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whether the upstream has all of it.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Whether the body broke off.
    pub fn client_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}
