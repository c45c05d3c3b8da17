//! Refresh token rotation.

use fenz_core::{Error, Reason, Result};
use fenz_database::Txn;
use fenz_events::AuditEntry;

use super::{App, OpenedSession};
use crate::{
    domain::{account::Account, secret, secret::Token},
    store::{refresh_tokens, sessions, users},
};

enum Outcome {
    Rotated(Box<Account>, Token),
    /// The token was used before, so it may be stolen.
    Reused,
    /// The session has ended or its account was deleted.
    Ended,
}

impl App {
    /// Exchanges a refresh token for a new pair of tokens. A second use ends its
    /// session; of several concurrent uses one succeeds.
    ///
    /// # Errors
    /// `TOKEN_INVALID` for an unknown, expired or used token or an ended session;
    /// `USER_HIDDEN` and `USER_BANNED`.
    pub async fn refresh(&self, token: &str) -> Result<OpenedSession> {
        let invalid = || Error::new(Reason::TokenInvalid, "the refresh token is not valid; sign in again");
        let digest = secret::digest(token);
        let session = refresh_tokens::session_of(&self.db, &digest, self.clock.now()).await?.ok_or_else(invalid)?;
        let outcome = self.outbox.transact(|txn| {
            let (session, digest) = (&session, &digest);
            async move { self.rotate_in_txn(&txn, session, digest).await }
        });
        match outcome.await? {
            Outcome::Rotated(account, token) => self.issue_tokens(*account, session, token),
            Outcome::Reused => {
                metrics::counter!("fenz_auth_refresh_reuses_total").increment(1);
                tracing::warn!(session.id = %session, "a refresh token was used twice; its session has ended");
                Err(invalid())
            }
            Outcome::Ended => Err(invalid()),
        }
    }

    async fn rotate_in_txn(&self, shared: &Txn, session: &str, digest: &str) -> Result<Outcome> {
        let (now, txn) = (self.clock.now(), shared.as_ref());
        // The lock serializes rotations of one session.
        let Some(session) = sessions::locked_in_txn(txn, session).await?.filter(|s| s.is_open(now)) else {
            return Ok(Outcome::Ended);
        };
        if !refresh_tokens::mark_used(txn, digest, now).await? {
            sessions::end_one(txn, session.user, &session.id, now).await?;
            self.sessions_ended_in_txn(shared, session.user, vec![session.id.clone()]).await?;
            let entry = AuditEntry {
                action: "auth.refresh_reused",
                object_type: "session",
                object_id: session.id,
                about: Some(session.user),
                ..AuditEntry::default()
            };
            self.outbox.audit(shared, entry).await?;
            return Ok(Outcome::Reused);
        }
        let Some(account) = users::by_id(txn, session.user).await? else { return Ok(Outcome::Ended) };
        account.check_admitted(now)?;
        let token = self.issue_refresh_token_in_txn(txn, &session.id, now).await?;
        sessions::touch(txn, &session.id, now, now + self.config.refresh_ttl).await?;
        Ok(Outcome::Rotated(Box::new(account), token))
    }
}
