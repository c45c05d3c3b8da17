//! The operator's commands for dead letters.

use fenz_chassis::{Invocation, Requirements, Service, settings::Sources};
use fenz_events::HandlerError;
use fenz_testkit::Database;

use crate::fleet::{Fleet, Subscriber, Transport, eventually, failing, write};

#[tokio::test]
async fn dead_letters_are_listed_and_replayed_by_command() {
    let fleet = Fleet::new(Database::Sqlite, &Transport::Mailbox).await;
    let subscriber = fleet.subscriber(failing(|n| Some(HandlerError::invalid(format_args!("never {n}"))))).await;
    let (_publisher, outbox) = fleet.publisher().await;
    write(&outbox, 1).await.unwrap();
    eventually("a dead letter", async || subscriber.count("dead_letters").await == 1).await;
    let command = async |arguments: &[&str]| {
        let mut sources = Sources::default();
        sources.set(&["channel", "database", "url"], &fleet.subscriber_url).unwrap();
        let arguments = arguments.iter().copied().map(str::to_owned).collect();
        let commands = <Subscriber as Service>::Requirements::commands();
        let command = commands.iter().find(|command| command.name == "dead-letters").unwrap();
        (command.run)(&Invocation { service: Subscriber::NAME, arguments, sources }).await
    };
    command(&["list"]).await.unwrap();
    assert!(command(&["replay", "nothing"]).await.unwrap_err().to_string().contains("nothing"));
    assert!(command(&["burn"]).await.unwrap_err().to_string().contains("dead-letters list"));
    command(&["replay"]).await.unwrap();
    eventually("another five tries", async || subscriber.count("dead_letters").await == 1).await;
}
