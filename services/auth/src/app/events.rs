//! What the service tells others.

use fenz_chassis::{Result, UserId, database::Txn};
use fenz_contract::events::v1::{SessionsEnded, UserRegistered, UserUpdated};

use super::App;
use crate::domain::account::Account;

impl App {
    /// Tells that sessions of a user have ended: the one, or several.
    pub(super) async fn tell_ended_in_txn(&self, txn: &Txn, user: UserId, session: Option<&str>) -> Result<()> {
        let until = self.clock.after(self.config.access_ttl + super::LEEWAY);
        let session_ids = session.map(str::to_owned).into_iter().collect();
        let told = SessionsEnded { user_id: user.0, session_ids, until: Some(until.into()) };
        self.outbox.emit(txn, &told).await
    }
}

/// An account is there.
pub fn registered(account: &Account, guest_session_id: Option<&str>) -> UserRegistered {
    UserRegistered {
        user_id: account.id.0,
        username: account.username.clone(),
        display_name: account.display_name.clone(),
        version: account.version,
        occurred_at: Some(account.created_at.into()),
        guest_session_id: guest_session_id.map(str::to_owned),
    }
}

/// An account is another version.
pub fn updated(account: &Account, now: chrono::DateTime<chrono::Utc>) -> UserUpdated {
    UserUpdated {
        user_id: account.id.0,
        username: account.username.clone(),
        display_name: account.display_name.clone(),
        role: account.role.as_str().to_owned(),
        version: account.version,
        occurred_at: Some(now.into()),
    }
}
