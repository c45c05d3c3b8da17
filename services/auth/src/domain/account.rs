//! Accounts, as the rules see them.

use chrono::{DateTime, Utc};
use fenz_chassis::{Error, Reason, Result, Role, UserId};

use super::{ban, hidden::HiddenReasons};

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
    pub hidden: HiddenReasons,
    /// May lie in the past: bans end by themselves.
    pub banned_until: Option<DateTime<Utc>>,
    pub avatar_upload_id: Option<i64>,
    /// Grows with every change.
    pub version: i64,
    pub created_at: DateTime<Utc>,
}

impl Account {
    /// The end of the ban that holds now.
    pub fn ban(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.banned_until.filter(|until| *until > now)
    }

    /// Whether the account may have sessions.
    ///
    /// # Errors
    /// `USER_BANNED`, with the end in `until`, and `USER_HIDDEN`.
    pub fn check_admitted(&self, now: DateTime<Utc>) -> Result<()> {
        if let Some(until) = self.ban(now) {
            let message = match ban::told(until) {
                Some(until) => format!("this account is banned until {}", ban::text(until)),
                None => "this account is banned".to_owned(),
            };
            return Err(Error::new(Reason::UserBanned, message).with("until", ban::text(until)));
        }
        if self.hidden.any() {
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
            hidden: HiddenReasons::from_bits(hidden_reasons),
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
