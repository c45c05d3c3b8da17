//! There is always an administrator who can sign in.

use chrono::{DateTime, Utc};
use fenz_chassis::{Error, Reason, Result, Role, User, UserId, database::Txn};
use sea_orm::ConnectionTrait;

use super::App;
use crate::{domain::account::Account, store::users};

/// An account that nobody else changes until the transaction ends.
pub struct Held {
    pub account: Account,
    /// Another administrator can sign in, and that stays so until the
    /// transaction ends.
    others: bool,
}

impl Held {
    /// To be asked before an account loses its role, its sight or itself.
    ///
    /// # Errors
    /// `LAST_ADMIN`.
    pub fn check_dispensable(&self) -> Result<()> {
        if self.account.role == Role::Admin && !self.others {
            return Err(Error::new(Reason::LastAdmin, "there would be no administrator left who can sign in"));
        }
        Ok(())
    }
}

impl App {
    /// The account of a caller who is about to leave, whose session is open
    /// still.
    ///
    /// # Errors
    /// `TOKEN_INVALID`.
    pub(super) async fn hold_own_in_txn(&self, txn: &Txn, caller: &User) -> Result<Held> {
        let held = match hold_in_txn(txn.as_ref(), caller.id, self.clock.now()).await {
            Err(error) if error.reason != Reason::UserNotFound => return Err(error),
            held => held,
        };
        // After the lock: of several at once, the first ended it. Who is gone
        // has no session either, and hears the same.
        self.session_in_txn(txn, caller).await?;
        held
    }
}

/// Locks an account and, when it is an administrator's, all the others' too:
/// of two who would remove each other, one is second.
///
/// # Errors
/// `USER_NOT_FOUND`.
pub async fn hold_in_txn(txn: &impl ConnectionTrait, user: UserId, now: DateTime<Utc>) -> Result<Held> {
    let mut ids = users::administrators(txn).await?;
    if !ids.contains(&user.0) {
        // One who is made administrator just now counts as the last: the next
        // try knows better.
        ids = vec![user.0];
    }
    let (mut own, others): (Vec<_>, Vec<_>) =
        users::locked_all_in_txn(txn, &ids).await?.into_iter().partition(|account| account.id == user);
    let account = super::known(own.pop())?;
    // As they are now that they are locked.
    let others = others.iter().any(|other| other.role == Role::Admin && other.check_admitted(now).is_ok());
    Ok(Held { account, others })
}
