//! What the services of a test have not done: events that are not delivered, and
//! work that failed.

use std::{sync::mpsc, time::Duration};

use futures::future::join_all;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbErr, Statement};
use tokio::{runtime::Runtime, time::Instant};

const POLL: Duration = Duration::from_millis(10);

/// Rows that should be gone, and what they are; a service may lack the table or
/// the column.
type Kind = (&'static str, &'static str);

const OUTBOX: Kind = ("outbox", "events in the outbox");
const RETRIED: [Kind; 3] = [
    ("mailbox WHERE tries > 0", "events that failed"),
    ("erasures WHERE attempts > 0", "erasures that failed"),
    ("jobs WHERE run_at IS NOT NULL AND error <> ''", "jobs that failed"),
];
const GIVEN_UP: [Kind; 2] = [("dead_letters", "dead letters"), ("jobs WHERE run_at IS NULL", "dead jobs")];

/// What is left in the databases of services when the timeout is over. Without a
/// bus, events remain in the outboxes.
pub fn find(
    runtime: &Runtime,
    databases: Vec<(&'static str, String)>,
    has_bus: bool,
    timeout: Duration,
) -> Vec<String> {
    let (send, receive) = mpsc::channel();
    runtime.spawn(async move {
        let found = join_all(databases.iter().map(|(service, url)| find_in(service, url, has_bus, timeout))).await;
        send.send(found.concat()).ok();
    });
    receive.recv().unwrap_or_else(|_| vec!["the databases were not examined".to_owned()])
}

async fn find_in(service: &str, url: &str, has_bus: bool, timeout: Duration) -> Vec<String> {
    let found = async {
        let mut options = ConnectOptions::new(url);
        let db = Database::connect(options.max_connections(1).sqlx_logging(false).to_owned()).await?;
        let waited: Vec<Kind> = RETRIED.into_iter().chain(has_bus.then_some(OUTBOX)).collect();
        let began = Instant::now();
        let mut found = loop {
            let found = count_all(&db, &waited).await?;
            if found.is_empty() || began.elapsed() > timeout {
                break found;
            }
            tokio::time::sleep(POLL).await;
        };
        found.extend(count_all(&db, &GIVEN_UP).await?);
        db.close().await?;
        Ok::<_, DbErr>(found)
    };
    let found = found.await.unwrap_or_else(|error| vec![error.to_string()]);
    found.into_iter().map(|found| format!("{service}: {found}")).collect()
}

async fn count_all(db: &DatabaseConnection, kinds: &[Kind]) -> Result<Vec<String>, DbErr> {
    let mut found = Vec::new();
    for (rows, name) in kinds {
        match count(db, rows).await? {
            0 => {}
            count => found.push(format!("{count} {name}")),
        }
    }
    Ok(found)
}

async fn count(db: &DatabaseConnection, rows: &str) -> Result<i64, DbErr> {
    let sql = format!("SELECT COUNT(*) AS n FROM {rows}");
    match db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await {
        Ok(row) => row.map_or(Ok(0), |row| row.try_get("", "n")),
        Err(error) if is_missing(&error.to_string()) => Ok(0),
        Err(error) => Err(error),
    }
}

/// Whether the service has no such table or column, in the words of SQLite,
/// PostgreSQL and MariaDB.
fn is_missing(error: &str) -> bool {
    ["no such table", "no such column", "does not exist", "doesn't exist", "Unknown column"]
        .iter()
        .any(|words| error.contains(words))
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use fenz_contract::events::v1::VideoDeleted;
    use sea_orm::{ConnectionTrait, Database as Connector};

    use crate::{Database, EventStub, Sandbox, sandbox::STUB};

    async fn with_a_dead_letter(database: Database) -> Sandbox {
        let mut sandbox = Sandbox::new(database).await.expect("a sandbox");
        let stub = EventStub::default().recording::<VideoDeleted>().start(&mut sandbox).await;
        let url = sandbox.database_url(STUB).expect("a database");
        let db = Connector::connect(&url).await.expect("connected");
        let insert = "INSERT INTO dead_letters (event_id, consumer, subject, payload, headers, reason, failed_at) \
                      VALUES ('1', 'stub', 'video.1.deleted', '', '{}', 'too strange', CURRENT_TIMESTAMP)";
        db.execute_unprepared(insert).await.expect("inserted");
        db.close().await.expect("closed");
        // Delivered while the sandbox is dropped.
        stub.publish(VideoDeleted { video_id: 1, ..VideoDeleted::default() }).await;
        sandbox
    }

    #[tokio::test]
    async fn a_dead_letter_fails_the_test_unless_it_is_allowed() {
        for database in Database::available() {
            let sandbox = with_a_dead_letter(database).await;
            let panic = catch_unwind(AssertUnwindSafe(|| drop(sandbox))).expect_err("the drop fails the test");
            let message = panic.downcast_ref::<String>().expect("a text");
            assert!(message.ends_with("left behind: stub: 1 dead letters"), "{database:?}: {message}");
            let sandbox = with_a_dead_letter(database).await;
            sandbox.allow_leftovers("this test makes one");
            drop(sandbox);
        }
    }
}
