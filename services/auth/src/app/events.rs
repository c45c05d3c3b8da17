//! What the service tells others.

use fenz_contract::events::v1::{UserRegistered, UserUpdated};

use crate::domain::account::Account;

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
