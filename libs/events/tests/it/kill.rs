//! kill -9 with real processes, a real broker and a real database.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use fenz_chassis::{Clock, Process};
use fenz_testkit::Database;

use crate::fleet::{Fleet, Replica, Teller, Via, eventually, recording, write};

/// What a child of this test is told by.
const ROLE: &str = "EVENTS_TEST_ROLE";
const WRITES: i64 = 1_000;
/// Kills before the survivors may finish in peace.
const KILLS: usize = 24;

/// A replica that somebody will kill.
struct Victim {
    role: &'static str,
    variables: Vec<(&'static str, String)>,
    child: Child,
}

impl Victim {
    fn start(role: &'static str, fleet: &Fleet) -> Self {
        let variables = vec![
            ("EVENTS_TEST_BUS", fleet.bus.url.expose().to_owned()),
            ("EVENTS_TEST_NAME", fleet.bus.stream.clone()),
            ("EVENTS_TEST_TELLER", fleet.teller_url.clone()),
            ("EVENTS_TEST_HEARER", fleet.hearer_url.clone()),
        ];
        let child = spawn(role, &variables);
        Self { role, variables, child }
    }

    fn kill(&mut self) {
        // SIGKILL: it cannot even notice.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn kill_and_restart(&mut self) {
        self.kill();
        self.child = spawn(self.role, &self.variables);
    }
}

impl Drop for Victim {
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
        variable("EVENTS_TEST_TELLER"),
        variable("EVENTS_TEST_HEARER"),
    );
    match role.as_str() {
        "hearer" => {
            let _hearer = fleet.hearer(recording()).await;
            std::future::pending::<()>().await;
        }
        // Publishes what others left behind, and writes nothing.
        "relay" => {
            let _relay = fleet.teller().await;
            std::future::pending::<()>().await;
        }
        _ => {
            let (teller, outbox) = fleet.teller().await;
            // The count may miss nothing: this is the one writer.
            let written = teller.count("writes").await;
            for n in written + 1..=WRITES {
                write(&outbox, n).await.unwrap();
            }
            std::future::pending::<()>().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point_every_write_takes_effect_once() {
    let Ok(nats) = std::env::var("FENZ_TEST_NATS") else { return };
    let fleet = Fleet::new(Database::of_a_fleet(), &Via::JetStream(nats)).await;
    // Makes the tables, and looks on.
    let watcher = |url: &str| {
        let (settings, process) = (fleet.settings(url), Process { clock: Clock::default(), ..Process::default() });
        async move { fenz_chassis::connect::<Teller>(settings, &process).await.unwrap() }
    };
    let teller = Replica::watching(watcher(&fleet.teller_url).await);
    let hearer = Replica::watching(watcher(&fleet.hearer_url).await);
    let mut victims: Vec<_> =
        ["writer", "relay", "hearer", "hearer"].into_iter().map(|role| Victim::start(role, &fleet)).collect();
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(rand::random_range(50..450))).await;
        victims[rand::random_range(0..4)].kill_and_restart();
    }
    eventually("all writes", async || teller.count("writes").await == WRITES).await;
    // One more of each, now that there is work for all.
    for victim in &mut victims {
        victim.kill_and_restart();
    }
    hearer.wait_for(WRITES as usize).await;
    assert_eq!(hearer.effects().await, (1..=WRITES).collect::<Vec<_>>());
    eventually("an empty outbox", async || teller.count("outbox").await == 0).await;
    assert_eq!((hearer.count("dead_letters").await, hearer.count("effects").await), (0, WRITES));
}
