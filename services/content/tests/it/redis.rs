//! Views with Redis: counted by all replicas together, exact while it lives,
//! and going on without it.

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

/// A server of the test's own, which it may stop.
struct Server {
    child: Option<Child>,
    port: u16,
    /// Nobody else is given the port, also while the server is away.
    _port_held: TcpSocket,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let held = TcpSocket::new_v4().unwrap();
        held.set_reuseaddr(true).unwrap();
        held.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let port = held.local_addr().unwrap().port();
        let mut server = Self { child: None, port, _port_held: held, folder: tempfile::tempdir().unwrap() };
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

    /// What a command prints.
    fn ask(&self, command: &[&str]) -> String {
        let port = self.port.to_string();
        let reply = Command::new("redis-cli").args(["-p", &port]).args(command).output().expect("redis-cli");
        String::from_utf8(reply.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The shared server, with keys of the test's own.
fn shared() -> Option<(String, String)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let url = std::env::var("FENZ_TEST_REDIS").ok()?;
    let folder = tempfile::tempdir().unwrap();
    let noise = folder.path().file_name().unwrap().to_string_lossy().replace('.', "");
    Some((url, format!("content{noise}{}", NEXT.fetch_add(1, Ordering::Relaxed))))
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
            ("content.views.flush_every", "300ms"),
            ("content.cache.ttl", "1ms"),
        ];
        let fleet = Fleet::start_with_neighbour(database, &settings).await;
        let other = fleet.sandbox.start_replica::<Content>().await.unwrap();
        fleet.begin_an_hour();
        let video = fleet.video(json!({})).await;
        let here = fleet.sandbox.url("content");
        tokio::join!(watch(&here, video, 0..60), watch(&other, video, 30..100));
        watch(&here, video, 0..100).await;
        fleet.get(&format!("videos/{video}"), OWNER).await.video();
        eventually(async || stored(&fleet, video, 100).await).await;
        let sum =
            || -> i64 { fleet.heard.views.lock().unwrap().iter().flat_map(|e| &e.videos).map(|v| v.non_member).sum() };
        eventually(async || sum() == 100).await;
        // Two flushes more.
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert!(stored(&fleet, video, 100).await);
        assert_eq!(sum(), 100);
        let seen = fleet.get(&format!("videos/{video}"), OTHER).await.video();
        assert_eq!(seen["views"], "100");
    }
}

#[tokio::test]
async fn what_a_crashed_flush_left_is_applied_once() {
    let server = Server::start().await;
    let url = server.url();
    let settings = [("redis.url", url.as_str()), ("content.views.flush_every", "300ms")];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    fleet.begin_an_hour();
    let video = fleet.video(json!({})).await;
    let hour = fleet.sandbox.process.clock.unix() / 3600;
    let field = format!("{video}:{hour}:n");
    let leave = |id: &str| {
        server.ask(&["HSET", &format!("content:views:flush:{id}"), "id", id, &field, "5"]);
        server.ask(&["SADD", "content:views:flushes", id]);
    };
    leave("77");
    eventually(async || stored(&fleet, video, 5).await).await;
    // It was applied, but the process died before it was removed.
    eventually(async || server.ask(&["EXISTS", "content:views:flush:77"]) == "0").await;
    leave("77");
    eventually(async || server.ask(&["EXISTS", "content:views:flush:77"]) == "0").await;
    assert!(stored(&fleet, video, 5).await);
    // A Redis that comes back with an old state: the counts have their id.
    server.ask(&["HSET", "content:views:buffer", "id", "77", &field, "5"]);
    eventually(async || server.ask(&["EXISTS", "content:views:buffer"]) == "0").await;
    eventually(async || server.ask(&["SCARD", "content:views:flushes"]) == "0").await;
    assert!(stored(&fleet, video, 5).await);
    assert_eq!(fleet.count("view_flushes").await, 1);
}

#[tokio::test]
async fn our_own_end_loses_nothing_that_redis_has() {
    let server = Server::start().await;
    let url = server.url();
    let settings = [("redis.url", url.as_str()), ("content.views.flush_every", "1h")];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    fleet.begin_an_hour();
    let video = fleet.video(json!({})).await;
    watch(&fleet.sandbox.url("content"), video, 0..20).await;
    let hour = fleet.sandbox.process.clock.unix() / 3600;
    let counted = server.ask(&["HGET", "content:views:buffer", &format!("{video}:{hour}:n")]);
    assert_eq!(counted, "20");
}

#[tokio::test]
async fn without_redis_views_are_counted_in_memory_and_with_it_again_there() {
    let mut server = Server::start().await;
    let url = server.url();
    let settings = [("redis.url", url.as_str()), ("content.views.flush_every", "300ms")];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    fleet.begin_an_hour();
    let video = fleet.video(json!({})).await;
    let here = fleet.sandbox.url("content");
    watch(&here, video, 0..10).await;
    eventually(async || stored(&fleet, video, 10).await).await;
    server.kill();
    // The first few find out; whether they counted nobody can say.
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

/// Emptied in the middle, it loses what was not flushed, and nothing else.
#[tokio::test]
async fn an_emptied_redis_goes_on_counting() {
    let server = Server::start().await;
    let url = server.url();
    let settings = [("redis.url", url.as_str()), ("content.views.flush_every", "1h")];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    fleet.begin_an_hour();
    let video = fleet.video(json!({})).await;
    let here = fleet.sandbox.url("content");
    let field = format!("{video}:{}:n", fleet.sandbox.process.clock.unix() / 3600);
    let counted = || server.ask(&["HGET", "content:views:buffer", &field]);
    watch(&here, video, 0..10).await;
    assert_eq!(counted(), "10");
    server.ask(&["FLUSHALL"]);
    watch(&here, video, 10..30).await;
    assert_eq!(counted(), "20");
    assert_ne!(server.ask(&["HGET", "content:views:buffer", "id"]), "");
}

#[tokio::test]
async fn a_full_buffer_is_put_aside() {
    let server = Server::start().await;
    let url = server.url();
    let settings = [("redis.url", url.as_str()), ("content.views.flush_every", "1h")];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    fleet.begin_an_hour();
    let video = fleet.video(json!({})).await;
    let here = fleet.sandbox.url("content");
    let hour = fleet.sandbox.process.clock.unix() / 3600;
    // As many as one flush takes.
    let fields: Vec<String> = (1..1000).flat_map(|n| [format!("{n}:{hour}:n"), "1".to_owned()]).collect();
    let mut fill = vec!["HSET", "content:views:buffer", "id", "5"];
    fill.extend(fields.iter().map(String::as_str));
    server.ask(&fill);
    watch(&here, video, 0..1).await;
    watch(&here, video, 1..3).await;
    // Its own part went with the full one.
    let aside = server.ask(&["HGET", "content:views:flush:5", &format!("{video}:{hour}:n")]);
    let left = server.ask(&["HGET", "content:views:buffer", &format!("{video}:{hour}:n")]);
    assert_eq!((aside.as_str(), left.as_str()), ("1", "2"));
    assert_eq!(server.ask(&["SMEMBERS", "content:views:flushes"]), "5");
}
