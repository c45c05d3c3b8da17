//! Lists and ends sessions.

use std::time::Duration;

use chrono::{DateTime, Utc};
use fenz_core::{Error, Reason, Result, User, UserId};
use fenz_database::{Txn, poll_interval, sequence};
use fenz_events::AuditEntry;
use serde_json::json;
use tokio::time::{Instant, sleep_until};

use super::{App, LEEWAY, events::audit_entry};
use crate::{
    domain::session::Session,
    store::{session_ends, sessions},
};

/// Ended sessions per reply.
const MAX_ENDED_SESSIONS: u64 = 20_000;
/// How soon a waiting request sees what another replica ended.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

pub struct EndedSessions {
    /// Their ids, and until when an access token of each may be valid.
    pub sessions: Vec<(String, DateTime<Utc>)>,
    /// The last one's number in the order of commits.
    pub next: i64,
}

impl App {
    /// Ends the caller's current session.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when it has ended.
    pub async fn logout(&self, caller: &User) -> Result<()> {
        let session = self.session(caller).await?;
        self.end_one(caller, &session.id).await?;
        Ok(())
    }

    /// Ends every session of the caller.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when the caller's session has ended.
    pub async fn logout_all(&self, caller: &User) -> Result<()> {
        self.session(caller).await?;
        let ended = self.outbox.transact(|txn| async move { self.end_all_in_txn(&txn, caller.id, None).await });
        ended.await
    }

    /// The caller's open sessions, the last used first.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when the caller's session has ended.
    pub async fn list_sessions(&self, caller: &User) -> Result<Vec<Session>> {
        self.session(caller).await?;
        Ok(sessions::open_by_user(&self.db, caller.id, self.clock.now()).await?)
    }

    /// Ends one session of the caller's.
    ///
    /// # Errors
    /// `SESSION_NOT_FOUND`, also for another user's.
    pub async fn end_session(&self, caller: &User, id: &str) -> Result<()> {
        self.session(caller).await?;
        if self.end_one(caller, id).await? {
            return Ok(());
        }
        Err(Error::new(Reason::SessionNotFound, "you have no such session"))
    }

    /// Ends every session of an account; returns how many were open.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`; `TOKEN_INVALID` when the caller's session has ended.
    pub async fn end_user_sessions(&self, caller: &User, user: UserId) -> Result<i32> {
        let ended = self.outbox.transact(|txn| async move {
            self.session_in_txn(&txn, caller).await?;
            super::locked_in_txn(txn.as_ref(), user).await?;
            let open = sessions::open_by_user(txn.as_ref(), user, self.clock.now()).await?.len();
            if open == 0 {
                return Ok(0);
            }
            self.end_all_in_txn(&txn, user, None).await?;
            let entry = AuditEntry {
                after: Some(json!({"ended": open})),
                ..audit_entry(caller.id, "user.sessions_ended", user)
            };
            self.outbox.audit(&txn, entry).await?;
            Ok(open as i32)
        });
        ended.await
    }

    /// Ends a user's sessions, except one, and publishes that.
    pub(super) async fn end_all_in_txn(&self, txn: &Txn, user: UserId, except: Option<&str>) -> Result<()> {
        let ended = sessions::end_all_in_txn(txn.as_ref(), user, except, self.clock.now()).await?;
        self.emit_sessions_ended_in_txn(txn, user, Vec::new()).await?;
        self.store_session_ends_in_txn(txn, ended).await
    }

    /// Ends one open session; false when there is none with that id.
    async fn end_one(&self, caller: &User, id: &str) -> Result<bool> {
        let ended = self.outbox.transact(|txn| async move {
            let ended = sessions::end_one(txn.as_ref(), caller.id, id, self.clock.now()).await?;
            if ended {
                self.sessions_ended_in_txn(&txn, caller.id, vec![id.to_owned()]).await?;
            }
            Ok(ended)
        });
        ended.await
    }

    /// Publishes that some of a user's sessions have ended.
    pub(super) async fn sessions_ended_in_txn(&self, txn: &Txn, user: UserId, ended: Vec<String>) -> Result<()> {
        self.emit_sessions_ended_in_txn(txn, user, ended.clone()).await?;
        self.store_session_ends_in_txn(txn, ended).await
    }

    /// Stores ends for the gateways, which refuse the access tokens. Others that end
    /// sessions wait from here on until the transaction ends.
    pub(super) async fn store_session_ends_in_txn(&self, txn: &Txn, ended: Vec<String>) -> Result<()> {
        session_ends::insert_in_txn(txn.as_ref(), ended, self.clock.now()).await?;
        let committed = self.session_ends.clone();
        txn.after_commit(move || {
            committed.send_replace(());
        });
        Ok(())
    }

    /// The sessions that ended after an earlier reply, or all whose access tokens may
    /// be valid. Where there are none it waits that long for one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ended_sessions(&self, after: i64, wait: Duration) -> Result<EndedSessions> {
        let deadline = Instant::now() + wait;
        let mut committed = self.session_ends.subscribe();
        // A database that was restored may have numbered less than the caller has seen.
        let after = if sequence::last(&self.db).await? < after { 0 } else { after };
        loop {
            let access_token_ttl = self.config.access_ttl + LEEWAY;
            let since = self.clock.now() - access_token_ttl;
            let ends = session_ends::list(&self.db, after, since, MAX_ENDED_SESSIONS).await?;
            if !ends.is_empty() || Instant::now() >= deadline || self.draining.is_cancelled() {
                let next = ends.last().map_or(after, |last| last.seq);
                let sessions = ends.into_iter().map(|end| (end.session_id, end.ended_at + access_token_ttl)).collect();
                return Ok(EndedSessions { sessions, next });
            }
            tokio::select! {
                _ = committed.changed() => {}
                () = sleep_until(deadline.min(Instant::now() + poll_interval(&self.db, POLL_INTERVAL))) => {}
                () = self.draining.cancelled() => {}
            }
        }
    }
}
