//! Moderators keep somebody out for a time, or for good.

use chrono::{DateTime, Utc};
use fenz_chassis::{Result, User, UserId};
use serde_json::{Value, json};

use super::{App, moderate::Sentence};
use crate::domain::{account::Account, ban};

impl App {
    /// Bans an account until a time, or for ever. Saying it again changes
    /// nothing; another end takes the place of the one before.
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
            let mut after = ends(Some(end));
            after["text"] = Value::from(text);
            Some(Sentence {
                action: "user.banned",
                outcome: "banned",
                text: text.to_owned(),
                until: ban::told(end),
                keeps_out: true,
                before: ends(before),
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
            Some(Sentence {
                action: "user.unbanned",
                outcome: "unbanned",
                text: String::new(),
                until: None,
                keeps_out: false,
                before: ends(Some(before)),
                after: ends(None),
            })
        })
        .await
    }
}

/// For the audit log.
fn ends(until: Option<DateTime<Utc>>) -> Value {
    json!({"bannedUntil": until.map(ban::text)})
}
