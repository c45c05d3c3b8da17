//! The rules: plain types and functions, no I/O.

pub mod changes;
pub mod channel;
pub mod hidden;
pub mod membership;
pub mod user;

pub use channel::{Channel, Picture};
pub use fenz_core::{ChannelId, Money, Tier, UploadId, if_match, page};
pub use hidden::HiddenReasons;
pub use membership::{Counts, Membership, Status};
pub use user::{UserNames, UserUpdate};
