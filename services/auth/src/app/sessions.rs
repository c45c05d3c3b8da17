//! Lists and ends sessions.

use chrono::{DateTime, TimeDelta, Utc};
use fenz_core::{Error, Reason, Result, User, UserId};
use fenz_database::Txn;
use fenz_events::AuditEntry;
use serde_json::json;

use super::{App, LEEWAY, events::audit_entry};
use crate::{
    domain::session::Session,
    store::{ended_sessions, sessions},
};

/// The longest duration of a transaction that ends a session. Each poll reads that
/// far behind its cursor, as such a transaction commits after the time it stores.
const OVERLAP: TimeDelta = TimeDelta::seconds(10);
/// Ended sessions per reply.
const MAX_ENDED_SESSIONS: u64 = 20_000;

pub struct EndedSessions {
    /// Their ids, and until when an access token of each may be valid.
    pub sessions: Vec<(String, DateTime<Utc>)>,
    /// The cursor of the next poll, in microseconds since 1970.
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
        sessions::end_all(txn.as_ref(), user, except, self.clock.now()).await?;
        self.emit_sessions_ended_in_txn(txn, user, Vec::new()).await
    }

    /// Ends one open session; false when there is none with that id.
    async fn end_one(&self, caller: &User, id: &str) -> Result<bool> {
        let ended = self.outbox.transact(|txn| async move {
            let ended = sessions::end_one(txn.as_ref(), caller.id, id, self.clock.now()).await?;
            if ended {
                self.emit_sessions_ended_in_txn(&txn, caller.id, vec![id.to_owned()]).await?;
            }
            Ok(ended)
        });
        ended.await
    }

    /// The sessions that ended since the cursor of an earlier reply, or all whose
    /// access tokens may be valid. Replies overlap, so that none is missed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ended_sessions(&self, after: i64) -> Result<EndedSessions> {
        let now = self.clock.now();
        let access_token_ttl = self.config.access_ttl + LEEWAY;
        let oldest = now - access_token_ttl;
        let since = DateTime::from_timestamp_micros(after).map_or(oldest, |after| (after - OVERLAP).max(oldest));
        let mut ended = sessions::ended_since(&self.db, since, MAX_ENDED_SESSIONS).await?;
        // Those of deleted accounts.
        ended.extend(ended_sessions::since(&self.db, since, MAX_ENDED_SESSIONS).await?);
        ended.sort_by_key(|(_, at)| *at);
        ended.truncate(MAX_ENDED_SESSIONS as usize);
        let full = ended.len() as u64 == MAX_ENDED_SESSIONS;
        let next = ended.last().filter(|_| full).map_or(now, |(_, last)| (*last + OVERLAP).min(now));
        let sessions = ended.into_iter().map(|(id, at)| (id, at + access_token_ttl)).collect();
        Ok(EndedSessions { sessions, next: next.timestamp_micros() })
    }
}
