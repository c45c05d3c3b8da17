//! Overhearing: for what a replica keeps in memory. Every replica hears, at
//! once, and misses what is told while it is away; who must not miss anything
//! is a [`crate::Consumer`].

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Result;
use fenz_chassis::Platform;
use futures::{StreamExt, stream::select_all};

use crate::{Event, bus::Bus, envelope::Envelope, event::kind};

/// Between two tries to subscribe.
const PAUSE: Duration = Duration::from_secs(1);

type Hears = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// What a replica overhears, and what it does then: drop something from a
/// cache, which also expires by itself.
#[derive(Clone, Default)]
pub struct Listener {
    heard: BTreeMap<(&'static str, &'static str), Hears>,
    filters: Vec<String>,
}

impl Listener {
    pub fn new() -> Self {
        Self::default()
    }

    /// Hears a kind of event.
    #[must_use]
    pub fn on<E: Event>(mut self, hear: impl Fn(E) + Send + Sync + 'static) -> Self {
        let hears: Hears = Arc::new(move |payload| match E::decode(payload) {
            Ok(event) => hear(event),
            Err(error) => tracing::warn!(%error, "what was overheard cannot be decoded"),
        });
        self.heard.insert((E::FAMILY, E::WHAT), hears);
        self.filters.push(E::filter());
        self
    }

    /// Starts overhearing; the broker may be away.
    ///
    /// # Errors
    /// When the bus's address is no address.
    pub async fn start(self, platform: &Platform) -> Result<()> {
        let stream = match Bus::of(platform).await? {
            Bus::Mailboxes(registry) => {
                registry.overhear(self);
                return Ok(());
            }
            Bus::JetStream(stream) => stream,
        };
        let stop = platform.stop.clone();
        platform.spawn("events.listener", async move {
            loop {
                let subscriptions = stream.subscribe(&self.filters).await;
                let hearing = async {
                    // The client subscribes again by itself after a break.
                    let mut messages = select_all(subscriptions?);
                    while let Some(message) = messages.next().await {
                        self.hear(stream.bare_subject(&message.subject), &message.payload);
                    }
                    anyhow::Ok(())
                };
                match stop.run_until_cancelled(hearing).await {
                    None => return Ok(()),
                    Some(Ok(())) => {}
                    Some(Err(error)) => tracing::warn!(%error, "nothing is overheard; trying again"),
                }
                if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                    return Ok(());
                }
            }
        });
        Ok(())
    }

    pub(crate) fn hear_envelope(&self, envelope: &Envelope) {
        self.hear(&envelope.subject, &envelope.payload);
    }

    fn hear(&self, subject: &str, payload: &[u8]) {
        if let Some(hear) = kind(subject).and_then(|kind| self.heard.get(&kind)) {
            hear(payload);
        }
    }
}
