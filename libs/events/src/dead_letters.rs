//! Events that were given up, for the operator.

use chrono::{DateTime, Utc};
use fenz_chassis::Invocation;
use fenz_core::{Clock, Result};
use fenz_database::{DatabaseSettings, transact};
use sea_orm::DatabaseConnection;

use crate::{
    envelope::Envelope,
    store::{dead_letters, mailbox},
};

/// An event that failed five times through its own fault.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    pub envelope: Envelope,
    pub consumer: String,
    /// The error of the last try.
    pub reason: String,
    pub failed_at: DateTime<Utc>,
}

/// Events that are replayed in one transaction.
const PAGE: u64 = 100;

/// The first ones, the oldest event first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(db: &DatabaseConnection, limit: u64) -> Result<Vec<DeadLetter>> {
    Ok(dead_letters::first(db, None, limit).await?)
}

/// Gives one event, or all of them, to their consumer once more, with five new
/// tries. No other consumer gets it. How many there were.
///
/// # Errors
/// When the database does not answer.
pub async fn replay(db: &DatabaseConnection, clock: &Clock, only: Option<&str>) -> Result<usize> {
    let mut replayed = 0;
    loop {
        let count = transact(db, |txn| async move {
            let given_up = dead_letters::first(txn.as_ref(), only, PAGE).await?;
            for DeadLetter { envelope, consumer, .. } in &given_up {
                mailbox::insert(txn.as_ref(), consumer, &[envelope], 0, clock.now()).await?;
                dead_letters::delete_in_txn(txn.as_ref(), consumer, &envelope.id).await?;
            }
            Ok(given_up.len())
        });
        match count.await? {
            0 => return Ok(replayed),
            count => replayed += count,
        }
    }
}

/// `<service> dead-letters list` and `<service> dead-letters replay [id]`, as
/// a command of [`fenz_chassis::run`].
///
/// # Errors
/// When the arguments are wrong, or the database does not answer.
pub(crate) async fn command(invocation: &Invocation) -> anyhow::Result<()> {
    let settings = invocation.settings()?.section::<DatabaseSettings>("database")?;
    let arguments: Vec<&str> = invocation.arguments.iter().map(String::as_str).collect();
    let db = fenz_database::connect(&settings).await?;
    match arguments[..] {
        ["list"] => {
            for letter in list(&db, 1_000).await? {
                let (Envelope { id, subject, .. }, at) = (&letter.envelope, letter.failed_at.to_rfc3339());
                println!("{id}  {at}  {subject}  {}", letter.reason.replace('\n', " "));
            }
        }
        ["replay"] => println!("{} replayed", replay(&db, &Clock::default(), None).await?),
        ["replay", id] => match replay(&db, &Clock::default(), Some(id)).await? {
            0 => anyhow::bail!("there is no dead letter {id}"),
            count => println!("{count} replayed"),
        },
        _ => anyhow::bail!("should be: {} dead-letters list, or dead-letters replay [id]", invocation.service),
    }
    Ok(())
}
