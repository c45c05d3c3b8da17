//! Opening a stream: tickets, and where to go on.

use std::time::Duration;

use bytes::Bytes;
use fenz_chassis::{Error, Reason, Result, UserId};

use super::{App, Opened, frame};
use crate::{
    api::encode,
    domain::{
        Seq,
        ticket::{self, Ticket},
    },
    store::tickets,
};

/// How long a ticket opens a stream.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(60);

impl App {
    /// A ticket that opens one stream of the user's.
    pub async fn create_ticket(&self, user: UserId) -> Result<String> {
        let ticket = Ticket::random();
        tickets::insert(&self.db, &ticket.digest, user.0, self.clock.after(TICKET_LIFETIME)).await?;
        Ok(ticket.text)
    }

    /// Uses a ticket up.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when it was used, is too old or none of ours.
    pub async fn use_ticket(&self, text: &str) -> Result<UserId> {
        let user = tickets::take(&self.db, &ticket::digest(text), self.clock.now()).await?;
        user.map(UserId).ok_or_else(|| {
            Error::new(Reason::TokenInvalid, "the stream ticket was used, is too old or is not one of ours")
        })
    }

    /// Opens a stream, with what came after the last notice that the client has.
    pub async fn open_stream(&self, user: UserId, last: Option<Seq>) -> Result<(Vec<Bytes>, Opened)> {
        let opened = self.hub.open(user.0).await?;
        let missed = match last {
            Some(last) if last < opened.position => self.missed(user, last, opened.position).await?,
            _ => Vec::new(),
        };
        let frames = missed.into_iter().map(|entry| frame(entry.notice.seq, &encode::json(entry)));
        Ok((frames.collect(), opened))
    }
}
