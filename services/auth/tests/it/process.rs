//! The service as a separate process: started, killed, misconfigured.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use fenz_testkit::{Client, PASSWORD};
use reqwest::Method;
use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

struct Running {
    child: Child,
    client: Client,
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fenz-auth"));
    command
        .current_dir(folder)
        .env("FENZ_DATABASE__URL", database(folder))
        .env("FENZ_MEDIA_URL__KEYS", "t1=a-secret-of-the-test")
        .env("FENZ_OPS__LISTEN", "127.0.0.1:0")
        .stderr(Stdio::null());
    command
}

fn database(folder: &Path) -> String {
    format!("sqlite://{}?mode=rwc", folder.join("auth.db").display())
}

async fn start(folder: &Path) -> Running {
    let mut command = command(folder);
    command.env("FENZ_AUTH__LISTEN", "127.0.0.1:0").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running { child: command.spawn().unwrap(), client: Client::new("") };
    let mut log = BufReader::new(running.child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        sender.send(log.find(|line| line.contains("\"started\""))).ok();
        // A full pipe would block the process.
        log.for_each(drop);
    });
    let line = tokio::time::timeout(Duration::from_secs(30), receiver).await.expect("it starts in time").unwrap();
    let line: Value = serde_json::from_str(&line.expect("it starts")).unwrap();
    running.client = Client::new(format!("http://{}", line["address"].as_str().unwrap()));
    running
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[tokio::test]
async fn the_first_administrators_password_is_printed_once() {
    let folder = tempfile::tempdir().unwrap();
    let printed = |running: &mut Running| {
        running.child.kill().unwrap();
        BufReader::new(running.child.stdout.take().unwrap()).lines().map_while(Result::ok).collect::<Vec<_>>()
    };
    let mut first = start(folder.path()).await;
    let lines = printed(&mut first);
    let value = |name: &str| lines.iter().find_map(|l| l.strip_prefix(name)).unwrap_or_default().trim().to_owned();
    let (name, password) = (value("First administrator:"), value("One-time password:"));
    assert_eq!((name.as_str(), password.len()), ("admin", 19), "{lines:?}");
    let mut second = start(folder.path()).await;
    assert_eq!(second.client.login(&name, &password).await.ok("user")["role"], "admin");
    assert!(printed(&mut second).is_empty());
}

#[tokio::test]
async fn a_kill_during_registrations_leaves_none_incomplete() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let mut running = start(folder.path()).await;
        let register = (0..20).map(|i| {
            let name = format!("user_{round}_{i}");
            let body = json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD});
            let request = running.client.request(Method::POST, "/api/v1/auth/register").json(&body);
            tokio::spawn(async move { request.send().await.is_ok_and(|reply| reply.status() == 200).then_some(name) })
        });
        let register: Vec<_> = register.collect();
        tokio::time::sleep(Duration::from_millis(150 + 100 * round)).await;
        running.child.kill().unwrap();
        for task in register {
            acknowledged.extend(task.await.unwrap());
        }
    }
    let running = start(folder.path()).await;
    for name in &acknowledged {
        let reply = running.client.login(name, PASSWORD).await;
        assert_eq!(reply.status, 200, "the registration of {name} was acknowledged: {}", reply.body);
    }
    let db = sea_orm::Database::connect(database(folder.path())).await.unwrap();
    let incomplete = "SELECT COUNT(*) AS n FROM users u WHERE u.role = 'user' AND NOT EXISTS \
                (SELECT 1 FROM sessions s JOIN refresh_tokens r ON r.session_id = s.id WHERE s.user_id = u.id)";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), incomplete)).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "n").unwrap(), 0, "accounts without a session");
}

#[tokio::test]
async fn a_bad_setting_is_named_and_prevents_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let check = |key: &str, value: &str| {
        let mut command = command(folder.path());
        command.env("FENZ_AUTH__LISTEN", "127.0.0.1:0").env(key, value).stderr(Stdio::piped());
        let Output { status, stderr, .. } = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        assert!(!status.success() && stderr.contains(key), "{key}={value}: {stderr}");
    };
    for (key, value) in [
        ("FENZ_AUTH__ACCESS_TTL", "soon"),
        ("FENZ_AUTH__ACCESS_TTL", "0s"),
        ("FENZ_AUTH__REGISTRATION", "maybe"),
        ("FENZ_AUTH__HASH__MEMORY_KIB", "many"),
        ("FENZ_AUTH__ADMIN__PASSWORD", "password1"),
        ("FENZ_AUTH__ADMIN__USERNAME", "a b"),
        ("FENZ_AUTH__THROTTLE__FREE_FAILURES", "0"),
        ("FENZ_AUTH__NONSENSE", "1"),
    ] {
        check(key, value);
    }
}
