//! Feeds open streams: one task per process follows the order in which all is
//! taken in, and hands what is new to whom it is for.
//!
//! It is also the only one that changes who is told of what, so a stream that
//! is opened at a place misses nothing after it.

mod audience;
mod follow;

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use fenz_chassis::{Clock, Error, Reason, Result};
use futures::channel::mpsc;
use sea_orm::DatabaseConnection;
use tokio::sync::{Notify, oneshot};

use crate::domain::Seq;
use audience::Audience;

/// Notices that wait for a slow client; with more it is let go and comes back
/// with the last id it has.
const WAITING: usize = 32;

/// Follows what is taken in. One per process.
pub struct Hub {
    db: DatabaseConnection,
    clock: Clock,
    streams_per_user: usize,
    state: Mutex<State>,
    woken: Notify,
}

#[derive(Default)]
struct State {
    /// Everything up to here has been handed out; none before the first look.
    position: Option<Seq>,
    audience: Audience,
    /// Streams whose users are not known yet.
    arriving: Vec<Arrival>,
    /// Users who are told of other things than before.
    stale: HashSet<i64>,
    /// Nobody follows any more.
    is_over: bool,
}

struct Arrival {
    user: i64,
    sender: mpsc::Sender<Bytes>,
    placed: oneshot::Sender<Seq>,
}

/// A stream that has a place.
pub struct Opened {
    /// It gets all that comes after here.
    pub position: Seq,
    pub frames: mpsc::Receiver<Bytes>,
}

impl Hub {
    pub fn new(db: DatabaseConnection, clock: Clock, streams_per_user: usize) -> Self {
        Self { db, clock, streams_per_user, state: Mutex::default(), woken: Notify::new() }
    }

    /// Something may be new.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// Opens a stream of a user's.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the service is coming to its end.
    pub async fn open(&self, user: i64) -> Result<Opened> {
        // One more has its place with the sender. This kind of channel needs memory
        // for what waits alone, not for what may.
        let (sender, frames) = mpsc::channel(WAITING - 1);
        let (placed, place) = oneshot::channel();
        {
            let mut state = self.state();
            if state.is_over {
                return Err(stopping());
            }
            state.arriving.push(Arrival { user, sender, placed });
        }
        self.wake();
        let position = place.await.map_err(|_| stopping())?;
        Ok(Opened { position, frames })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stopping() -> Error {
    Error::new(Reason::Unavailable, "the service is stopping; connect again")
}

/// A server-sent event: the place as its id, and the notice as JSON.
pub fn frame(seq: Seq, json: &str) -> Bytes {
    Bytes::from(format!("id: {seq}\nevent: notification\ndata: {json}\n\n"))
}
