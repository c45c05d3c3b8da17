//! The rules: plain types and functions, no I/O.

pub mod access;
pub mod changes;
mod channel;
pub mod hidden;
pub mod video;

pub use channel::ChannelState;
pub use fenz_chassis::{if_match, page};
pub use hidden::HiddenReasons;
pub use video::{CategoryId, Tier, UploadId, Video, VideoId, Views};
