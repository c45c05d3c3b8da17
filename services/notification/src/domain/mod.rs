//! Types and rules without I/O.

pub mod kind;
pub mod notification;
pub mod page;
pub mod reader;
pub mod templates;
pub mod ticket;

pub use kind::{Kind, KindSet};
pub use notification::{Entry, Notification, Seq};
pub use reader::Reader;
