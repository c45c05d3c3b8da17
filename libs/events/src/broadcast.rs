//! Broadcast subscription, for what a replica keeps in memory: every replica
//! gets every event at once, and misses what is published while it is not
//! connected. Who must not miss anything is a [`crate::Consumer`].

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Result;
use fenz_chassis::Platform;
use fenz_contract::{Event, event};
use futures::{StreamExt, stream::select_all};

use crate::bus::Bus;

/// Between two attempts to subscribe.
const RETRY: Duration = Duration::from_secs(1);

type Callback = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// The events that each replica subscribes to, with callbacks: remove something
/// from a cache whose entries also expire.
#[derive(Clone, Default)]
pub struct BroadcastSubscriber {
    callbacks: BTreeMap<(&'static str, &'static str), Callback>,
    filters: Vec<String>,
}

impl BroadcastSubscriber {
    pub fn new() -> Self {
        Self::default()
    }

    /// Subscribes to a kind of event.
    #[must_use]
    pub fn on<E: Event>(mut self, callback: impl Fn(E) + Send + Sync + 'static) -> Self {
        let decode: Callback = Arc::new(move |payload| match E::decode(payload) {
            Ok(event) => callback(event),
            Err(error) => tracing::warn!(%error, "a broadcast event cannot be decoded"),
        });
        self.callbacks.insert((E::TYPE.family, E::TYPE.name), decode);
        self.filters.push(E::TYPE.filter());
        self
    }

    /// Starts the subscription; the broker may be unavailable.
    ///
    /// # Errors
    /// When the bus's address is no address.
    pub async fn start(self, platform: &Platform) -> Result<()> {
        let stream = match Bus::of(platform).await? {
            Bus::Mailboxes(registry) => {
                registry.subscribe(self);
                return Ok(());
            }
            Bus::JetStream(stream) => stream,
        };
        let stop = platform.stop.clone();
        platform.spawn("events.broadcast", async move {
            loop {
                let subscriptions = stream.subscribe(&self.filters).await;
                let receiving = async {
                    // The client subscribes again by itself when it reconnects.
                    let mut messages = select_all(subscriptions?);
                    while let Some(message) = messages.next().await {
                        self.call(stream.bare_subject(&message.subject), &message.payload);
                    }
                    anyhow::Ok(())
                };
                match stop.run_until_cancelled(receiving).await {
                    None => return Ok(()),
                    Some(Ok(())) => {}
                    Some(Err(error)) => tracing::warn!(%error, "the broadcast subscription failed; trying again"),
                }
                if stop.run_until_cancelled(tokio::time::sleep(RETRY)).await.is_none() {
                    return Ok(());
                }
            }
        });
        Ok(())
    }

    /// Calls the callback of an event, if it has one.
    pub(crate) fn call(&self, subject: &str, payload: &[u8]) {
        if let Some(callback) = event::split(subject).and_then(|kind| self.callbacks.get(&kind)) {
            callback(payload);
        }
    }
}
