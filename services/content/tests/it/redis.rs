//! Views with Redis: shared by all replicas, exact while it is available, and counted in
//! memory while it is not.

use std::{
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use fenz_content::Content;
use fenz_testkit::Database;
use serde_json::json;
use tokio::net::{TcpSocket, TcpStream};

use crate::fleet::{Fleet, OTHER, OWNER, eventually};

/// A server that the test can stop.
struct Server {
    child: Option<Child>,
    port: u16,
    /// Reserves the port while the server is stopped.
    _reserved: TcpSocket,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let reserved = TcpSocket::new_v4().unwrap();
        reserved.set_reuseaddr(true).unwrap();
        reserved.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let port = reserved.local_addr().unwrap().port();
        let mut server = Self { child: None, port, _reserved: reserved, folder: tempfile::tempdir().unwrap() };
        server.run().await;
        server
    }

    async fn run(&mut self) {
        let child = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", "", "--appendonly", "no"])
            .arg("--dir")
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed by `make test`");
        self.child = Some(child);
        let address = ("127.0.0.1", self.port);
        eventually(async || TcpStream::connect(address).await.is_ok()).await;
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("it runs");
            child.wait().expect("it ends");
        }
    }

    fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The output of a command.
    fn command(&self, arguments: &[&str]) -> String {
        let port = self.port.to_string();
        let reply = Command::new("redis-cli").args(["-p", &port]).args(arguments).output().expect("redis-cli");
        String::from_utf8(reply.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The shared server and a key prefix of this test.
fn shared() -> Option<(String, String)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let url = fenz_testkit::Server::Redis.url()?;
    let folder = tempfile::tempdir().unwrap();
    let unique = folder.path().file_name().unwrap().to_string_lossy().replace('.', "");
    Some((url, format!("content{unique}{}", NEXT.fetch_add(1, Ordering::Relaxed))))
}

async fn watch(at: &str, video: i64, sessions: std::ops::Range<usize>) {
    let client = reqwest::Client::new();
    let views = sessions.map(|n| {
        let url = format!("{at}/api/v1/videos/{video}?sessionId=session-{n:04}");
        client.get(url).send()
    });
    for reply in futures::future::join_all(views).await {
        assert_eq!(reply.unwrap().status(), 200);
    }
}

async fn stored(fleet: &Fleet, video: i64, n: usize) -> bool {
    fleet.count(&format!("videos WHERE views_non_member = {n} AND id = {video}")).await == 1
}

#[tokio::test]
async fn replicas_count_a_viewer_once_and_flush_once() {
    let Some((url, prefix)) = shared() else { return };
    for (n, database) in Database::available().into_iter().enumerate() {
        let prefix = format!("{prefix}{n}");
        let settings = [
            ("redis.url", url.as_str()),
            ("redis.prefix", &prefix),
            // A command that times out leaves its view uncounted, which a busy machine must not cause.
            ("redis.timeout", "10s"),
            ("content.views.flush_every", "300ms"),
            ("content.cache.ttl", "1ms"),
        ];
        let fleet = Fleet::start_with_stub(database, &settings).await;
        let other = fleet.sandbox.start_replica::<Content>().await.unwrap();
        fleet.advance_to_next_hour();
        let video = fleet.video(json!({})).await;
        let here = fleet.sandbox.url("content");
        tokio::join!(watch(&here, video, 0..60), watch(&other, video, 30..100));
        watch(&here, video, 0..100).await;
        fleet.get(&format!("videos/{video}"), OWNER).await.video();
        eventually(async || stored(&fleet, video, 100).await).await;
        let sum = || -> i64 {
            fleet.received.views.lock().unwrap().iter().flat_map(|e| &e.videos).map(|v| v.non_member).sum()
        };
        eventually(async || sum() == 100).await;
        // Two more flushes.
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(stored(&fleet, video, 100).await);
        assert_eq!(sum(), 100);
        let video = fleet.get(&format!("videos/{video}"), OTHER).await.video();
        assert_eq!(video["views"], "100");
    }
}

#[tokio::test]
async fn an_interrupted_flush_is_applied_once() {
    let server = Server::start().await;
    let url = server.url();
    let settings = [("redis.url", url.as_str()), ("content.views.flush_every", "300ms")];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    fleet.advance_to_next_hour();
    let video = fleet.video(json!({})).await;
    let hour = fleet.sandbox.process.clock.unix() / 3600;
    let field = format!("{video}:{hour}:n");
    let interrupt = |id: &str| {
        server.command(&["HSET", &format!("content:views:flush:{id}"), "id", id, &field, "5"]);
        server.command(&["SADD", "content:views:flushes", id]);
    };
    interrupt("77");
    eventually(async || stored(&fleet, video, 5).await).await;
    // Applied, but the process crashed before it deleted the flush.
    eventually(async || server.command(&["EXISTS", "content:views:flush:77"]) == "0").await;
    interrupt("77");
    eventually(async || server.command(&["EXISTS", "content:views:flush:77"]) == "0").await;
    assert!(stored(&fleet, video, 5).await);
    // Redis restored from an old state: the counts contain their flush id.
    server.command(&["HSET", "content:views:buffer", "id", "77", &field, "5"]);
    eventually(async || server.command(&["EXISTS", "content:views:buffer"]) == "0").await;
    eventually(async || server.command(&["SCARD", "content:views:flushes"]) == "0").await;
    assert!(stored(&fleet, video, 5).await);
    assert_eq!(fleet.count("view_flushes").await, 1);
}

#[tokio::test]
async fn counts_are_in_redis_before_the_flush() {
    let server = Server::start().await;
    let url = server.url();
    let settings = [("redis.url", url.as_str()), ("content.views.flush_every", "1h")];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    fleet.advance_to_next_hour();
    let video = fleet.video(json!({})).await;
    watch(&fleet.sandbox.url("content"), video, 0..20).await;
    let hour = fleet.sandbox.process.clock.unix() / 3600;
    let counted = server.command(&["HGET", "content:views:buffer", &format!("{video}:{hour}:n")]);
    assert_eq!(counted, "20");
}

#[tokio::test]
async fn views_are_counted_in_memory_while_redis_is_unavailable() {
    let mut server = Server::start().await;
    let url = server.url();
    let settings = [("redis.url", url.as_str()), ("content.views.flush_every", "300ms")];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    fleet.advance_to_next_hour();
    let video = fleet.video(json!({})).await;
    let here = fleet.sandbox.url("content");
    watch(&here, video, 0..10).await;
    eventually(async || stored(&fleet, video, 10).await).await;
    server.kill();
    // The first requests after the loss may or may not be counted.
    watch(&here, video, 100..103).await;
    watch(&here, video, 10..40).await;
    let all = async |least: usize, most: usize| {
        fleet.count(&format!("videos WHERE views_non_member BETWEEN {least} AND {most} AND id = {video}")).await == 1
    };
    eventually(async || all(40, 43).await).await;
    server.run().await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    watch(&here, video, 40..60).await;
    eventually(async || all(60, 63).await).await;
}

/// Only views that were not flushed are lost.
#[tokio::test]
async fn counting_continues_after_redis_was_emptied() {
    let server = Server::start().await;
    let url = server.url();
    let settings = [("redis.url", url.as_str()), ("content.views.flush_every", "1h")];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    fleet.advance_to_next_hour();
    let video = fleet.video(json!({})).await;
    let here = fleet.sandbox.url("content");
    let field = format!("{video}:{}:n", fleet.sandbox.process.clock.unix() / 3600);
    let counted = || server.command(&["HGET", "content:views:buffer", &field]);
    watch(&here, video, 0..10).await;
    assert_eq!(counted(), "10");
    server.command(&["FLUSHALL"]);
    watch(&here, video, 10..30).await;
    assert_eq!(counted(), "20");
    assert_ne!(server.command(&["HGET", "content:views:buffer", "id"]), "");
}

#[tokio::test]
async fn a_full_buffer_becomes_a_flush() {
    let server = Server::start().await;
    let url = server.url();
    let settings = [("redis.url", url.as_str()), ("content.views.flush_every", "1h")];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    fleet.advance_to_next_hour();
    let video = fleet.video(json!({})).await;
    let here = fleet.sandbox.url("content");
    let hour = fleet.sandbox.process.clock.unix() / 3600;
    // The maximum of fields.
    let fields: Vec<String> = (1..1000).flat_map(|n| [format!("{n}:{hour}:n"), "1".to_owned()]).collect();
    let mut fill = vec!["HSET", "content:views:buffer", "id", "5"];
    fill.extend(fields.iter().map(String::as_str));
    server.command(&fill);
    watch(&here, video, 0..1).await;
    watch(&here, video, 1..3).await;
    // The count that filled the buffer is part of the flush.
    let flush = server.command(&["HGET", "content:views:flush:5", &format!("{video}:{hour}:n")]);
    let buffer = server.command(&["HGET", "content:views:buffer", &format!("{video}:{hour}:n")]);
    assert_eq!((flush.as_str(), buffer.as_str()), ("1", "2"));
    assert_eq!(server.command(&["SMEMBERS", "content:views:flushes"]), "5");
}
