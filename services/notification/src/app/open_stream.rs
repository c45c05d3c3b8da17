//! Opening a stream: tickets, and where a resumed stream continues.

use std::time::Duration;

use chrono::{DateTime, Utc};
use fenz_core::{Error, Reason, Result, UserId};

use super::{App, OpenStream};
use crate::{
    domain::{
        Entry, Seq,
        ticket::{self, Ticket},
    },
    store::tickets::{self, TicketOwner},
};

/// Who may open a stream, and how long it may stay open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamAccess {
    pub user: UserId,
    /// The expiry of the access token; None for a ticket from before it was stored.
    pub expires_at: Option<DateTime<Utc>>,
}

pub const TICKET_LIFETIME: Duration = Duration::from_secs(60);

impl App {
    /// A ticket that opens one stream.
    pub async fn create_ticket(&self, access: StreamAccess) -> Result<String> {
        self.ensure_not_erased(&self.db, access.user).await?;
        let ticket = Ticket::new(&self.random);
        let owner = TicketOwner { user: access.user, token_expires_at: access.expires_at };
        tickets::insert(&self.db, &ticket.digest, owner, self.clock.after(TICKET_LIFETIME)).await?;
        Ok(ticket.text)
    }

    /// Consumes a ticket.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when it is unknown, used or expired, or the token that it was
    /// made with has expired.
    pub async fn use_ticket(&self, text: &str) -> Result<StreamAccess> {
        let owner = tickets::take(&self.db, &ticket::digest(text), self.clock.now()).await?;
        let owner = owner.ok_or_else(|| {
            Error::new(Reason::TokenInvalid, "the stream ticket was used, is too old or is not one of ours")
        })?;
        Ok(StreamAccess { user: owner.user, expires_at: owner.token_expires_at })
    }

    /// How long a stream may stay open: until the token expires, and no longer than
    /// the configured lifetime.
    pub fn stream_lifetime(&self, expires_at: Option<DateTime<Utc>>) -> Duration {
        let limit = self.config.stream_lifetime;
        let left = expires_at.map(|expiry| (expiry - self.clock.now()).to_std().unwrap_or_default());
        left.map_or(limit, |left| left.min(limit))
    }

    /// Opens a stream; also the notifications after the last one that the client has.
    pub async fn open_stream(&self, user: UserId, last: Option<Seq>) -> Result<(Vec<Entry>, OpenStream)> {
        let stream = self.streams.open(user).await?;
        let missed = match last {
            Some(last) if last < stream.position => self.entries_between(user, last, stream.position).await?,
            _ => Vec::new(),
        };
        Ok((missed, stream))
    }
}
