//! Turns of uploads, for each holds a few parts in memory: so many at once, and
//! of one user so many, that nobody takes them all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fenz_chassis::{Error, Reason, Result, UserId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What a client should wait when all turns are taken.
const RETRY: Duration = Duration::from_secs(10);

/// Clones hand out the same turns.
#[derive(Clone)]
pub struct Turns {
    all: Arc<Semaphore>,
    per_user: usize,
    users: Users,
}

/// How many uploads each user has open.
type Users = Arc<Mutex<HashMap<UserId, usize>>>;

impl Turns {
    pub fn new(at_once: usize, per_user: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(at_once)), per_user, users: Users::default() }
    }

    /// # Errors
    /// `UNAVAILABLE` when all are taken.
    pub fn any(&self) -> Result<OwnedSemaphorePermit> {
        self.all.clone().try_acquire_owned().map_err(|_| taken("too many uploads are under way; try again"))
    }

    /// # Errors
    /// `UNAVAILABLE` when the user has as many open as one may.
    pub fn of_user(&self, user: UserId) -> Result<UsersTurn> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let open = users.entry(user).or_default();
        if *open >= self.per_user {
            return Err(taken("too many of your uploads are under way; try again"));
        }
        *open += 1;
        Ok(UsersTurn { users: self.users.clone(), user })
    }
}

fn taken(message: &'static str) -> Error {
    Error::new(Reason::Unavailable, message).retry_after(RETRY)
}

/// Ends when dropped.
pub struct UsersTurn {
    users: Users,
    user: UserId,
}

impl Drop for UsersTurn {
    fn drop(&mut self) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = users.get_mut(&self.user) {
            *open -= 1;
            if *open == 0 {
                users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_comes_back_and_nobody_has_more_than_their_own() {
        let turns = Turns::new(2, 1);
        let first = turns.of_user(UserId(1)).unwrap();
        assert!(turns.of_user(UserId(1)).is_err());
        let other = turns.of_user(UserId(2)).unwrap();
        drop(first);
        drop(turns.of_user(UserId(1)).unwrap());
        drop(other);
        assert!(turns.users.lock().unwrap().is_empty());
        let _both = (turns.any().unwrap(), turns.any().unwrap());
        assert_eq!(turns.any().unwrap_err().reason, Reason::Unavailable);
    }
}
