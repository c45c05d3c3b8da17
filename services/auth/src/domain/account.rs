//! Accounts, as the rules see them.

use chrono::{DateTime, SecondsFormat, Utc};
use fenz_chassis::{Error, Reason, Result, Role, UserId};

/// Somebody's account.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: UserId,
    pub username: String,
    pub display_name: String,
    pub email: String,
    /// argon2id, or what an import brought.
    pub password_hash: String,
    pub role: Role,
    /// A bit for every reason that the account is hidden for.
    pub hidden_reasons: i32,
    pub banned_until: Option<DateTime<Utc>>,
    pub avatar_upload_id: Option<i64>,
    /// Grows with every change.
    pub version: i64,
    pub created_at: DateTime<Utc>,
}

impl Account {
    pub fn is_hidden(&self) -> bool {
        self.hidden_reasons != 0
    }

    /// Whether the account may have sessions.
    ///
    /// # Errors
    /// `USER_BANNED`, with the end in `bannedUntil`, and `USER_HIDDEN`.
    pub fn check_admitted(&self, now: DateTime<Utc>) -> Result<()> {
        if let Some(until) = self.banned_until.filter(|until| *until > now) {
            let until = until.to_rfc3339_opts(SecondsFormat::Secs, true);
            return Err(Error::new(Reason::UserBanned, format!("this account is banned until {until}"))
                .with("bannedUntil", until));
        }
        if self.is_hidden() {
            return Err(Error::new(Reason::UserHidden, "this account is hidden; ask an administrator"));
        }
        Ok(())
    }
}

/// The form in which names and addresses are unique.
pub fn key(name: &str) -> String {
    name.to_lowercase()
}

/// Holds a display name against what the contract cannot say.
///
/// # Errors
/// When it shows nothing, or could break the line it is shown on.
pub fn check_display_name(name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::field(Reason::InvalidParams, "displayName", "must not be blank"));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::field(Reason::InvalidParams, "displayName", "must not contain control characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(hidden_reasons: i32, banned_until: Option<i64>) -> Account {
        Account {
            id: UserId(1),
            username: "ann".into(),
            display_name: "Ann".into(),
            email: "ann@example.com".into(),
            password_hash: String::new(),
            role: Role::User,
            hidden_reasons,
            banned_until: banned_until.and_then(|s| DateTime::from_timestamp(s, 0)),
            avatar_upload_id: None,
            version: 1,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn hidden_and_banned_accounts_stay_out_and_a_ban_ends() {
        let now = DateTime::from_timestamp(100, 0).unwrap();
        let says = |a: Account| a.check_admitted(now).err().map(|e| e.reason);
        assert_eq!(says(account(0, None)), None);
        assert_eq!(says(account(4, None)), Some(Reason::UserHidden));
        assert_eq!(says(account(4, Some(101))), Some(Reason::UserBanned));
        assert_eq!(says(account(0, Some(100))), None);
    }

    #[test]
    fn display_names_show_something() {
        assert!(check_display_name("Ann \u{1f600}").is_ok());
        assert!(check_display_name(" \u{3000}").is_err());
        assert!(check_display_name("a\nb").is_err());
    }
}
