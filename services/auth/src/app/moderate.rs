//! What hiding, banning and taking either back have in common.

use chrono::{DateTime, Utc};
use fenz_chassis::{Result, User, UserId};
use fenz_contract::events::v1::UserModerated;
use fenz_events::Act;
use serde_json::Value;

use super::{App, administrators, events};
use crate::domain::{account::Account, rights};

/// What is done to an account.
pub struct Sentence {
    /// For the audit log.
    pub action: &'static str,
    /// For the account's owner.
    pub outcome: &'static str,
    /// What the moderator wants to say to them.
    pub text: String,
    /// Of a ban that ends.
    pub until: Option<DateTime<Utc>>,
    /// The account cannot sign in any more.
    pub keeps_out: bool,
    pub before: Value,
    pub after: Value,
}

impl App {
    /// Changes an account as a moderator, ends its sessions if it is kept out,
    /// and tells. A change that gives no sentence changes nothing.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `PERMISSION_DENIED`, `LAST_ADMIN`.
    pub(super) async fn moderate(
        &self,
        caller: &User,
        user: UserId,
        change: impl Fn(&mut Account) -> Option<Sentence>,
    ) -> Result<Account> {
        let now = self.clock.now();
        let moderated = self.outbox.transact(|txn| {
            let change = &change;
            async move {
                let mut held = administrators::hold_in_txn(txn.as_ref(), user, now).await?;
                // After the locks: somebody may have ended it meanwhile.
                self.session_in_txn(&txn, caller).await?;
                rights::check_moderation(caller, user, held.account.role)?;
                let Some(sentence) = change(&mut held.account) else { return Ok(held.account) };
                if sentence.keeps_out {
                    held.check_dispensable()?;
                    self.end_all_in_txn(&txn, user, None).await?;
                }
                super::save_in_txn(txn.as_ref(), &mut held.account, now).await?;
                self.outbox.emit(&txn, &events::updated(&held.account, now)).await?;
                self.outbox.emit(&txn, &told_owner(&held.account, &sentence, now)).await?;
                let act = Act {
                    before: Some(sentence.before),
                    after: Some(sentence.after),
                    ..events::user_act(caller.id, sentence.action, user)
                };
                self.outbox.audit(&txn, act).await?;
                Ok(held.account)
            }
        });
        moderated.await
    }
}

fn told_owner(account: &Account, sentence: &Sentence, now: DateTime<Utc>) -> UserModerated {
    UserModerated {
        user_id: account.id.0,
        outcome: sentence.outcome.to_owned(),
        object_type: "user".to_owned(),
        object_id: account.id.0,
        object_title: account.display_name.clone(),
        text: sentence.text.clone(),
        until: sentence.until.map(Into::into),
        occurred_at: Some(now.into()),
    }
}
