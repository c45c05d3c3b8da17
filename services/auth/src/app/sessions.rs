//! Sessions: seeing them and ending them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fenz_chassis::{Error, Reason, Result, User, UserId, database::Txn};
use fenz_events::Act;
use serde_json::json;

use super::{App, LEEWAY, events::user_act};
use crate::{
    domain::session::Session,
    store::{ended_sessions, sessions},
};

/// A transaction that ends a session takes this long at most: a reader who
/// comes back looks that far behind what it has seen.
const OVERLAP: TimeDelta = TimeDelta::seconds(10);
/// Ended sessions told in one answer.
const TOLD_AT_ONCE: u64 = 20_000;

/// Sessions that ended.
pub struct Ended {
    /// Their ids, and until when an access token of each may be alive.
    pub sessions: Vec<(String, DateTime<Utc>)>,
    /// Where the next look begins, in microseconds of 1970.
    pub next: i64,
}

impl App {
    /// Ends the session of the call.
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
    /// `TOKEN_INVALID` when the call's own has ended.
    pub async fn logout_all(&self, caller: &User) -> Result<()> {
        self.session(caller).await?;
        let ended = self.outbox.transact(|txn| async move { self.end_all_in_txn(&txn, caller.id, None).await });
        ended.await
    }

    /// The caller's open sessions, the last used first.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when the call's own has ended.
    pub async fn list_sessions(&self, caller: &User) -> Result<Vec<Session>> {
        self.session(caller).await?;
        Ok(sessions::open_of(&self.db, caller.id, self.clock.now()).await?)
    }

    /// Ends one session of the caller's.
    ///
    /// # Errors
    /// `SESSION_NOT_FOUND`, also for somebody else's.
    pub async fn end_session(&self, caller: &User, id: &str) -> Result<()> {
        self.session(caller).await?;
        if self.end_one(caller, id).await? {
            return Ok(());
        }
        Err(Error::new(Reason::SessionNotFound, "you have no such session"))
    }

    /// Ends every session of an account; gives how many were open.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`; `TOKEN_INVALID` when the caller's own has ended.
    pub async fn end_sessions_of(&self, caller: &User, user: UserId) -> Result<i32> {
        let ended = self.outbox.transact(|txn| async move {
            self.session_in_txn(&txn, caller).await?;
            super::locked_in_txn(txn.as_ref(), user).await?;
            let open = sessions::open_of(txn.as_ref(), user, self.clock.now()).await?.len();
            if open == 0 {
                return Ok(0);
            }
            self.end_all_in_txn(&txn, user, None).await?;
            let act = Act { after: Some(json!({"ended": open})), ..user_act(caller.id, "user.sessions_ended", user) };
            self.outbox.audit(&txn, act).await?;
            Ok(open as i32)
        });
        ended.await
    }

    /// Ends a user's sessions, but for one, and tells.
    pub(super) async fn end_all_in_txn(&self, txn: &Txn, user: UserId, except: Option<&str>) -> Result<()> {
        sessions::end_all(txn.as_ref(), user, except, self.clock.now()).await?;
        self.tell_ended_in_txn(txn, user, Vec::new()).await
    }

    /// Ends one open session; false when there is none of that id.
    async fn end_one(&self, caller: &User, id: &str) -> Result<bool> {
        let ended = self.outbox.transact(|txn| async move {
            let ended = sessions::end_one(txn.as_ref(), caller.id, id, self.clock.now()).await?;
            if ended {
                self.tell_ended_in_txn(&txn, caller.id, vec![id.to_owned()]).await?;
            }
            Ok(ended)
        });
        ended.await
    }

    /// The sessions that ended since an earlier answer's `next`, or all whose
    /// access tokens may be alive. Some are told again: a session may end with
    /// a time that lies before what was told already.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn ended_sessions(&self, after: i64) -> Result<Ended> {
        let now = self.clock.now();
        let alive = self.config.access_ttl + LEEWAY;
        let oldest = now - alive;
        let since = DateTime::from_timestamp_micros(after).map_or(oldest, |after| (after - OVERLAP).max(oldest));
        let mut ended = sessions::ended_since(&self.db, since, TOLD_AT_ONCE).await?;
        // Those of accounts that are gone.
        ended.extend(ended_sessions::since(&self.db, since, TOLD_AT_ONCE).await?);
        ended.sort_by_key(|(_, at)| *at);
        ended.truncate(TOLD_AT_ONCE as usize);
        let full = ended.len() as u64 == TOLD_AT_ONCE;
        let next = ended.last().filter(|_| full).map_or(now, |(_, last)| (*last + OVERLAP).min(now));
        Ok(Ended { sessions: told(ended, alive), next: next.timestamp_micros() })
    }
}

fn told(ended: Vec<(String, DateTime<Utc>)>, alive: Duration) -> Vec<(String, DateTime<Utc>)> {
    ended.into_iter().map(|(id, at)| (id, at + alive)).collect()
}
