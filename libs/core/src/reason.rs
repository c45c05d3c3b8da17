//! Why requests are refused: one table from reason to gRPC code and HTTP status.

include!(concat!(env!("OUT_DIR"), "/reason.rs"));

/// The `domain` of every `google.rpc.ErrorInfo` of ours.
pub const DOMAIN: &str = "fenzvideo";

/// A gRPC status code, numbered as `google/rpc/code.proto` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Code {
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl Reason {
    /// The reason of a name in the contract.
    pub fn from_str_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.as_str_name() == name)
    }

    /// The gRPC code that goes with the reason.
    #[must_use]
    pub fn code(self) -> Code {
        use Reason as R;
        match self {
            R::UnknownError => Code::Unknown,
            R::Internal => Code::Internal,
            R::Unauthenticated | R::InvalidCredentials | R::TokenExpired | R::TokenInvalid => Code::Unauthenticated,
            R::PermissionDenied
            | R::AdminRequired
            | R::UserHidden
            | R::UserBanned
            | R::MembershipRequired
            | R::PremiumRequired
            | R::RegistrationClosed
            | R::InvitationInvalid
            | R::CannotDeleteSelf
            | R::UrlInvalid
            | R::UrlExpired => Code::PermissionDenied,
            R::UserNotFound
            | R::VideoNotFound
            | R::ChannelNotFound
            | R::TagNotFound
            | R::DonationNotFound
            | R::CreatorNotFound
            | R::SessionNotFound
            | R::UploadNotFound
            | R::CategoryNotFound
            | R::NotificationNotFound
            | R::ReportNotFound
            | R::ErasureNotFound
            | R::JobNotFound
            | R::RouteNotFound => Code::NotFound,
            R::AlreadyMember
            | R::AlreadySubscribed
            | R::AlreadyPremium
            | R::UsernameTaken
            | R::EmailTaken
            | R::UploadAlreadyUsed
            | R::IdempotencyKeyReused
            | R::AlreadyReported
            | R::CategoryTaken
            | R::TagTaken
            | R::ChannelAlreadyExists
            | R::ChannelAlreadyDeleted => Code::AlreadyExists,
            R::VideoNotUnpublished
            | R::NotMember
            | R::NotSubscribed
            | R::NotPremium
            | R::CannotDonateSelf
            | R::CannotSubscribeSelf
            | R::EditCooldown
            | R::LastAdmin
            | R::ReportClosed
            | R::UploadFailed
            | R::VersionMismatch => Code::FailedPrecondition,
            R::InvalidParams
            | R::FileTooLarge
            | R::UnsupportedFormat
            | R::TagLimitExceeded
            | R::InvalidDonationAmount
            | R::PasswordTooWeak
            | R::UploadIncomplete
            | R::BodyTooLarge => Code::InvalidArgument,
            R::RangeNotSatisfiable => Code::OutOfRange,
            R::MethodNotAllowed => Code::Unimplemented,
            R::RateLimited | R::QuotaExceeded => Code::ResourceExhausted,
            R::Unavailable | R::PaddleError => Code::Unavailable,
            R::DeadlineExceeded | R::UploadTooSlow => Code::DeadlineExceeded,
        }
    }

    /// The HTTP status that goes with the reason: that of its code
    /// (google.rpc.Code), but for the few that HTTP has a word of its own for.
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::UploadTooSlow => 408,
            Self::FileTooLarge | Self::BodyTooLarge => 413,
            Self::UnsupportedFormat => 415,
            Self::MethodNotAllowed => 405,
            Self::VersionMismatch => 412,
            Self::RangeNotSatisfiable => 416,
            _ => http_status(self.code()),
        }
    }
}

/// The HTTP status of a gRPC code, as `google/rpc/code.proto` maps them.
fn http_status(code: Code) -> u16 {
    match code {
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::AlreadyExists => 409,
        Code::ResourceExhausted => 429,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
        Code::Unknown | Code::Internal => 500,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const PAGE: &str = include_str!("../../../docs/errors.md");

    /// `| `REASON` | CODE | 400 | …` of the page's tables.
    fn documented() -> BTreeMap<&'static str, (&'static str, &'static str)> {
        let rows = PAGE.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let reason = cells.next()?.strip_suffix('`')?;
            Some((reason, (cells.next()?, cells.next()?)))
        });
        rows.collect()
    }

    fn upper_snake(code: Code) -> String {
        let name = format!("{code:?}");
        let mut out = String::new();
        for (i, c) in name.char_indices() {
            if c.is_uppercase() && i > 0 {
                out.push('_');
            }
            out.extend(c.to_uppercase());
        }
        out
    }

    #[test]
    fn the_page_of_errors_has_every_reason_with_its_statuses() {
        let mut documented = documented();
        for reason in Reason::ALL {
            let name = reason.as_str_name();
            let row = documented.remove(name);
            let (code, http) = (upper_snake(reason.code()), reason.http_status().to_string());
            assert_eq!(row, Some((code.as_str(), http.as_str())), "docs/errors.md on {name}");
        }
        assert!(documented.is_empty(), "docs/errors.md has reasons that the contract has not: {documented:?}");
    }
}
