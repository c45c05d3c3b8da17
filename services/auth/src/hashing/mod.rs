//! Password hashing, off the async threads and bounded: a storm of logins slows
//! logins and nothing else.

mod pool;
mod scheme;

use std::{
    num::NonZero,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

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

    async fn run<T: Send + 'static>(&self, work: impl Fn(&mut Scratch) -> T + Send + Sync + 'static) -> Result<T> {
        let (done, result) = oneshot::channel();
        let done = Mutex::new(Some(done));
        let taken = self.pool.submit(Arc::new(move |scratch| {
            let done = || done.lock().unwrap_or_else(PoisonError::into_inner);
            // Nobody waits any more: the client has gone, or has its answer.
            if done().as_ref().is_none_or(oneshot::Sender::is_closed) {
                return;
            }
            metrics::counter!("fenz_auth_hashes_total").increment(1);
            let outcome = work(scratch);
            if let Some(done) = done().take() {
                // The client may go meanwhile; then nobody wants the result.
                done.send(outcome).ok();
            }
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
    use std::sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    };

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

    #[tokio::test]
    async fn what_does_not_come_to_its_end_is_done_again() {
        let hasher = hasher();
        let (tries, stuck) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(2)));
        let work = {
            let (tries, stuck) = (tries.clone(), stuck.clone());
            move |_: &mut Scratch| {
                if tries.fetch_add(1, Ordering::Relaxed) == 0 {
                    stuck.wait();
                }
            }
        };
        hasher.run(work).await.unwrap();
        // Behind the thread that is stuck, too.
        hasher.run(|_| ()).await.unwrap();
        assert_eq!(tries.load(Ordering::Relaxed), 2);
        stuck.wait();
        hasher.run(|_| ()).await.unwrap();
    }
}
