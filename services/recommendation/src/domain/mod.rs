//! The rules: plain types and functions, no I/O.

pub mod decay;
pub mod page;
pub mod sampling;
mod tag;
mod video;
mod viewer;
mod window;

pub use fenz_core::{ChannelId, TagId, UploadId, VideoId};
pub use tag::{Tag, name_key};
pub use video::{Channel, ListedVideo, Video, title_key};
pub use viewer::Viewer;
pub use window::Window;

/// A sequence number of the one order of changes.
pub type Seq = i64;
