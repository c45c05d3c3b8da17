//! Who reads which video right now: others wait instead of reading it too.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

type Open = Arc<Mutex<HashMap<i64, watch::Receiver<()>>>>;

#[derive(Clone, Default)]
pub struct Flights(Open);

/// Ids that the holder reads, until it is dropped, however it ends.
pub struct Mine {
    ids: Vec<i64>,
    open: Open,
    // Dropped after the ids are out of `open`: who waits finds them gone.
    _landing: watch::Sender<()>,
}

/// A reading of somebody else.
pub struct Other(watch::Receiver<()>);

impl Flights {
    /// Takes those of the ids that nobody reads, and tells who reads the rest.
    pub fn take(&self, ids: &[i64]) -> (Mine, Vec<Other>) {
        let (landing, landed) = watch::channel(());
        let (mut mine, mut others): (Vec<i64>, Vec<Other>) = (Vec::new(), Vec::new());
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            match open.get(id) {
                Some(other) if other.same_channel(&landed) => {}
                Some(other) => {
                    if !others.iter().any(|o| o.0.same_channel(other)) {
                        others.push(Other(other.clone()));
                    }
                }
                None => {
                    open.insert(*id, landed.clone());
                    mine.push(*id);
                }
            }
        }
        drop(open);
        (Mine { ids: mine, open: self.0.clone(), _landing: landing }, others)
    }
}

impl Mine {
    pub fn ids(&self) -> &[i64] {
        &self.ids
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for id in &self.ids {
            open.remove(id);
        }
    }
}

impl Other {
    /// Waits until it has ended.
    pub async fn landed(mut self) {
        // Nothing is ever sent: what comes is the end of the sender.
        self.0.changed().await.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_reads_and_the_others_wait() {
        let flights = Flights::default();
        let (mine, others) = flights.take(&[1, 2, 2]);
        assert_eq!((mine.ids(), others.len()), (&[1, 2][..], 0));
        let (second, others) = flights.take(&[1, 2, 3]);
        assert_eq!((second.ids(), others.len()), (&[3][..], 1));
        drop(mine);
        for other in others {
            other.landed().await;
        }
        assert_eq!(flights.take(&[1, 3]).0.ids(), &[1]);
    }
}
