//! The content service over its real port, beside the real media service, on
//! every database at hand.

mod access;
mod create;
mod edit;
mod errands;
mod fleet;
mod lists;
mod peers;
mod views;
