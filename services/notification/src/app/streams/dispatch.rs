//! The dispatcher task.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use bytes::Bytes;
use fenz_core::{ChannelId, Result, UserId};
use fenz_database::poll_interval;
use tokio_util::sync::CancellationToken;

use super::{
    PendingStream, StreamRegistry,
    recipients::{Recipients, Subscriptions},
};
use crate::{
    domain::{Entry, KindSet, Notification, Seq},
    store::{feed, memberships, readers, sequence},
};

/// Users whose subscriptions are read in one query.
const USERS: usize = 200;
/// Positions that are dispatched at once.
const POSITIONS: Seq = 500;
/// How much later than an event the membership it is for may arrive. For older events
/// the channel was unmuted rather than joined, and they are not sent.
const MAX_MEMBERSHIP_DELAY: Duration = Duration::from_secs(30);

impl StreamRegistry {
    /// Feeds the streams until the service stops.
    pub async fn dispatch(&self, poll_every: Duration, stop: CancellationToken) {
        loop {
            let wait = match self.catch_up().await {
                // Nobody waits; the commit of an event wakes this task.
                Ok(()) if self.state().recipients.streams() == 0 => poll_interval(&self.db, poll_every),
                Ok(()) => poll_every,
                Err(error) => {
                    tracing::warn!(%error, "feeding open streams failed; retrying");
                    poll_every
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.wakeup.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        // Dropping the senders refuses pending streams and ends open ones.
        let mut state = self.state();
        state.is_stopped = true;
        state.pending.clear();
        state.recipients = Recipients::default();
    }

    /// Dispatches up to the last position.
    async fn catch_up(&self) -> Result<()> {
        let last = sequence::last(&self.db).await?;
        let mut position = {
            let mut state = self.state();
            state.recipients.remove_closed();
            metrics::gauge!("fenz_notification_streams").set(state.recipients.streams() as f64);
            *state.position.get_or_insert(last)
        };
        while position < last {
            let up_to = last.min(position + POSITIONS);
            self.apply_changes(position).await?;
            self.refresh_stale(position).await?;
            self.send_between(position, up_to).await?;
            position = up_to;
        }
        self.refresh_stale(position).await?;
        self.register_pending().await
    }

    /// Ends the streams of closed sessions and marks users whose subscriptions changed,
    /// some before their position, which is harmless.
    async fn apply_changes(&self, after: Seq) -> Result<()> {
        let changes = readers::changed_after(&self.db, after).await?;
        let mut state = self.state();
        for change in changes {
            if change.closed_at > after {
                state.recipients.remove_user(change.user);
            }
            if state.recipients.contains(change.user) {
                state.stale.insert(change.user);
            }
        }
        Ok(())
    }

    async fn refresh_stale(&self, position: Seq) -> Result<()> {
        loop {
            let users: Vec<UserId> = self.state().stale.iter().copied().take(USERS).collect();
            if users.is_empty() {
                return Ok(());
            }
            for (user, subscriptions) in self.subscriptions(&users).await? {
                let added = {
                    let mut state = self.state();
                    state.stale.remove(&user);
                    if state.recipients.contains(user) { state.recipients.set(user, subscriptions) } else { Vec::new() }
                };
                self.send_late(user, &added, position).await?;
            }
        }
    }

    /// Sends events that were dispatched before the membership they are for arrived.
    async fn send_late(&self, user: UserId, added: &[(ChannelId, Seq)], position: Seq) -> Result<()> {
        let since: HashMap<ChannelId, Seq> = added.iter().copied().filter(|(_, since)| *since < position).collect();
        let Some(first) = since.values().min().copied() else { return Ok(()) };
        let channels: Vec<ChannelId> = since.keys().copied().collect();
        let recent = self.clock.ago(MAX_MEMBERSHIP_DELAY);
        for event in feed::channel_events(&self.db, Some(&channels), first, position).await? {
            let is_subscribed = since.get(&event.channel).is_some_and(|since| *since < event.notification.seq);
            if is_subscribed && event.notification.created_at > recent {
                let (kind, frame) = (event.notification.kind, self.frame(event.notification));
                self.state().recipients.send(user, kind, &frame);
            }
        }
        Ok(())
    }

    async fn send_between(&self, after: Seq, up_to: Seq) -> Result<()> {
        let events = feed::channel_events(&self.db, None, after, up_to).await?;
        let direct = feed::direct(&self.db, after, up_to).await?;
        let mut state = self.state();
        for event in events {
            let (kind, seq) = (event.notification.kind, event.notification.seq);
            state.recipients.send_to_members(event.channel, kind, seq, &self.frame(event.notification));
        }
        for (user, notification) in direct {
            state.recipients.send(user, notification.kind, &self.frame(notification));
        }
        state.position = Some(up_to);
        Ok(())
    }

    async fn register_pending(&self) -> Result<()> {
        loop {
            let unknown: Vec<UserId> = {
                let state = self.state();
                let users = state.pending.iter().map(|pending| pending.user);
                let unknown = users.filter(|user| !state.recipients.contains(*user));
                unknown.collect::<HashSet<_>>().into_iter().take(USERS).collect()
            };
            let subscriptions = self.subscriptions(&unknown).await?;
            let mut state = self.state();
            for (user, subscriptions) in subscriptions {
                state.recipients.set(user, subscriptions);
            }
            let position = state.position.unwrap_or_default();
            let (ready, waiting): (Vec<PendingStream>, Vec<PendingStream>) =
                std::mem::take(&mut state.pending).into_iter().partition(|p| state.recipients.contains(p.user));
            state.pending = waiting;
            for PendingStream { user, sender, registered } in ready {
                state.recipients.add(user, sender, self.streams_per_user);
                // A client that has disconnected is removed by the next `remove_closed`.
                registered.send(position).ok();
            }
            if state.pending.is_empty() {
                return Ok(());
            }
        }
    }

    async fn subscriptions(&self, users: &[UserId]) -> Result<HashMap<UserId, Subscriptions>> {
        let default = |user: &UserId| (*user, Subscriptions { channels: Vec::new(), enabled: KindSet::ALL });
        let mut subscriptions: HashMap<UserId, Subscriptions> = users.iter().map(default).collect();
        if users.is_empty() {
            return Ok(subscriptions);
        }
        for (user, enabled) in readers::enabled_of(&self.db, users).await? {
            subscriptions.entry(user).and_modify(|subscriptions| subscriptions.enabled = enabled);
        }
        for (user, channel, since) in memberships::subscribed(&self.db, users).await? {
            subscriptions.entry(user).and_modify(|subscriptions| subscriptions.channels.push((channel, since)));
        }
        Ok(subscriptions)
    }

    /// A new notification is unread.
    fn frame(&self, notification: Notification) -> Bytes {
        (self.encode)(Entry { notification, is_read: false })
    }
}
