//! Open streams.

use std::{pin::Pin, time::Duration};

use fenz_core::{Role, UserId};
use fenz_testkit::Database;
use futures::{Stream, StreamExt};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::fleet::Fleet;

const OWNER: i64 = 7;
const A: i64 = 11;
const SOON: Duration = Duration::from_secs(10);

type Bytes = Pin<Box<dyn Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>;

/// A client of server-sent events.
pub struct Events {
    bytes: Bytes,
    text: String,
}

#[derive(Debug)]
pub struct Event {
    id: String,
    pub data: Value,
}

impl Events {
    pub async fn open(request: RequestBuilder) -> Self {
        let reply = request.send().await.expect("an answer");
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["content-type"], "text/event-stream");
        let mut events = Self { bytes: Box::pin(reply.bytes_stream()), text: String::new() };
        assert_eq!(events.block().await.as_deref(), Some("retry: 2000\n: connected"));
        events
    }

    /// Up to the next empty line; None at the end.
    pub async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let bytes = tokio::time::timeout(SOON, self.bytes.next()).await.expect("something comes soon")?;
            self.text += std::str::from_utf8(&bytes.ok()?).expect("UTF-8");
        }
    }

    pub async fn next(&mut self) -> Event {
        loop {
            let block = self.block().await.expect("the stream is open");
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            let Some(id) = field("id") else { continue };
            assert_eq!(field("event"), Some("notification"));
            let data = serde_json::from_str(field("data").expect("data")).expect("JSON");
            return Event { id: id.to_owned(), data };
        }
    }

    pub async fn messages(&mut self, count: usize) -> Vec<String> {
        let mut messages = Vec::new();
        for _ in 0..count {
            messages.push(self.next().await.data["message"].as_str().expect("text").to_owned());
        }
        messages
    }
}

pub async fn member(fleet: &Fleet, user: i64, channel: i64) {
    fleet.membership(user, channel, 1, 1).await;
    fleet.until_unread(channel, 1).await;
}

#[tokio::test]
async fn a_stream_is_live_and_resumes_after_the_last_event_id() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[]).await;
        member(&fleet, A, OWNER).await;
        let mut live = Events::open(fleet.stream("", A)).await;
        fleet.new_video(OWNER, 1, "one").await;
        let one = live.next().await;
        let listed = fleet.client(A).get("notifications").await.ok("notifications")[0].clone();
        assert_eq!(one.data, listed);
        drop(live);

        for (video, title) in [(2, "two"), (3, "three")] {
            fleet.new_video(OWNER, video, title).await;
            fleet.until_unread(A, video).await;
        }
        let again = fleet.stream("", A).header("last-event-id", &one.id);
        let mut again = Events::open(again).await;
        assert_eq!(again.messages(2).await, ["two", "three"]);
        fleet.new_video(OWNER, 4, "four").await;
        assert_eq!(again.messages(1).await, ["four"]);
        let query = format!("?lastEventId={}", one.id);
        let mut by_query = Events::open(fleet.stream(&query, A)).await;
        assert_eq!(by_query.messages(3).await, ["two", "three", "four"]);
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn a_ticket_opens_one_stream_without_a_header() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[]).await;
        let reply = fleet.client(A).post("notifications/stream-ticket", &json!({})).await;
        assert_eq!(reply.ok("expiresIn"), 60);
        let query = format!("?ticket={}", reply.text("ticket"));
        let mut live = Events::open(fleet.stream(&query, 0)).await;
        fleet.client(0).get(&format!("notifications/stream{query}")).await.refused(401, "TOKEN_INVALID");
        // A membership that begins while the stream is open, a mute and an unmute.
        member(&fleet, A, OWNER).await;
        fleet.new_video(OWNER, 1, "one").await;
        assert_eq!(live.messages(1).await, ["one"]);
        fleet.client(A).put("channels/7/mute", &json!({})).await.expect(200);
        fleet.new_video(OWNER, 2, "muted").await;
        fleet.membership(A, A, 1, 1).await;
        assert_eq!(live.next().await.data["type"], "subscription");
        fleet.client(A).delete("channels/7/mute").await.expect(200);
        // Ended sessions end the streams.
        fleet.end_sessions(A).await;
        while live.block().await.is_some() {}
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn idle_streams_get_heartbeats_and_end_after_their_lifetime() {
    let settings = [("notification.heartbeat", "100ms"), ("notification.stream_lifetime", "2s")];
    let fleet = Fleet::start(Database::Sqlite, &settings).await;
    let mut live = Events::open(fleet.stream("", A)).await;
    let mut beats = 0;
    while let Some(block) = live.block().await {
        assert_eq!(block, ": alive");
        beats += 1;
    }
    assert!((3..=21).contains(&beats), "{beats}");
    let settings = [("notification.stream_lifetime", "1h")];
    let fleet = Fleet::start(Database::Sqlite, &settings).await;
    let mut live = Events::open(fleet.stream("", A)).await;
    fleet.sandbox.stop().await;
    while live.block().await.is_some() {}
}

#[tokio::test]
async fn a_stream_ends_with_the_token_that_opened_it() {
    let fleet = Fleet::start(Database::Sqlite, &[("notification.heartbeat", "50ms")]).await;
    let client = || {
        let token = fleet.sandbox.auth.token_for(UserId(A), Role::User, "s", Duration::from_secs(4));
        fleet.client(0).with_token(token)
    };
    let ended = async |mut live: Events| {
        tokio::time::timeout(SOON, async { while live.block().await.is_some() {} }).await.expect("it ends");
    };
    ended(Events::open(client().request(Method::GET, "/api/v1/notifications/stream")).await).await;
    let reply = client().post("notifications/stream-ticket", &json!({})).await;
    ended(Events::open(fleet.stream(&format!("?ticket={}", reply.text("ticket")), 0)).await).await;
    fleet.sandbox.stop().await;
}

#[tokio::test]
async fn hundreds_of_streams_receive_an_event() {
    const STREAMS: i64 = 300;
    let fleet = Fleet::start(Database::of_a_fleet(), &[]).await;
    for user in 100..100 + STREAMS {
        fleet.membership(user, OWNER, 1, 1).await;
    }
    fleet.until_unread(OWNER, STREAMS).await;
    let open = |user| Events::open(fleet.stream("", user));
    let mut streams = futures::future::join_all((100..100 + STREAMS).map(open)).await;
    fleet.new_video(OWNER, 1, "one").await;
    for events in futures::future::join_all(streams.iter_mut().map(Events::next)).await {
        assert_eq!(events.data["message"], "one");
    }
    fleet.sandbox.stop().await;
}
