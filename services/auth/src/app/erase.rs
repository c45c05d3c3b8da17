//! Nothing of a deleted account is left here.

use fenz_chassis::{Result, UserId, database::transact};
use fenz_events::{Eraser, Portion};
use sea_orm::ConnectionTrait;

use super::{App, LEEWAY, attempt, avatar};
use crate::{
    domain::account::Account,
    store::{ended_sessions, errands, failures, one_time, sessions, unreported_failures, users},
};

/// The service's part in forgetting a user. The deletion itself did most of
/// it; what waits for media, and what came late, goes here.
pub struct Forget(pub App);

#[async_trait::async_trait]
impl Eraser for Forget {
    async fn erase(&self, user: UserId) -> Result<Portion> {
        let app = &self.0;
        let claims = avatar::claims(user);
        let (rows, due) = transact(&app.db, |txn| {
            let claims = &claims;
            async move {
                let account = users::locked_in_txn(txn.as_ref(), user).await?;
                let rows = app.forget_in_txn(txn.as_ref(), user, account.as_ref()).await?;
                Ok((rows, errands::hasten(txn.as_ref(), claims, app.clock.now()).await?))
            }
        })
        .await?;
        let removed = rows + due.len() as u64;
        for errand in due {
            app.perform(&errand).await?;
        }
        Ok(Portion { removed, done: true })
    }
}

impl App {
    /// Removes what is kept of an account, and it; gives the number of rows. Of
    /// its sessions the gateway hears as long as their tokens are alive. Lock
    /// the account first.
    pub(super) async fn forget_in_txn(
        &self,
        txn: &impl ConnectionTrait,
        user: UserId,
        account: Option<&Account>,
    ) -> Result<u64> {
        let now = self.clock.now();
        let (alive, mut removed) =
            sessions::remove_all_in_txn(txn, user, now - (self.config.access_ttl + LEEWAY)).await?;
        ended_sessions::keep(txn, &alive, now).await?;
        removed += one_time::forget_all(txn, user).await?;
        let subjects = attempt::subjects(user, account);
        removed += failures::forget_subjects(txn, &subjects).await?;
        removed += unreported_failures::forget_subjects(txn, &subjects).await?;
        removed += users::delete(txn, user).await?;
        Ok(removed)
    }
}
