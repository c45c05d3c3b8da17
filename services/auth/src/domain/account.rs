//! Accounts.

use chrono::{DateTime, Utc};
use fenz_core::{Error, Reason, Result, Role, UploadId, UserId};

use super::{ban, hidden::HiddenReasons};

/// A user's account.
#[derive(Clone, Debug)]
pub struct Account {
    pub id: UserId,
    pub username: String,
    pub display_name: String,
    pub email: String,
    /// argon2id, or another scheme for imported accounts.
    pub password_hash: String,
    pub role: Role,
    pub hidden: HiddenReasons,
    /// May be in the past, when the ban has expired.
    pub banned_until: Option<DateTime<Utc>>,
    pub avatar_upload_id: Option<UploadId>,
    /// Increases with every change.
    pub version: i64,
    pub created_at: DateTime<Utc>,
}

/// Which accounts are listed.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub role: Option<Role>,
    pub hidden: Option<bool>,
    /// A prefix of the username, the display name or the address.
    pub search: String,
}

impl Account {
    /// The end of the current ban.
    pub fn ban(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.banned_until.filter(|until| *until > now)
    }

    /// Checks that the account may sign in.
    ///
    /// # Errors
    /// `USER_BANNED`, with the end in `until`, and `USER_HIDDEN`.
    pub fn check_admitted(&self, now: DateTime<Utc>) -> Result<()> {
        if let Some(until) = self.ban(now) {
            let message = match ban::temporary_end(until) {
                Some(until) => format!("this account is banned until {}", ban::rfc3339(until)),
                None => "this account is banned".to_owned(),
            };
            return Err(Error::new(Reason::UserBanned, message).with("until", ban::rfc3339(until)));
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
    fn hidden_and_banned_accounts_are_refused_until_the_ban_ends() {
        let now = DateTime::from_timestamp(100, 0).unwrap();
        let reason = |a: Account| a.check_admitted(now).err().map(|e| e.reason);
        assert_eq!(reason(account(0, None)), None);
        assert_eq!(reason(account(4, None)), Some(Reason::UserHidden));
        assert_eq!(reason(account(4, Some(101))), Some(Reason::UserBanned));
        assert_eq!(reason(account(0, Some(100))), None);
    }
}
