//! Password hashing on a bounded thread pool, so that a burst of logins does not
//! slow other requests.

mod pool;
mod scheme;

use std::{num::NonZero, sync::Arc, time::Duration};

use argon2::Params;
use fenz_core::{Error, Random, Reason, Result};
use tokio::sync::oneshot;

use crate::config;
use pool::{Pool, Scratch};
pub use scheme::Verification;

/// Queued jobs per thread.
const QUEUE_PER_THREAD: usize = 64;

/// Hashes and verifies passwords. Clones share the pool.
#[derive(Clone)]
pub struct Hasher {
    pool: Pool,
    params: Params,
    random: Random,
    /// Verified against for accounts that do not exist.
    dummy_hash: Arc<str>,
}

impl Hasher {
    pub fn new(config: &config::Hash, random: Random) -> anyhow::Result<Self> {
        let params = config.params()?;
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = config.concurrency.unwrap_or(cores);
        Ok(Self {
            pool: Pool::new(threads, threads * QUEUE_PER_THREAD),
            dummy_hash: scheme::dummy_hash(&params, &random).into(),
            params,
            random,
        })
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// `RATE_LIMITED` when the queue is full.
    pub async fn hash(&self, password: &str) -> Result<String> {
        let (password, params, salt) = (password.to_owned(), self.params.clone(), self.random.value());
        self.run(move |scratch| scheme::hash(&password, &params, salt, scratch)).await?.map_err(Error::internal)
    }

    /// Verifies a password against a stored hash. Without a hash it never
    /// matches, but takes as long.
    ///
    /// # Errors
    /// `RATE_LIMITED` when the queue is full.
    pub async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verification> {
        let exists = stored.is_some();
        let (password, params) = (password.to_owned(), self.params.clone());
        let stored: Arc<str> = stored.map_or_else(|| self.dummy_hash.clone(), Arc::from);
        let mut verification = self.run(move |scratch| scheme::verify(&password, &stored, &params, scratch)).await?;
        verification.matches &= exists;
        Ok(verification)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Scratch) -> T + Send + 'static) -> Result<T> {
        let (sender, result) = oneshot::channel();
        let accepted = self.pool.submit(Box::new(move |scratch| {
            // The client has disconnected.
            if sender.is_closed() {
                return;
            }
            metrics::counter!("fenz_auth_hashes_total").increment(1);
            // The client may disconnect meanwhile.
            sender.send(work(scratch)).ok();
        }));
        if !accepted {
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
        let config = config::Hash { memory_kib: 64, concurrency: Some(1), ..config::Hash::default() };
        Hasher::new(&config, Random::default()).unwrap()
    }

    #[tokio::test]
    async fn a_missing_hash_matches_no_password() {
        let hasher = hasher();
        let stored = hasher.hash("a good password").await.unwrap();
        assert!(hasher.verify("a good password", Some(&stored)).await.unwrap().matches);
        assert!(!hasher.verify("a good password", None).await.unwrap().matches);
    }

    #[tokio::test]
    async fn a_full_queue_is_answered_with_rate_limited() {
        let hasher = hasher();
        let burst = (0..200).map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.run(|_| std::thread::sleep(Duration::from_millis(2))).await })
        });
        let mut outcomes = (0, 0);
        for task in burst.collect::<Vec<_>>() {
            match task.await.unwrap() {
                Ok(()) => outcomes.0 += 1,
                Err(error) => {
                    assert_eq!(error.reason, Reason::RateLimited);
                    outcomes.1 += 1;
                }
            }
        }
        assert!(outcomes.0 >= QUEUE_PER_THREAD && outcomes.1 > 0, "{outcomes:?}");
    }
}
