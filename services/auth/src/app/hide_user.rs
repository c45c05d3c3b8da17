//! Moderators hide and restore accounts.

use fenz_core::{Result, Role, User, UserId};
use serde_json::{Value, json};

use super::{App, moderate::Decision};
use crate::domain::{
    account::Account,
    hidden::{HiddenReason, HiddenReasons},
};

impl App {
    /// Hides an account with the reason `moderation`. A repeat changes nothing.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `PERMISSION_DENIED`, `LAST_ADMIN`.
    pub async fn hide_user(&self, caller: &User, user: UserId, text: &str) -> Result<Account> {
        self.moderate(caller, user, |account| {
            let hidden = account.hidden.with(HiddenReason::Moderation);
            let mut decision = set_hidden(account, hidden)?;
            text.clone_into(&mut decision.text);
            decision.after["text"] = Value::from(text);
            Some(Decision { action: "user.hidden", outcome: "hidden", blocks_sign_in: true, ..decision })
        })
        .await
    }

    /// Removes the reason `moderation`; administrators remove all reasons.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `PERMISSION_DENIED`.
    pub async fn restore_user(&self, caller: &User, user: UserId) -> Result<Account> {
        self.moderate(caller, user, |account| {
            let left = if caller.role == Role::Admin {
                HiddenReasons::default()
            } else {
                account.hidden.without(HiddenReason::Moderation)
            };
            set_hidden(account, left)
        })
        .await
    }
}

/// Sets the reasons; none when that changes nothing.
fn set_hidden(account: &mut Account, hidden: HiddenReasons) -> Option<Decision> {
    if account.hidden == hidden {
        return None;
    }
    let decision = Decision {
        action: "user.restored",
        outcome: "restored",
        text: String::new(),
        until: None,
        blocks_sign_in: false,
        before: reasons(account.hidden),
        after: reasons(hidden),
    };
    account.hidden = hidden;
    Some(decision)
}

/// The reasons as the audit log records them.
pub fn reasons(hidden: HiddenReasons) -> Value {
    json!({"hiddenReasons": hidden.names()})
}
