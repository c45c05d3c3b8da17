//! `GET /api/v1/notifications/stream`: server-sent events.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use std::{
    convert::Infallible,
    iter,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use fenz_chassis::{
    error_response,
    identity::Authorizer,
    server::{LongLived, RouteName},
};
use fenz_contract::routes::{RAW_ROUTES, Route};
use fenz_core::{Error, Reason, Result};
use futures::{Stream, StreamExt, channel::mpsc, stream};
use http::{HeaderMap, HeaderValue, Uri, header};
use tokio::time::{Instant, Sleep};

use super::encode;
use crate::{
    app::{App, StreamAccess},
    domain::{Entry, Seq},
};

pub const PATH: &str = "/api/v1/notifications/stream";
/// Sent first: it flushes the headers, and makes clients reconnect after two seconds.
const PREAMBLE: &[u8] = b"retry: 2000\n: connected\n\n";
const HEARTBEAT: &[u8] = b": alive\n\n";

#[derive(Clone)]
pub struct StreamRoute {
    pub app: App,
    pub authorizer: Authorizer,
}

pub async fn open(State(route): State<StreamRoute>, request: Request) -> Response {
    let mut response = match route.respond(request.uri(), request.headers()).await {
        Ok(response) => response,
        Err(error) => error_response(error),
    };
    response.extensions_mut().insert(RouteName(PATH));
    response
}

impl StreamRoute {
    async fn respond(&self, uri: &Uri, headers: &HeaderMap) -> Result<Response> {
        let query = Query::of(uri);
        let access = self.authenticate(&query, headers).await?;
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let last = last.or(query.last_event_id).filter(|id| !id.is_empty()).map(|id| position(&id)).transpose()?;
        let (missed, stream) = self.app.open_stream(access.user, last).await?;
        let lifetime = self.app.stream_lifetime(access.expires_at);
        let live = EventStream::new(stream.frames, self.app.config.heartbeat, lifetime);
        let mut response = Body::from_stream(frames(missed, live)).into_response();
        response.extensions_mut().insert(LongLived);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // nginx buffers the response otherwise.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        Ok(response)
    }

    async fn authenticate(&self, query: &Query, headers: &HeaderMap) -> Result<StreamAccess> {
        if let Some(ticket) = &query.ticket {
            return self.app.use_ticket(ticket).await;
        }
        let caller = self.authorizer.admit(declared_route()?, headers).await?;
        Ok(super::stream_access(caller.require_user()?))
    }
}

#[derive(Default)]
struct Query {
    ticket: Option<String>,
    last_event_id: Option<String>,
}

impl Query {
    fn of(uri: &Uri) -> Self {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            match name.as_ref() {
                "ticket" => query.ticket = Some(value.into_owned()),
                "lastEventId" => query.last_event_id = Some(value.into_owned()),
                _ => {}
            }
        }
        query
    }
}

fn position(id: &str) -> Result<Seq> {
    id.parse().map_err(|_| Error::field(Reason::InvalidParams, "lastEventId", "should be the id of an event"))
}

/// The route as the contract declares it.
fn declared_route() -> Result<Route> {
    let route = RAW_ROUTES.iter().find(|route| route.path == PATH);
    route.map(Route::Raw).ok_or_else(|| Error::new(Reason::RouteNotFound, "there is nothing at this path"))
}

fn frames(missed: Vec<Entry>, live: EventStream) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let missed = missed.into_iter().map(encode::event_frame);
    stream::iter(iter::once(Bytes::from_static(PREAMBLE)).chain(missed)).chain(live).map(Ok)
}

/// Live frames and heartbeats, until the stream's lifetime is over or the registry
/// drops it. Small, as there are thousands.
struct EventStream {
    frames: mpsc::Receiver<Bytes>,
    heartbeat: Duration,
    /// The next heartbeat, or the end.
    timer: Pin<Box<Sleep>>,
    end: Instant,
}

impl EventStream {
    fn new(frames: mpsc::Receiver<Bytes>, heartbeat: Duration, lifetime: Duration) -> Self {
        let now = Instant::now();
        let end = now + lifetime;
        Self { frames, heartbeat, timer: Box::pin(tokio::time::sleep_until(end.min(now + heartbeat))), end }
    }
}

impl Stream for EventStream {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let is_idle = self.timer.as_mut().poll(cx).is_ready();
        let now = Instant::now();
        if now >= self.end {
            return Poll::Ready(None);
        }
        let frame = match self.frames.poll_next_unpin(cx) {
            Poll::Pending if is_idle => Some(Bytes::from_static(HEARTBEAT)),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(frame) => frame,
        };
        let next = self.end.min(now + self.heartbeat);
        self.timer.as_mut().reset(next);
        Poll::Ready(frame)
    }
}
