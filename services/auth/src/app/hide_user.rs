//! Moderators take an account out of sight and bring it back.

use fenz_chassis::{Result, Role, User, UserId};
use serde_json::{Value, json};

use super::{App, moderate::Sentence};
use crate::domain::{
    account::Account,
    hidden::{HiddenReason, HiddenReasons},
};

impl App {
    /// Hides an account for the reason of moderation. A repeat changes nothing.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `PERMISSION_DENIED`, `LAST_ADMIN`.
    pub async fn hide_user(&self, caller: &User, user: UserId, text: &str) -> Result<Account> {
        self.moderate(caller, user, |account| {
            let hidden = account.hidden.with(HiddenReason::Moderation);
            let mut sentence = sentence(account, hidden)?;
            text.clone_into(&mut sentence.text);
            sentence.after["text"] = Value::from(text);
            Some(Sentence { action: "user.hidden", outcome: "hidden", keeps_out: true, ..sentence })
        })
        .await
    }

    /// Takes the reason of moderation away; administrators take all away.
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
            sentence(account, left)
        })
        .await
    }
}

/// Sets the reasons; none when they are those already.
fn sentence(account: &mut Account, hidden: HiddenReasons) -> Option<Sentence> {
    if account.hidden == hidden {
        return None;
    }
    let sentence = Sentence {
        action: "user.restored",
        outcome: "restored",
        text: String::new(),
        until: None,
        keeps_out: false,
        before: reasons(account.hidden),
        after: reasons(hidden),
    };
    account.hidden = hidden;
    Some(sentence)
}

/// For the audit log.
pub fn reasons(hidden: HiddenReasons) -> Value {
    json!({"hiddenReasons": hidden.names()})
}
