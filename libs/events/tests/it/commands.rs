//! What an operator can do about dead letters.

use fenz_chassis::{OwnCommand, settings::Sources};
use fenz_events::{Refusal, dead_letters};
use fenz_testkit::Database;

use crate::fleet::{Fleet, Hearer, Via, eventually, refusing, write};

#[test]
fn dead_letters_are_listed_and_replayed_by_command() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let outer = runtime();
    let (fleet, hearer) = outer.block_on(async {
        let fleet = Fleet::new(Database::Sqlite, &Via::Mailbox).await;
        let hearer = fleet.hearer(refusing(|n| Some(Refusal::message(format_args!("never {n}"))))).await;
        let (_teller, outbox) = fleet.teller().await;
        write(&outbox, 1).await.unwrap();
        eventually("a dead letter", async || hearer.count("dead_letters").await == 1).await;
        (fleet, hearer)
    });
    let command = |arguments: &[&str]| {
        let mut sources = Sources::default();
        sources.set(&["channel", "database", "url"], &fleet.hearer_url).unwrap();
        let arguments = std::iter::once("dead-letters").chain(arguments.iter().copied()).map(str::to_owned).collect();
        dead_letters::command::<Hearer>(OwnCommand { arguments, sources, runtime: runtime() })
    };
    command(&["list"]).unwrap();
    assert!(command(&["replay", "nothing"]).unwrap_err().to_string().contains("nothing"));
    assert!(command(&["burn"]).unwrap_err().to_string().contains("dead-letters list"));
    command(&["replay"]).unwrap();
    outer.block_on(async {
        eventually("another five tries", async || hearer.count("dead_letters").await == 1).await;
    });
}
