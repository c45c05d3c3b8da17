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
    Error, Reason, Result,
    identity::Gatekeeper,
    server::{Lasting, RouteName},
};
use fenz_contract::routes::{RAW_ROUTES, Route};
use futures::{Stream, StreamExt, channel::mpsc, stream};
use http::{HeaderMap, HeaderValue, Uri, header};
use tokio::time::{Instant, Sleep};

use crate::{
    app::{App, Listening},
    domain::Seq,
};

pub const PATH: &str = "/api/v1/notifications/stream";
/// What a stream begins with: headers are on their way at once, and a client
/// that lost it comes back after two seconds.
const HELLO: &[u8] = b"retry: 2000\n: connected\n\n";
const HEARTBEAT: &[u8] = b": alive\n\n";

/// What the route works with.
#[derive(Clone)]
pub struct Streams {
    pub app: App,
    pub gatekeeper: Gatekeeper,
}

pub async fn open(State(streams): State<Streams>, request: Request) -> Response {
    let mut response = match streams.answer(request.uri(), request.headers()).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    response.extensions_mut().insert(RouteName(PATH));
    response
}

impl Streams {
    async fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Result<Response> {
        let query = Query::of(uri);
        let listening = self.listening(&query, headers).await?;
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let last = last.or(query.last_event_id).filter(|id| !id.is_empty()).map(|id| place(&id)).transpose()?;
        let (missed, opened) = self.app.open_stream(listening.user, last).await?;
        let lifetime = self.app.stream_lifetime(listening.until);
        let coming = Coming::new(opened.frames, self.app.config.heartbeat, lifetime);
        let body = Body::from_stream(frames(missed, coming));
        let mut response = body.into_response();
        response.extensions_mut().insert(Lasting);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // Proxies of the nginx kind buffer otherwise.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        Ok(response)
    }

    async fn listening(&self, query: &Query, headers: &HeaderMap) -> Result<Listening> {
        if let Some(ticket) = &query.ticket {
            return self.app.use_ticket(ticket).await;
        }
        let (caller, end) = self.gatekeeper.admit_until(declared()?, headers).await?;
        Ok(Listening { user: caller.require_user()?.id, until: end.and_then(super::moment) })
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

fn place(id: &str) -> Result<Seq> {
    id.parse().map_err(|_| Error::field(Reason::InvalidParams, "lastEventId", "should be the id of an event"))
}

/// The contract's declaration of the route.
fn declared() -> Result<Route> {
    let route = RAW_ROUTES.iter().find(|route| route.path == PATH);
    route.map(Route::Raw).ok_or_else(|| Error::new(Reason::RouteNotFound, "there is nothing at this path"))
}

/// What one client is sent: what it missed, then what comes.
fn frames(missed: Vec<Bytes>, coming: Coming) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let missed = iter::once(Bytes::from_static(HELLO)).chain(missed);
    stream::iter(missed).chain(coming).map(Ok)
}

/// Small: there are thousands. Ends when its time is over, the client was too
/// slow, or we stop.
struct Coming {
    frames: mpsc::Receiver<Bytes>,
    heartbeat: Duration,
    /// The next heartbeat, or the end.
    timer: Pin<Box<Sleep>>,
    end: Instant,
}

impl Coming {
    fn new(frames: mpsc::Receiver<Bytes>, heartbeat: Duration, lifetime: Duration) -> Self {
        let now = Instant::now();
        let end = now + lifetime;
        Self { frames, heartbeat, timer: Box::pin(tokio::time::sleep_until(end.min(now + heartbeat))), end }
    }
}

impl Stream for Coming {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let is_silent = self.timer.as_mut().poll(cx).is_ready();
        let now = Instant::now();
        if now >= self.end {
            return Poll::Ready(None);
        }
        let frame = match self.frames.poll_next_unpin(cx) {
            Poll::Pending if is_silent => Some(Bytes::from_static(HEARTBEAT)),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(frame) => frame,
        };
        let next = self.end.min(now + self.heartbeat);
        self.timer.as_mut().reset(next);
        Poll::Ready(frame)
    }
}
