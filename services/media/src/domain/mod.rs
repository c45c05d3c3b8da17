//! The rules: plain types and functions, no I/O.

pub mod boxes;
pub mod ebml;
pub mod media_info;
pub mod playback;
pub mod quota;
pub mod range;
pub mod sniff;
pub mod upload;
pub mod upload_use;
