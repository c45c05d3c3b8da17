//! Limits concurrent uploads, each of which buffers a few parts in memory: in
//! total, and per user, so that one user cannot use up the total.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fenz_core::{Error, Reason, Result, UserId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Sent to a client that exceeds a limit.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// Clones share the limits.
#[derive(Clone)]
pub struct UploadLimiter {
    total: Arc<Semaphore>,
    per_user: usize,
    open: OpenUploads,
}

/// Number of open uploads per user.
type OpenUploads = Arc<Mutex<HashMap<UserId, usize>>>;

impl UploadLimiter {
    pub fn new(total: usize, per_user: usize) -> Self {
        Self { total: Arc::new(Semaphore::new(total)), per_user, open: OpenUploads::default() }
    }

    /// # Errors
    /// `UNAVAILABLE` when the total is reached.
    pub fn acquire(&self) -> Result<OwnedSemaphorePermit> {
        self.total.clone().try_acquire_owned().map_err(|_| limit_reached("too many uploads are under way; try again"))
    }

    /// # Errors
    /// `UNAVAILABLE` when the user has reached their limit.
    pub fn acquire_for_user(&self, user: UserId) -> Result<UserPermit> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(user).or_default();
        if *count >= self.per_user {
            return Err(limit_reached("too many of your uploads are under way; try again"));
        }
        *count += 1;
        Ok(UserPermit { open: self.open.clone(), user })
    }
}

fn limit_reached(message: &'static str) -> Error {
    Error::new(Reason::Unavailable, message).retry_after(RETRY_AFTER)
}

/// Released when dropped.
pub struct UserPermit {
    open: OpenUploads,
    user: UserId,
}

impl Drop for UserPermit {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_released_and_limited_per_user() {
        let limiter = UploadLimiter::new(2, 1);
        let first = limiter.acquire_for_user(UserId(1)).unwrap();
        assert!(limiter.acquire_for_user(UserId(1)).is_err());
        let other = limiter.acquire_for_user(UserId(2)).unwrap();
        drop(first);
        drop(limiter.acquire_for_user(UserId(1)).unwrap());
        drop(other);
        assert!(limiter.open.lock().unwrap().is_empty());
        let _both = (limiter.acquire().unwrap(), limiter.acquire().unwrap());
        assert_eq!(limiter.acquire().unwrap_err().reason, Reason::Unavailable);
    }
}
