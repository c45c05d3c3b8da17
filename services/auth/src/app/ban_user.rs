//! Moderators ban accounts, temporarily or permanently.

use chrono::{DateTime, Utc};
use fenz_core::{Result, User, UserId};
use serde_json::{Value, json};

use super::{App, moderate::Decision};
use crate::domain::{account::Account, ban};

impl App {
    /// Bans an account until a time, or permanently. A repeat changes nothing;
    /// another end replaces the previous one.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `PERMISSION_DENIED`, `LAST_ADMIN`, `INVALID_PARAMS` on
    /// an end in the past.
    pub async fn ban_user(
        &self,
        caller: &User,
        user: UserId,
        until: Option<DateTime<Utc>>,
        text: &str,
    ) -> Result<Account> {
        let now = self.clock.now();
        let end = ban::end(until, now)?;
        self.moderate(caller, user, |account| {
            let before = account.ban(now);
            if before == Some(end) {
                return None;
            }
            account.banned_until = Some(end);
            let mut after = ban_json(Some(end));
            after["text"] = Value::from(text);
            Some(Decision {
                action: "user.banned",
                outcome: "banned",
                text: text.to_owned(),
                until: ban::temporary_end(end),
                blocks_sign_in: true,
                before: ban_json(before),
                after,
            })
        })
        .await
    }

    /// Ends a ban before its time; changes nothing when there is none.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`, `PERMISSION_DENIED`.
    pub async fn unban_user(&self, caller: &User, user: UserId) -> Result<Account> {
        let now = self.clock.now();
        self.moderate(caller, user, |account| {
            let before = account.ban(now)?;
            account.banned_until = None;
            Some(Decision {
                action: "user.unbanned",
                outcome: "unbanned",
                text: String::new(),
                until: None,
                blocks_sign_in: false,
                before: ban_json(Some(before)),
                after: ban_json(None),
            })
        })
        .await
    }
}

/// The ban as the audit log records it.
fn ban_json(until: Option<DateTime<Utc>>) -> Value {
    json!({"bannedUntil": until.map(ban::rfc3339)})
}
