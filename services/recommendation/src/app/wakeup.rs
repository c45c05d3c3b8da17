//! Wakes a polling loop when a transaction of this process has committed.

use std::time::Duration;

use tokio::sync::Notify;

#[derive(Default)]
pub struct Wakeup(Notify);

impl Wakeup {
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Waits until woken, at most for `interval`.
    pub async fn wait(&self, interval: Duration) {
        // Both ends are reasons to look.
        drop(tokio::time::timeout(interval, self.0.notified()).await);
    }
}
