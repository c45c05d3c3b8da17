//! Opening a stream: tickets, and where to go on.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use fenz_chassis::{Error, Reason, Result, UserId};

use super::{App, Opened, frame};
use crate::{
    api::encode,
    domain::{
        Seq,
        ticket::{self, Ticket},
    },
    store::tickets::{self, Holder},
};

/// Who listens, and until when they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    pub user: UserId,
    /// The end of the access token; none for one that is from before it was kept.
    pub until: Option<DateTime<Utc>>,
}

/// How long a ticket opens a stream.
pub const TICKET_LIFETIME: Duration = Duration::from_secs(60);

impl App {
    /// A ticket that opens one stream of the user's.
    pub async fn create_ticket(&self, by: Listening) -> Result<String> {
        self.still_there(&self.db, by.user).await?;
        let ticket = Ticket::random();
        let holder = Holder { user: by.user.0, token_ends_at: by.until };
        tickets::insert(&self.db, &ticket.digest, holder, self.clock.after(TICKET_LIFETIME)).await?;
        Ok(ticket.text)
    }

    /// Uses a ticket up.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when it was used, is too old or none of ours, or the token
    /// that it was made with has ended.
    pub async fn use_ticket(&self, text: &str) -> Result<Listening> {
        let holder = tickets::take(&self.db, &ticket::digest(text), self.clock.now()).await?;
        let holder = holder.ok_or_else(|| {
            Error::new(Reason::TokenInvalid, "the stream ticket was used, is too old or is not one of ours")
        })?;
        Ok(Listening { user: UserId(holder.user), until: holder.token_ends_at })
    }

    /// How long a stream may be open: as long as the token lives, and no longer
    /// than any stream.
    pub fn stream_lifetime(&self, until: Option<DateTime<Utc>>) -> Duration {
        let most = self.config.stream_lifetime;
        let left = until.map(|until| (until - self.clock.now()).to_std().unwrap_or_default());
        left.map_or(most, |left| left.min(most))
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
