//! The rules: plain types and functions, no I/O.

pub mod kind;
pub mod notice;
pub mod page;
pub mod reading;
pub mod ticket;
pub mod wording;

pub use kind::{Kind, Kinds};
pub use notice::{Notice, Seq};
pub use reading::Reader;
