//! The open streams of this process, fed by one task that follows the sequence and
//! sends each new notification to its recipients.
//!
//! Only that task changes what users are subscribed to, so a stream that is opened at a
//! position misses nothing after it.

mod dispatch;
mod recipients;

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use fenz_core::{Clock, Error, Reason, Result, UserId};
use futures::channel::mpsc;
use sea_orm::DatabaseConnection;
use tokio::sync::{Notify, oneshot};

use crate::domain::{Entry, Seq};
use recipients::Recipients;

/// Frames buffered per stream. A slower client is disconnected, and resumes after the
/// last id it has.
const BUFFER: usize = 32;

/// Encodes an entry once for all of its streams.
pub type Encode = fn(Entry) -> Bytes;

/// One per process.
pub struct StreamRegistry {
    db: DatabaseConnection,
    clock: Clock,
    streams_per_user: usize,
    encode: Encode,
    state: Mutex<State>,
    wakeup: Notify,
}

#[derive(Default)]
struct State {
    /// Everything up to here has been sent; None before the first poll.
    position: Option<Seq>,
    recipients: Recipients,
    pending: Vec<PendingStream>,
    /// Users whose subscriptions must be read again.
    stale: HashSet<UserId>,
    is_stopped: bool,
}

/// A stream that the dispatcher has not registered yet.
struct PendingStream {
    user: UserId,
    sender: mpsc::Sender<Bytes>,
    registered: oneshot::Sender<Seq>,
}

pub struct OpenStream {
    /// The stream receives everything after this.
    pub position: Seq,
    pub frames: mpsc::Receiver<Bytes>,
}

impl StreamRegistry {
    pub fn new(db: DatabaseConnection, clock: Clock, streams_per_user: usize, encode: Encode) -> Self {
        Self { db, clock, streams_per_user, encode, state: Mutex::default(), wakeup: Notify::new() }
    }

    /// Makes the dispatcher poll now.
    pub fn wake(&self) {
        self.wakeup.notify_one();
    }

    /// # Errors
    /// `UNAVAILABLE` when the service is stopping.
    pub async fn open(&self, user: UserId) -> Result<OpenStream> {
        // The sender adds one slot of its own. This kind of channel allocates per
        // buffered message, not its capacity.
        let (sender, frames) = mpsc::channel(BUFFER - 1);
        let (registered, position) = oneshot::channel();
        {
            let mut state = self.state();
            if state.is_stopped {
                return Err(stopping());
            }
            state.pending.push(PendingStream { user, sender, registered });
        }
        self.wake();
        let position = position.await.map_err(|_| stopping())?;
        Ok(OpenStream { position, frames })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stopping() -> Error {
    Error::new(Reason::Unavailable, "the service is stopping; connect again")
}
