//! kill -9 with real processes, a real broker and a real database.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use fenz_chassis::Process;
use fenz_core::Random;
use fenz_testkit::{Database, rounds};

use crate::fleet::{Fleet, Publisher, Replica, Transport, eventually, recording, write};

/// The environment variable with the role of a child process.
const ROLE: &str = "EVENTS_TEST_ROLE";
const WRITES: i64 = 1_000;

/// A replica that is killed and restarted.
struct ChildProcess {
    role: &'static str,
    variables: Vec<(&'static str, String)>,
    child: Child,
}

impl ChildProcess {
    fn start(role: &'static str, fleet: &Fleet) -> Self {
        let variables = vec![
            ("EVENTS_TEST_BUS", fleet.bus.url.expose().to_owned()),
            ("EVENTS_TEST_NAME", fleet.bus.stream.clone()),
            ("EVENTS_TEST_PUBLISHER", fleet.publisher_url.clone()),
            ("EVENTS_TEST_SUBSCRIBER", fleet.subscriber_url.clone()),
        ];
        let child = spawn(role, &variables);
        Self { role, variables, child }
    }

    fn kill(&mut self) {
        // SIGKILL: it cannot clean up.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn kill_and_restart(&mut self) {
        self.kill();
        self.child = spawn(self.role, &self.variables);
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(role: &str, variables: &[(&'static str, String)]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--nocapture"])
        .env(ROLE, role)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Not a test: what the processes of the one below run.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let variable = |name: &str| std::env::var(name).unwrap();
    let fleet = Fleet::existing(
        (&variable("EVENTS_TEST_BUS"), &variable("EVENTS_TEST_NAME")),
        variable("EVENTS_TEST_PUBLISHER"),
        variable("EVENTS_TEST_SUBSCRIBER"),
    );
    match role.as_str() {
        "subscriber" => {
            let _subscriber = fleet.subscriber(recording()).await;
            std::future::pending::<()>().await;
        }
        // Publishes what others wrote, and writes nothing.
        "relay" => {
            let _relay = fleet.publisher().await;
            std::future::pending::<()>().await;
        }
        _ => {
            let (publisher, outbox) = fleet.publisher().await;
            // This is the only writer, so the count is complete.
            let written = publisher.count("writes").await;
            for n in written + 1..=WRITES {
                write(&outbox, n).await.unwrap();
            }
            std::future::pending::<()>().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_takes_effect_once_though_replicas_are_killed() {
    let Some(nats) = fenz_testkit::Server::Nats.url() else { return };
    let fleet = Fleet::new(Database::of_a_fleet(), &Transport::JetStream(nats)).await;
    // Creates the tables, and reads.
    let observer = |url: &str| {
        let settings = fleet.settings(url);
        async move { fenz_chassis::connect::<Publisher>(settings, &Process::default()).await.unwrap() }
    };
    let publisher = Replica::observing(observer(&fleet.publisher_url).await);
    let subscriber = Replica::observing(observer(&fleet.subscriber_url).await);
    let mut children: Vec<_> = ["writer", "relay", "subscriber", "subscriber"]
        .into_iter()
        .map(|role| ChildProcess::start(role, &fleet))
        .collect();
    let random = Random::default();
    for _ in 0..rounds(24, 200) {
        tokio::time::sleep(Duration::from_millis(50 + random.value::<u64>() % 400)).await;
        children[usize::from(random.value::<u8>() % 4)].kill_and_restart();
    }
    eventually("all writes", async || publisher.count("writes").await == WRITES).await;
    // Once more, now that each has work.
    for child in &mut children {
        child.kill_and_restart();
    }
    subscriber.wait_for(WRITES as usize).await;
    assert_eq!(subscriber.effects().await, (1..=WRITES).collect::<Vec<_>>());
    eventually("an empty outbox", async || publisher.count("outbox").await == 0).await;
    assert_eq!((subscriber.count("dead_letters").await, subscriber.count("effects").await), (0, WRITES));
}
