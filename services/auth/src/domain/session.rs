//! Sessions.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use fenz_core::UserId;

/// An open or ended session.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: String,
    pub user: UserId,
    pub device: String,
    pub address: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: DateTime<Utc>,
    /// Postponed by every refresh.
    pub expires_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

impl Session {
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.ended_at.is_none() && self.expires_at > now
    }
}

/// The client of a request.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The user agent; 256 characters at most.
    pub device: String,
    pub address: Option<IpAddr>,
}

impl Client {
    pub fn new(user_agent: &str, address: Option<IpAddr>) -> Self {
        Self { device: user_agent.chars().filter(|c| !c.is_control()).take(256).collect(), address }
    }
}
