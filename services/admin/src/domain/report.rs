//! Users' reports of videos and channels.

use chrono::{DateTime, Utc};
use fenz_core::{Error, Reason, UserId};
use serde_json::{Value, json};

/// An enum with the names that the contract and the database use.
macro_rules! string_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($variant,)*
        }

        impl $name {
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

string_enum! {
    /// The type of the reported object.
    Kind { Video = "video", Channel = "channel", }
}

string_enum! {
    Status { Pending = "pending", Reviewed = "reviewed", Resolved = "resolved", Dismissed = "dismissed", }
}

string_enum! {
    /// The consequence of resolving a report.
    Action { Nothing = "none", Hide = "hide", Warn = "warn", Ban = "ban", }
}

impl Status {
    /// Other statuses are final.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::Reviewed)
    }
}

/// The reported object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    pub kind: Kind,
    pub id: i64,
}

impl Object {
    pub fn not_found(self) -> Error {
        match self.kind {
            Kind::Video => Error::new(Reason::VideoNotFound, "there is no such video"),
            Kind::Channel => Error::new(Reason::ChannelNotFound, "there is no such channel"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub id: i64,
    /// 0 when they were erased.
    pub reporter: UserId,
    pub object: Object,
    /// The owner of the object; 0 when they were erased.
    pub reported: UserId,
    /// The title or name of the object when it was reported.
    pub title: String,
    pub reason: String,
    pub text: String,
    pub status: Status,
    /// 0 when unassigned.
    pub assignee: UserId,
    /// Set when the report is resolved.
    pub action: Option<Action>,
    pub note: String,
    /// The end of a temporary ban.
    pub ban_until: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Report {
    /// The fields that moderators change, for the audit log.
    pub fn audit_state(&self) -> Value {
        json!({
            "status": self.status.as_str(),
            "assigneeId": self.assignee.to_string(),
            "action": self.action.map_or("", Action::as_str),
            "banUntil": self.ban_until.map(|until| until.to_rfc3339()),
            "note": self.note,
        })
    }
}

/// Which reports are listed; all by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub status: Option<Status>,
    pub kind: Option<Kind>,
    pub assignee: Option<UserId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for status in [Status::Pending, Status::Reviewed, Status::Resolved, Status::Dismissed] {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Action::parse("none"), Some(Action::Nothing));
        assert_eq!(Kind::parse("user"), None);
    }
}
