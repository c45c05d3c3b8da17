//! What the domains of all services stand on: errors and their reasons, typed
//! nor tonic nor axum may become a dependency.

pub mod clock;
pub mod error;
pub mod identity;
pub mod ids;
pub mod if_match;
pub mod page;
pub mod reason;

pub use clock::Clock;
pub use error::Error;
pub use identity::{Caller, Role, User};
pub use ids::{IdGenerator, UserId};
pub use page::Page;
pub use reason::Reason;

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;
