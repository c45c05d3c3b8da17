//! Password hashing, off the async threads and bounded: a storm of logins slows
//! logins and nothing else.

mod pool;
mod scheme;

use std::{num::NonZero, sync::Arc, time::Duration};

use argon2::Params;
use fenz_chassis::{Error, Reason, Result};
use tokio::sync::oneshot;

use crate::config;
use pool::{Pool, Scratch};
pub use scheme::Verdict;

/// Hashes that may wait for each one that is computed.
const WAITING_PER_THREAD: usize = 64;

/// Hashes and verifies passwords. Clones share their threads.
#[derive(Clone)]
pub struct Hasher {
    pool: Pool,
    params: Params,
    /// Stands in for the hash of an account that does not exist.
    nobody: Arc<str>,
}

impl Hasher {
    pub fn new(config: &config::Hash) -> anyhow::Result<Self> {
        let params = config.params()?;
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = config.concurrency.unwrap_or(cores);
        Ok(Self {
            pool: Pool::new(threads, threads * WAITING_PER_THREAD),
            nobody: scheme::nobody(&params).into(),
            params,
        })
    }

    /// The hash of a new password.
    ///
    /// # Errors
    /// `RATE_LIMITED` when too many wait.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let (password, params) = (password.to_owned(), self.params.clone());
        self.run(move |scratch| scheme::hash(&password, &params, scratch)).await?.map_err(Error::internal)
    }

    /// Whether a password is the one of a stored hash. Without a hash it is
    /// not, and finding that out takes as long.
    ///
    /// # Errors
    /// `RATE_LIMITED` when too many wait.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verdict> {
        let known = stored.is_some();
        let (password, params) = (password.to_owned(), self.params.clone());
        let stored: Arc<str> = stored.map_or_else(|| self.nobody.clone(), Arc::from);
        let mut verdict = self.run(move |scratch| scheme::verify(&password, &stored, &params, scratch)).await?;
        verdict.matches &= known;
        Ok(verdict)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Scratch) -> T + Send + 'static) -> Result<T> {
        let (done, result) = oneshot::channel();
        let taken = self.pool.submit(Box::new(move |scratch| {
            // Nobody waits any more: the client has gone.
            if done.is_closed() {
                return;
            }
            metrics::counter!("fenz_auth_hashes_total").increment(1);
            // The client may go meanwhile; then nobody wants the result.
            done.send(work(scratch)).ok();
        }));
        if !taken {
            return Err(Error::new(Reason::RateLimited, "too many sign in at once; try again")
                .retry_after(Duration::from_secs(1)));
        }
        result.await.map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hasher() -> Hasher {
        Hasher::new(&config::Hash { memory_kib: 64, concurrency: Some(1), ..config::Hash::default() }).unwrap()
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let hasher = hasher();
        let stored = hasher.hash("a good password").await.unwrap();
        assert!(hasher.verify("a good password", Some(&stored)).await.unwrap().matches);
        assert!(!hasher.verify("a good password", None).await.unwrap().matches);
    }

    #[tokio::test]
    async fn more_than_may_wait_are_told_to_come_back() {
        let hasher = hasher();
        let storm = (0..200).map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.run(|_| std::thread::sleep(Duration::from_millis(2))).await })
        });
        let mut outcomes = (0, 0);
        for one in storm.collect::<Vec<_>>() {
            match one.await.unwrap() {
                Ok(()) => outcomes.0 += 1,
                Err(error) => {
                    assert_eq!(error.reason, Reason::RateLimited);
                    outcomes.1 += 1;
                }
            }
        }
        assert!(outcomes.0 >= WAITING_PER_THREAD && outcomes.1 > 0, "{outcomes:?}");
    }
}
