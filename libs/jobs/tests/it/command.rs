//! The operator's command.

use fenz_chassis::{Invocation, Service};
use fenz_jobs::{Options, State, command};
use fenz_testkit::Database;

use crate::fixture::{Fixture, Single, Tested};

#[tokio::test]
async fn dead_jobs_are_listed_and_tried_again_by_command() {
    let fixture = Fixture::new(Database::Sqlite).await;
    let replica = fixture.replica().await;
    for n in 1..=3 {
        replica.enqueue(&Single { n }, Options::default()).await;
    }
    let kill = "UPDATE jobs SET run_at = NULL";
    sea_orm::ConnectionTrait::execute_unprepared(&replica.db, kill).await.unwrap();
    let run = async |arguments: &[&str]| {
        let arguments = arguments.iter().copied().map(str::to_owned).collect();
        command(&Invocation { service: Tested::NAME, arguments, sources: fixture.sources() }).await
    };
    run(&["list"]).await.unwrap();
    assert!(run(&["retry", "7"]).await.unwrap_err().to_string().contains("no dead job 7"));
    assert!(run(&["retry", "x"]).await.unwrap_err().to_string().contains("number of a job"));
    assert!(run(&["burn"]).await.unwrap_err().to_string().contains("jobs list"));
    let first = fenz_jobs::Jobs::list(&replica.db, State::Dead, 1).await.unwrap()[0].id.to_string();
    run(&["retry", &first]).await.unwrap();
    assert_eq!(replica.list(State::Waiting).await, [1]);
    run(&["retry", "all"]).await.unwrap();
    assert_eq!(replica.list(State::Waiting).await, [1, 2, 3]);
}
