//! The rules: plain types and functions, no I/O.

pub mod access;
pub mod changes;
mod channel;
pub mod hidden;
pub mod if_match;
pub mod page;
pub mod video;

pub use channel::ChannelState;
pub use hidden::HiddenReasons;
pub use video::{CategoryId, Tier, UploadId, Video, VideoId, Views};
