//! The rules: plain types and functions, no I/O.

pub mod access;
mod category;
pub mod changes;
mod filter;
pub mod hidden;
mod idempotency;
pub mod publication;
pub mod video;

pub use category::Category;
pub use fenz_core::{CategoryId, ChannelId, ChannelState, TagId, Tier, UploadId, VideoId, if_match, page};
pub use filter::{ReviewFilter, VideoFilter};
pub use hidden::HiddenReasons;
pub use idempotency::IdempotencyKey;
pub use publication::Processed;
pub use video::{MediaStatus, Video, Views};
