//! Users with open streams and what they are subscribed to, in memory.

use std::collections::HashMap;

use bytes::Bytes;
use fenz_core::{ChannelId, UserId};
use futures::channel::mpsc;

use crate::domain::{Kind, KindSet, Seq};

/// By user and by channel; about 30 bytes per channel of each user.
#[derive(Default)]
pub struct Recipients {
    by_user: HashMap<UserId, Recipient>,
    by_channel: HashMap<ChannelId, Vec<Member>>,
}

struct Recipient {
    channels: Box<[ChannelId]>,
    enabled: KindSet,
    streams: Vec<mpsc::Sender<Bytes>>,
}

#[derive(Clone, Copy)]
struct Member {
    user: UserId,
    since: Seq,
}

/// What a user receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriptions {
    /// Channels, each with the position after which its events are received.
    pub channels: Vec<(ChannelId, Seq)>,
    pub enabled: KindSet,
}

impl Recipients {
    pub fn streams(&self) -> usize {
        self.by_user.values().map(|recipient| recipient.streams.len()).sum()
    }

    pub fn contains(&self, user: UserId) -> bool {
        self.by_user.contains_key(&user)
    }

    /// Adds a stream of a registered user; with more than `limit` the oldest end.
    pub fn add(&mut self, user: UserId, stream: mpsc::Sender<Bytes>, limit: usize) {
        if let Some(recipient) = self.by_user.get_mut(&user) {
            recipient.streams.retain(|stream| !stream.is_closed());
            let over = (recipient.streams.len() + 1).saturating_sub(limit);
            recipient.streams.drain(..over);
            recipient.streams.push(stream);
        }
    }

    /// Sets a user's subscriptions; the channels that were added.
    pub fn set(&mut self, user: UserId, subscriptions: Subscriptions) -> Vec<(ChannelId, Seq)> {
        let old = self.by_user.remove(&user);
        let (old, streams) = old.map_or_else(Default::default, |old| (old.channels, old.streams));
        self.unsubscribe(user, &old);
        for (channel, since) in &subscriptions.channels {
            self.by_channel.entry(*channel).or_default().push(Member { user, since: *since });
        }
        let channels = subscriptions.channels.iter().map(|(channel, _)| *channel).collect();
        self.by_user.insert(user, Recipient { channels, enabled: subscriptions.enabled, streams });
        subscriptions.channels.into_iter().filter(|(channel, _)| !old.contains(channel)).collect()
    }

    /// Ends all streams of a user.
    pub fn remove_user(&mut self, user: UserId) {
        if let Some(recipient) = self.by_user.remove(&user) {
            self.unsubscribe(user, &recipient.channels);
        }
    }

    fn unsubscribe(&mut self, user: UserId, channels: &[ChannelId]) {
        for channel in channels {
            let Some(members) = self.by_channel.get_mut(channel) else { continue };
            if let Some(at) = members.iter().position(|member| member.user == user) {
                members.swap_remove(at);
            }
            if members.is_empty() {
                self.by_channel.remove(channel);
            }
        }
    }

    /// Sends a channel's event to its members.
    pub fn send_to_members(&mut self, channel: ChannelId, kind: Kind, seq: Seq, frame: &Bytes) {
        let Some(members) = self.by_channel.get(&channel) else { return };
        for member in members.iter().filter(|member| member.since < seq) {
            if let Some(recipient) = self.by_user.get_mut(&member.user) {
                recipient.send(kind, frame);
            }
        }
    }

    pub fn send(&mut self, user: UserId, kind: Kind, frame: &Bytes) {
        if let Some(recipient) = self.by_user.get_mut(&user) {
            recipient.send(kind, frame);
        }
    }

    /// Removes closed streams, and users without any.
    pub fn remove_closed(&mut self) {
        let mut closed = Vec::new();
        for (user, recipient) in &mut self.by_user {
            recipient.streams.retain(|stream| !stream.is_closed());
            if recipient.streams.is_empty() {
                closed.push(*user);
            }
        }
        for user in closed {
            self.remove_user(user);
        }
    }
}

impl Recipient {
    /// Drops streams that are full or closed.
    fn send(&mut self, kind: Kind, frame: &Bytes) {
        if self.enabled.contains(kind) {
            self.streams.retain_mut(|stream| stream.try_send(frame.clone()).is_ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: UserId = UserId(1);
    const B: UserId = UserId(2);

    fn subscriptions(channels: &[(i64, Seq)]) -> Subscriptions {
        let channels = channels.iter().map(|(channel, since)| (ChannelId(*channel), *since)).collect();
        Subscriptions { channels, enabled: KindSet::ALL }
    }

    fn open(recipients: &mut Recipients, user: UserId, channels: &[(i64, Seq)]) -> mpsc::Receiver<Bytes> {
        let (sender, receiver) = mpsc::channel(1);
        recipients.set(user, subscriptions(channels));
        recipients.add(user, sender, 2);
        receiver
    }

    #[test]
    fn one_stream_more_than_the_limit_ends_the_oldest() {
        let mut recipients = Recipients::default();
        let [mut first, closed, mut second, mut third] = [(); 4].map(|()| {
            let (sender, receiver) = mpsc::channel(1);
            if !recipients.contains(A) {
                recipients.set(A, subscriptions(&[]));
            }
            recipients.add(A, sender, 4);
            receiver
        });
        let mut other = open(&mut recipients, B, &[]);
        drop(closed);
        let (sender, mut last) = mpsc::channel(1);
        recipients.add(A, sender, 3);
        assert_eq!(first.try_recv(), Err(mpsc::TryRecvError::Closed));
        for kept in [&mut second, &mut third, &mut last, &mut other] {
            assert_eq!(kept.try_recv(), Err(mpsc::TryRecvError::Empty));
        }
    }

    #[test]
    fn members_receive_events_from_after_they_joined() {
        let mut recipients = Recipients::default();
        let mut early = open(&mut recipients, A, &[(7, 0)]);
        let mut late = open(&mut recipients, B, &[(7, 5), (8, 0)]);
        let frame = Bytes::from_static(b"x");
        recipients.send_to_members(ChannelId(7), Kind::NewVideo, 5, &frame);
        assert!(early.try_recv().is_ok() && late.try_recv().is_err());
        assert_eq!(recipients.set(B, subscriptions(&[(8, 0), (9, 1)])), [(ChannelId(9), 1)]);
        recipients.send_to_members(ChannelId(7), Kind::NewVideo, 6, &frame);
        assert!(early.try_recv().is_ok() && late.try_recv().is_err());
        let disabled = Subscriptions { enabled: KindSet::ALL.with(Kind::NewVideo, false), ..subscriptions(&[(8, 0)]) };
        recipients.set(B, disabled);
        recipients.send_to_members(ChannelId(8), Kind::NewVideo, 9, &frame);
        assert!(late.try_recv().is_err());
        recipients.send_to_members(ChannelId(8), Kind::VideoUpdate, 10, &frame);
        assert!(late.try_recv().is_ok());
    }

    #[test]
    fn slow_and_closed_streams_are_removed() {
        let mut recipients = Recipients::default();
        let mut slow = open(&mut recipients, A, &[(7, 0)]);
        drop(open(&mut recipients, B, &[(7, 0)]));
        assert_eq!(recipients.streams(), 2);
        for seq in 1..=3 {
            recipients.send_to_members(ChannelId(7), Kind::NewVideo, seq, &Bytes::from_static(b"x"));
        }
        assert!(slow.try_recv().is_ok() && slow.try_recv().is_ok());
        assert_eq!(slow.try_recv(), Err(mpsc::TryRecvError::Closed));
        recipients.remove_closed();
        assert_eq!((recipients.by_user.len(), recipients.by_channel.len()), (0, 0));
    }
}
