//! Deduplicates concurrent loads of the same videos.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::domain::VideoId;

type Loads = Arc<Mutex<HashMap<VideoId, watch::Receiver<()>>>>;

#[derive(Clone, Default)]
pub struct SingleFlight(Loads);

/// Ids that the holder loads; released on drop, also after a failure.
pub struct LoadGuard {
    ids: Vec<VideoId>,
    loads: Loads,
    // Dropped after the ids were removed from `loads`: who waits sees them free.
    _done: watch::Sender<()>,
}

/// A load by somebody else.
pub struct OtherLoad(watch::Receiver<()>);

impl SingleFlight {
    /// Claims the ids that nobody loads, and returns the loads of the others.
    pub fn claim(&self, ids: &[VideoId]) -> (LoadGuard, Vec<OtherLoad>) {
        let (done, on_done) = watch::channel(());
        let (mut claimed, mut others): (Vec<VideoId>, Vec<OtherLoad>) = (Vec::new(), Vec::new());
        let mut loads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            match loads.get(id) {
                Some(other) if other.same_channel(&on_done) => {}
                Some(other) => {
                    if !others.iter().any(|o| o.0.same_channel(other)) {
                        others.push(OtherLoad(other.clone()));
                    }
                }
                None => {
                    loads.insert(*id, on_done.clone());
                    claimed.push(*id);
                }
            }
        }
        drop(loads);
        (LoadGuard { ids: claimed, loads: self.0.clone(), _done: done }, others)
    }
}

impl LoadGuard {
    pub fn ids(&self) -> &[VideoId] {
        &self.ids
    }
}

impl Drop for LoadGuard {
    fn drop(&mut self) {
        let mut loads = self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        for id in &self.ids {
            loads.remove(id);
        }
    }
}

impl OtherLoad {
    /// Waits until it has ended.
    pub async fn finished(mut self) {
        // Nothing is sent: this returns when the sender is dropped.
        self.0.changed().await.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_loads_and_the_others_wait() {
        let flight = SingleFlight::default();
        let (guard, others) = flight.claim(&[1, 2, 2].map(VideoId));
        assert_eq!((guard.ids(), others.len()), (&[1, 2].map(VideoId)[..], 0));
        let (second, others) = flight.claim(&[1, 2, 3].map(VideoId));
        assert_eq!((second.ids(), others.len()), (&[VideoId(3)][..], 1));
        drop(guard);
        for other in others {
            other.finished().await;
        }
        assert_eq!(flight.claim(&[1, 3].map(VideoId)).0.ids(), &[VideoId(1)]);
    }
}
