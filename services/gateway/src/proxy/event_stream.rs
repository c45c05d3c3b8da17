//! Event streams end when the gateway drains: they have no end of their own, and
//! their clients reconnect.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The delay before clients reconnect, in milliseconds: as notification sets it.
const RETRY: Bytes = Bytes::from_static(b"retry: 2000\n\n");

pub struct EventStreamBody<B> {
    body: B,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Line ends after the last other byte: an event ends with two.
    line_ends: usize,
    has_ended: bool,
}

impl<B> EventStreamBody<B> {
    pub fn new(body: B, draining: CancellationToken) -> Self {
        Self { body, draining: Box::pin(draining.cancelled_owned()), line_ends: 2, has_ended: false }
    }

    fn record(&mut self, data: &[u8]) {
        let is_line_end = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        let tail = data.len() - data.iter().rev().take_while(is_line_end).count();
        let line_ends = data[tail..].split(|byte| *byte == b'\n').count() - 1;
        self.line_ends = if tail == 0 { self.line_ends + line_ends } else { line_ends };
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for EventStreamBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let is_draining = self.draining.as_mut().poll(cx).is_ready();
        if is_draining && self.line_ends >= 2 {
            self.has_ended = true;
            return Poll::Ready(Some(Ok(Frame::data(RETRY))));
        }
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => self.record(frame.data_ref().map_or(&[], |data| data)),
            Poll::Ready(_) => self.has_ended = true,
            // Clients discard an incomplete event.
            Poll::Pending if is_draining => return Poll::Ready(None),
            Poll::Pending => {}
        }
        frame
    }
}
