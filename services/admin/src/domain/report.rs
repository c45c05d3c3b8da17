//! What a user says is wrong with a video or a channel.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// Words that the contract and the database use for the same things.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($variant,)*
        }

        impl $name {
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words! {
    /// What kind of thing is reported.
    Kind { Video = "video", Channel = "channel", }
}

words! {
    /// How far moderators are with it.
    Status { Pending = "pending", Reviewed = "reviewed", Resolved = "resolved", Dismissed = "dismissed", }
}

words! {
    /// What resolving it does.
    Action { Nothing = "none", Hide = "hide", Warn = "warn", Ban = "ban", }
}

impl Status {
    /// What is closed stays so.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Reviewed)
    }
}

/// What is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    pub kind: Kind,
    pub id: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub id: i64,
    /// 0 where they were forgotten.
    pub reporter: i64,
    pub object: Object,
    /// Whose it is.
    pub reported: i64,
    /// Its title or name when it was reported.
    pub title: String,
    pub reason: String,
    pub text: String,
    pub status: Status,
    /// 0 where nobody has taken it.
    pub assignee: i64,
    /// What was done, once it is resolved.
    pub action: Option<Action>,
    pub note: String,
    /// Of a ban that ends.
    pub ban_until: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Report {
    /// What moderators change of it, for the audit log.
    pub fn worked_on(&self) -> Value {
        json!({
            "status": self.status.as_str(),
            "assigneeId": self.assignee.to_string(),
            "action": self.action.map_or("", Action::as_str),
            "banUntil": self.ban_until.map(|until| until.to_rfc3339()),
            "note": self.note,
        })
    }
}

/// Which reports are asked for; all where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub status: Option<Status>,
    pub kind: Option<Kind>,
    pub assignee: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for status in [Status::Pending, Status::Reviewed, Status::Resolved, Status::Dismissed] {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Action::parse("none"), Some(Action::Nothing));
        assert_eq!(Kind::parse("user"), None);
    }
}
