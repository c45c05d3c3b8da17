//! The platform as its users run it: real programs, real files, through the
//! gateway; whole in one process, and as processes of their own on
//! PostgreSQL, JetStream and Redis.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod architecture;
mod faults;
mod finding;
mod fuzz;
mod hold;
mod jobs;
mod journey;
mod kills;
mod layers;
mod lifecycle;
mod older_folder;
mod platform;
mod ports;
mod remains;
mod social;
mod start;
mod stop;
mod tour;
mod videos;
mod views;
