//! Keeps at least one administrator who can sign in.

use chrono::{DateTime, Utc};
use fenz_core::{Error, Reason, Result, Role, User, UserId};
use fenz_database::Txn;
use sea_orm::ConnectionTrait;

use super::App;
use crate::{domain::account::Account, store::users};

/// An account whose row is locked until the transaction ends.
pub struct LockedAccount {
    pub account: Account,
    /// Another administrator can sign in; their rows are locked too.
    has_other_admin: bool,
}

impl LockedAccount {
    /// Must be checked before an account is demoted, hidden, banned or deleted.
    ///
    /// # Errors
    /// `LAST_ADMIN`.
    pub fn check_not_last_admin(&self) -> Result<()> {
        if self.account.role == Role::Admin && !self.has_other_admin {
            return Err(Error::new(Reason::LastAdmin, "there would be no administrator left who can sign in"));
        }
        Ok(())
    }
}

impl App {
    /// Locks the caller's own account, to hide or delete it.
    ///
    /// # Errors
    /// `TOKEN_INVALID`.
    pub(super) async fn lock_own_account_in_txn(&self, txn: &Txn, caller: &User) -> Result<LockedAccount> {
        let locked = match lock_account_in_txn(txn.as_ref(), caller.id, self.clock.now()).await {
            Err(error) if error.reason != Reason::UserNotFound => return Err(error),
            locked => locked,
        };
        // After the lock, as a concurrent request may have ended the session. For
        // a deleted account this fails with `TOKEN_INVALID` too.
        self.session_in_txn(txn, caller).await?;
        locked
    }
}

/// Locks an account and, when it is an administrator's, those of all
/// administrators: two who remove each other are serialized.
///
/// # Errors
/// `USER_NOT_FOUND`.
pub async fn lock_account_in_txn(
    txn: &impl ConnectionTrait,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<LockedAccount> {
    let mut ids = users::administrators(txn).await?;
    if !ids.contains(&user) {
        // An account that is promoted concurrently counts as the last
        // administrator; a retry sees the others.
        ids = vec![user];
    }
    let (mut own, others): (Vec<_>, Vec<_>) =
        users::locked_all_in_txn(txn, &ids).await?.into_iter().partition(|account| account.id == user);
    let account = super::require_found(own.pop())?;
    // Their role may have changed before the lock.
    let has_other_admin = others.iter().any(|other| other.role == Role::Admin && other.check_admitted(now).is_ok());
    Ok(LockedAccount { account, has_other_admin })
}
