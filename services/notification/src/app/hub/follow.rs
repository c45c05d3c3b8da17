//! The task that follows.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use fenz_chassis::Result;
use tokio_util::sync::CancellationToken;

use super::{
    Arrival, Hub,
    audience::{Audience, Interest},
    frame,
};
use crate::{
    api::encode,
    app::Entry,
    domain::{Kinds, Notice, Seq},
    store::{feed, members, readers, sequence},
};

/// Users whose memberships are read in one go.
const USERS: usize = 200;
/// Places that are handed out in one go.
const PLACES: Seq = 500;
/// How much later than its events a membership may come. Older ones are no news:
/// it is a channel that is no longer muted.
const LATE: Duration = Duration::from_secs(30);
/// Who wakes us may do so just before its transaction has committed.
const LOOK_AGAIN: [u64; 4] = [2, 10, 30, 80];

impl Hub {
    /// Follows until the end.
    pub async fn follow(&self, poll_every: Duration, stop: CancellationToken) {
        let mut looks = LOOK_AGAIN.iter();
        loop {
            match self.catch_up().await {
                Ok(true) => looks = LOOK_AGAIN[LOOK_AGAIN.len()..].iter(),
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "open streams could not be fed; trying again"),
            }
            let pause = looks.next().map_or(poll_every, |ms| poll_every.min(Duration::from_millis(*ms)));
            tokio::select! {
                () = stop.cancelled() => break,
                () = self.woken.notified() => looks = LOOK_AGAIN.iter(),
                () = tokio::time::sleep(pause) => {}
            }
        }
        // Nobody waits for a place, and every stream ends.
        let mut state = self.state();
        state.is_over = true;
        state.arriving.clear();
        state.audience = Audience::default();
    }

    /// Hands out all there is; whether there was anything.
    async fn catch_up(&self) -> Result<bool> {
        let last = sequence::last(&self.db).await?;
        let mut position = {
            let mut state = self.state();
            state.audience.sweep();
            metrics::gauge!("fenz_notification_streams").set(state.audience.streams() as f64);
            *state.position.get_or_insert(last)
        };
        let moved = position < last;
        while position < last {
            let up_to = last.min(position + PLACES);
            self.note_changes(position).await?;
            self.refresh_stale(position).await?;
            self.hand_out(position, up_to).await?;
            position = up_to;
        }
        self.refresh_stale(position).await?;
        self.admit().await?;
        Ok(moved)
    }

    /// Ends streams that are to end and marks users who are told of other things;
    /// some earlier than their place, which does no harm.
    async fn note_changes(&self, after: Seq) -> Result<()> {
        let changed = readers::changed_after(&self.db, after).await?;
        let mut state = self.state();
        for change in changed {
            if change.closed > after {
                state.audience.drop_user(change.user);
            }
            if state.audience.knows(change.user) {
                state.stale.insert(change.user);
            }
        }
        Ok(())
    }

    /// Reads again what users are told of who are marked.
    async fn refresh_stale(&self, position: Seq) -> Result<()> {
        loop {
            let users: Vec<i64> = self.state().stale.iter().copied().take(USERS).collect();
            if users.is_empty() {
                return Ok(());
            }
            let interests = self.interests(&users).await?;
            for (user, interest) in interests {
                let new = {
                    let mut state = self.state();
                    state.stale.remove(&user);
                    if state.audience.knows(user) { state.audience.set(user, interest) } else { Vec::new() }
                };
                self.hand_late(user, &new, position).await?;
            }
        }
    }

    /// What was taken in before we heard of the membership that it is for.
    async fn hand_late(&self, user: i64, channels: &[(i64, Seq)], position: Seq) -> Result<()> {
        let since: HashMap<i64, Seq> = channels.iter().copied().filter(|(_, since)| *since < position).collect();
        let Some(first) = since.values().min().copied() else { return Ok(()) };
        let ids: Vec<i64> = since.keys().copied().collect();
        let recent = self.clock.ago(LATE);
        for late in feed::events_of(&self.db, &ids, first, position).await? {
            let is_theirs = since.get(&late.channel).is_some_and(|since| *since < late.notice.seq);
            if is_theirs && late.notice.created_at > recent {
                let (kind, frame) = (late.notice.kind, live(late.notice));
                self.state().audience.tell(user, kind, &frame);
            }
        }
        Ok(())
    }

    async fn hand_out(&self, after: Seq, up_to: Seq) -> Result<()> {
        let events = feed::events(&self.db, after, up_to).await?;
        let own = feed::own(&self.db, after, up_to).await?;
        let mut state = self.state();
        for event in events {
            let (kind, seq) = (event.notice.kind, event.notice.seq);
            state.audience.tell_members(event.channel, kind, seq, &live(event.notice));
        }
        for (user, notice) in own {
            state.audience.tell(user, notice.kind, &live(notice));
        }
        state.position = Some(up_to);
        Ok(())
    }

    /// Gives those who came their place.
    async fn admit(&self) -> Result<()> {
        loop {
            let unknown: Vec<i64> = {
                let state = self.state();
                let unknown = state.arriving.iter().map(|a| a.user).filter(|user| !state.audience.knows(*user));
                unknown.collect::<HashSet<_>>().into_iter().take(USERS).collect()
            };
            let interests = self.interests(&unknown).await?;
            let mut state = self.state();
            for (user, interest) in interests {
                state.audience.set(user, interest);
            }
            let position = state.position.unwrap_or_default();
            let (known, waiting): (Vec<Arrival>, Vec<Arrival>) =
                std::mem::take(&mut state.arriving).into_iter().partition(|a| state.audience.knows(a.user));
            state.arriving = waiting;
            for Arrival { user, sender, placed } in known {
                // One that did not wait is swept.
                state.audience.add(user, sender, self.streams_per_user);
                placed.send(position).ok();
            }
            if state.arriving.is_empty() {
                return Ok(());
            }
        }
    }

    async fn interests(&self, users: &[i64]) -> Result<HashMap<i64, Interest>> {
        let unset = |user: &i64| (*user, Interest { channels: Vec::new(), wanted: Kinds::ALL });
        let mut interests: HashMap<i64, Interest> = users.iter().map(unset).collect();
        if users.is_empty() {
            return Ok(interests);
        }
        for (user, wanted) in readers::wanted_of(&self.db, users).await? {
            interests.entry(user).and_modify(|interest| interest.wanted = wanted);
        }
        for (user, channel, since) in members::audible(&self.db, users).await? {
            interests.entry(user).and_modify(|interest| interest.channels.push((channel, since)));
        }
        Ok(interests)
    }
}

/// A notice that has just come: nobody has read it.
fn live(notice: Notice) -> bytes::Bytes {
    let seq = notice.seq;
    frame(seq, &encode::json(Entry { notice, is_read: false }))
}
