//! The rules: plain types and functions, no I/O.

pub mod decay;
pub mod draw;
pub mod page;
mod tag;
mod video;
mod viewer;
mod window;

pub use tag::{Tag, TagId, name_key};
pub use video::{Channel, Listed, Video, title_key};
pub use viewer::Viewer;
pub use window::Window;

/// A place in the one order of changes.
pub type Seq = i64;
