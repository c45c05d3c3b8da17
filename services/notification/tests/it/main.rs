//! The notification service over its real port, with events that another service
//! publishes, on every available database.

mod deletion;
mod fleet;
mod lists;
mod streams;
