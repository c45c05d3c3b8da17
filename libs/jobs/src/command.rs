//! `<service> jobs …`: what an operator sees and does.

use fenz_chassis::Invocation;
use fenz_core::Clock;
use fenz_database::DatabaseSettings;

use crate::{Jobs, State};

/// Jobs that are printed.
const LIMIT: u64 = 1_000;

/// `<service> jobs list [dead|running|waiting]` and `<service> jobs retry <id>|all`,
/// as a command of [`fenz_chassis::run`].
///
/// # Errors
/// When the arguments are wrong, or the database does not answer.
pub async fn command(invocation: &Invocation) -> anyhow::Result<()> {
    let settings = invocation.settings()?.section::<DatabaseSettings>("database")?;
    let arguments: Vec<&str> = invocation.arguments.iter().map(String::as_str).collect();
    let db = fenz_database::connect(&settings).await?;
    match arguments[..] {
        ["list"] | ["list", "dead"] => print(&db, State::Dead).await?,
        ["list", "running"] => print(&db, State::Running).await?,
        ["list", "waiting"] => print(&db, State::Waiting).await?,
        ["retry", "all"] => {
            println!("{} dead jobs are tried again", Jobs::retry_dead(&db, &Clock::default(), None).await?);
        }
        ["retry", id] => {
            let parsed = id.parse().map_err(|_| anyhow::anyhow!("{id:?} should be the number of a job, or all"))?;
            if Jobs::retry_dead(&db, &Clock::default(), Some(parsed)).await? == 0 {
                anyhow::bail!("there is no dead job {id}");
            }
            println!("job {id} is tried again");
        }
        _ => {
            anyhow::bail!("should be: {} jobs list [dead|running|waiting], or jobs retry <id>|all", invocation.service)
        }
    }
    Ok(())
}

async fn print(db: &sea_orm::DatabaseConnection, state: State) -> anyhow::Result<()> {
    for job in Jobs::list(db, state, LIMIT).await? {
        let at = job.enqueued_at.to_rfc3339();
        let error = job.error.replace('\n', " ");
        println!(
            "{}  {at}  {}  {}  attempts {}  {}% {}  {}  {error}",
            job.id, job.kind, job.key, job.attempts, job.progress, job.message, job.payload
        );
    }
    Ok(())
}
