//! The admin service over its port and the event bus, with fakes of the services
//! that it calls, on every available database.

mod audit;
mod erasures;
mod fake_services;
mod fleet;
mod jobs;
mod reports;
