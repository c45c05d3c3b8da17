//! Reads on for a while when a request is answered before its body was read.
//! A connection that is closed on unread bytes is reset, and the client, or the
//! proxy in front, may lose the answer that it was sent.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Version, header};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::Instant;

/// How much, how long, and how long without a byte.
const MAX_BYTES: usize = 32 << 20;
const MAX_TIME: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(2);

/// A request whose body lingers when it is dropped unread.
pub fn body(request: Request<Incoming>) -> Request<Body> {
    let holds = request.version() < Version::HTTP_2;
    // A client that waits to be asked for its body has not sent it.
    let sent = !request.headers().contains_key(header::EXPECT);
    request.map(|body| match body.is_end_stream() {
        true => Body::empty(),
        false if holds => Body::new(DrainOnDrop { body: Some(body), sent }),
        false => Body::new(body),
    })
}

struct DrainOnDrop {
    body: Option<Incoming>,
    sent: bool,
}

impl HttpBody for DrainOnDrop {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.sent = true;
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = Pin::new(body).poll_frame(cx);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.body = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for DrainOnDrop {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| self.sent && !body.is_end_stream()) else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(discard(body));
        }
    }
}

async fn discard(mut body: Incoming) {
    let deadline = Instant::now() + MAX_TIME;
    let mut left = MAX_BYTES;
    loop {
        let until = deadline.min(Instant::now() + IDLE);
        let Ok(Some(Ok(frame))) = tokio::time::timeout_at(until, body.frame()).await else { return };
        let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { return };
        left = rest;
    }
}
