//! The platform as its users run it: real programs, real files, through the
//! gateway; whole in one process, and as four processes on PostgreSQL.

mod access;
mod client;
mod faults;
mod journey;
mod platform;
mod start;
mod tour;
