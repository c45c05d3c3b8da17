//! The rules: plain types and functions, no I/O.

pub mod changes;
pub mod channel;
pub mod hidden;
pub mod if_match;
pub mod membership;
pub mod money;
pub mod page;

pub use channel::{Channel, ChannelId, Picture, UploadId};
pub use hidden::HiddenReasons;
pub use membership::{Counts, Membership, Status, Tier};
pub use money::Money;
