//! Trading a refresh token for a new pair.

use fenz_chassis::{Error, Reason, Result, database::Txn};
use fenz_events::Act;

use super::{App, Opened};
use crate::{
    domain::{account::Account, secret, secret::Token},
    store::{refresh_tokens, sessions, users},
};

enum Outcome {
    Traded(Box<Account>, Token),
    /// Two hold the same token: one of them is a thief.
    Reused,
    /// The session has ended or its account has gone.
    Over,
}

impl App {
    /// Trades a refresh token. One that was traded before ends its session;
    /// of several trades of one token at the same time, one gets through.
    ///
    /// # Errors
    /// `TOKEN_INVALID`, the same for whatever is wrong with it; `USER_HIDDEN`
    /// and `USER_BANNED`.
    pub async fn refresh(&self, token: &str) -> Result<Opened> {
        let invalid = || Error::new(Reason::TokenInvalid, "the refresh token is not valid; sign in again");
        let digest = secret::digest(token);
        let session = refresh_tokens::session_of(&self.db, &digest, self.clock.now()).await?.ok_or_else(invalid)?;
        let outcome = self.outbox.transact(|txn| {
            let (session, digest) = (&session, &digest);
            async move { self.trade_in_txn(&txn, session, digest).await }
        });
        match outcome.await? {
            Outcome::Traded(account, token) => self.opened(*account, session, token),
            Outcome::Reused => {
                metrics::counter!("fenz_auth_refresh_reuses_total").increment(1);
                tracing::warn!(session.id = session, "a refresh token was used twice; its session has ended");
                Err(invalid())
            }
            Outcome::Over => Err(invalid()),
        }
    }

    async fn trade_in_txn(&self, shared: &Txn, session: &str, digest: &str) -> Result<Outcome> {
        let (now, txn) = (self.clock.now(), shared.as_ref());
        // The lock lets trades of one session through one by one.
        let Some(session) = sessions::locked_in_txn(txn, session).await?.filter(|s| s.is_open(now)) else {
            return Ok(Outcome::Over);
        };
        if !refresh_tokens::spend(txn, digest, now).await? {
            sessions::end_one(txn, session.user, &session.id, now).await?;
            self.tell_ended_in_txn(shared, session.user, vec![session.id.clone()]).await?;
            let act = Act {
                action: "auth.refresh_reused",
                object_type: "session",
                object_id: session.id,
                about: Some(session.user),
                ..Act::default()
            };
            self.outbox.audit(shared, act).await?;
            return Ok(Outcome::Reused);
        }
        let Some(account) = users::by_id(txn, session.user).await? else { return Ok(Outcome::Over) };
        account.check_admitted(now)?;
        let token = self.chain_in_txn(txn, &session.id, now).await?;
        sessions::touch(txn, &session.id, now, now + self.config.refresh_ttl).await?;
        Ok(Outcome::Traded(Box::new(account), token))
    }
}
