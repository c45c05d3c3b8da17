//! What the domains of all services stand on: errors and their reasons, typed ids, roles,
//! the caller, money, the clock, pages. Without I/O: neither sea-orm nor tonic nor axum
//! may become a dependency.

pub mod backoff;
pub mod channel;
pub mod clock;
pub mod error;
pub mod identity;
pub mod ids;
pub mod if_match;
pub mod money;
pub mod page;
pub mod random;
pub mod reason;
pub mod text;

pub use channel::{ChannelState, Tier};
pub use clock::Clock;
pub use error::Error;
pub use identity::{Caller, Role, User};
pub use ids::{CategoryId, ChannelId, IdGenerator, TagId, UploadId, UserId, VideoId};
pub use money::{Currency, Money};
pub use page::Page;
pub use random::Random;
pub use reason::Reason;

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;
