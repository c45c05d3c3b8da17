//! The chassis with real databases and over real ports.

mod database;
mod rest;
