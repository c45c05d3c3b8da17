//! Wakes a polling loop ahead of its interval.

use std::time::Duration;

use tokio::sync::Notify;

/// How long the transaction that caused the wake-up may take to commit.
const COMMIT_DELAY: Duration = Duration::from_millis(10);

#[derive(Default)]
pub struct Wakeup(Notify);

impl Wakeup {
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Waits until woken, at most for `interval`.
    pub async fn wait(&self, interval: Duration) {
        if tokio::time::timeout(interval, self.0.notified()).await.is_ok() {
            tokio::time::sleep(COMMIT_DELAY).await;
        }
    }
}
