//! The rules: plain types and functions, no I/O.

pub mod access;
mod category;
pub mod changes;
mod channel;
mod filter;
pub mod hidden;
mod idempotency;
pub mod video;

pub use category::{Category, CategoryId};
pub use channel::ChannelState;
pub use fenz_core::{if_match, page};
pub use filter::{ReviewFilter, VideoFilter};
pub use hidden::HiddenReasons;
pub use idempotency::IdempotencyKey;
pub use video::{Tier, UploadId, Video, VideoId, Views};
