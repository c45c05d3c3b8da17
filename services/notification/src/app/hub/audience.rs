//! Who listens, and to what: kept in memory for open streams alone.

use std::collections::HashMap;

use bytes::Bytes;
use futures::channel::mpsc;

use crate::domain::{Kind, Kinds, Seq};

/// Users with open streams, by user and by channel. About 30 bytes for each
/// channel of each user.
#[derive(Default)]
pub struct Audience {
    listeners: HashMap<i64, Listener>,
    by_channel: HashMap<i64, Vec<Member>>,
}

struct Listener {
    channels: Box<[i64]>,
    wanted: Kinds,
    streams: Vec<mpsc::Sender<Bytes>>,
}

#[derive(Clone, Copy)]
struct Member {
    user: i64,
    since: Seq,
}

/// What a user is told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Channels, and after which place.
    pub channels: Vec<(i64, Seq)>,
    pub wanted: Kinds,
}

impl Audience {
    pub fn streams(&self) -> usize {
        self.listeners.values().map(|listener| listener.streams.len()).sum()
    }

    pub fn knows(&self, user: i64) -> bool {
        self.listeners.contains_key(&user)
    }

    /// Adds a stream of a user who is known; ends the oldest where there would be
    /// more than `most`.
    pub fn add(&mut self, user: i64, stream: mpsc::Sender<Bytes>, most: usize) {
        if let Some(listener) = self.listeners.get_mut(&user) {
            listener.streams.retain(|stream| !stream.is_closed());
            let over = (listener.streams.len() + 1).saturating_sub(most);
            listener.streams.drain(..over);
            listener.streams.push(stream);
        }
    }

    /// Sets what a user is told of; the channels that are new to them.
    pub fn set(&mut self, user: i64, interest: Interest) -> Vec<(i64, Seq)> {
        let old = self.listeners.remove(&user);
        let (old, streams) = old.map_or_else(Default::default, |old| (old.channels, old.streams));
        self.leave(user, &old);
        for (channel, since) in &interest.channels {
            self.by_channel.entry(*channel).or_default().push(Member { user, since: *since });
        }
        let channels = interest.channels.iter().map(|(channel, _)| *channel).collect();
        self.listeners.insert(user, Listener { channels, wanted: interest.wanted, streams });
        interest.channels.into_iter().filter(|(channel, _)| !old.contains(channel)).collect()
    }

    /// Ends all streams of a user.
    pub fn drop_user(&mut self, user: i64) {
        if let Some(listener) = self.listeners.remove(&user) {
            self.leave(user, &listener.channels);
        }
    }

    fn leave(&mut self, user: i64, channels: &[i64]) {
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

    /// Hands an event of a channel to those who belong to it.
    pub fn tell_members(&mut self, channel: i64, kind: Kind, seq: Seq, frame: &Bytes) {
        let Some(members) = self.by_channel.get(&channel) else { return };
        for member in members.iter().filter(|member| member.since < seq) {
            if let Some(listener) = self.listeners.get_mut(&member.user) {
                listener.tell(kind, frame);
            }
        }
    }

    /// Hands a notice to one user.
    pub fn tell(&mut self, user: i64, kind: Kind, frame: &Bytes) {
        if let Some(listener) = self.listeners.get_mut(&user) {
            listener.tell(kind, frame);
        }
    }

    /// Forgets streams that ended, and users without any.
    pub fn sweep(&mut self) {
        let mut gone = Vec::new();
        for (user, listener) in &mut self.listeners {
            listener.streams.retain(|stream| !stream.is_closed());
            if listener.streams.is_empty() {
                gone.push(*user);
            }
        }
        for user in gone {
            self.drop_user(user);
        }
    }
}

impl Listener {
    /// A stream that is full or gone is let go.
    fn tell(&mut self, kind: Kind, frame: &Bytes) {
        if self.wanted.has(kind) {
            self.streams.retain_mut(|stream| stream.try_send(frame.clone()).is_ok());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interest(channels: &[(i64, Seq)]) -> Interest {
        Interest { channels: channels.to_vec(), wanted: Kinds::ALL }
    }

    fn listen(audience: &mut Audience, user: i64, channels: &[(i64, Seq)]) -> mpsc::Receiver<Bytes> {
        let (sender, receiver) = mpsc::channel(1);
        audience.set(user, interest(channels));
        audience.add(user, sender, 2);
        receiver
    }

    #[test]
    fn the_oldest_stream_of_a_user_makes_room() {
        let mut audience = Audience::default();
        let [mut first, gone, mut second, mut third] = [(); 4].map(|()| {
            let (sender, receiver) = mpsc::channel(1);
            if !audience.knows(1) {
                audience.set(1, interest(&[]));
            }
            audience.add(1, sender, 4);
            receiver
        });
        let mut other = listen(&mut audience, 2, &[]);
        drop(gone);
        let (sender, mut last) = mpsc::channel(1);
        audience.add(1, sender, 3);
        assert_eq!(first.try_recv(), Err(mpsc::TryRecvError::Closed));
        for kept in [&mut second, &mut third, &mut last, &mut other] {
            assert_eq!(kept.try_recv(), Err(mpsc::TryRecvError::Empty));
        }
    }

    #[test]
    fn members_are_told_of_what_came_after_they_joined() {
        let mut audience = Audience::default();
        let mut early = listen(&mut audience, 1, &[(7, 0)]);
        let mut late = listen(&mut audience, 2, &[(7, 5), (8, 0)]);
        let frame = Bytes::from_static(b"x");
        audience.tell_members(7, Kind::NewVideo, 5, &frame);
        assert!(early.try_recv().is_ok() && late.try_recv().is_err());
        assert_eq!(audience.set(2, interest(&[(8, 0), (9, 1)])), [(9, 1)]);
        audience.tell_members(7, Kind::NewVideo, 6, &frame);
        assert!(early.try_recv().is_ok() && late.try_recv().is_err());
        let unwanted = Interest { wanted: Kinds::ALL.with(Kind::NewVideo, false), ..interest(&[(8, 0)]) };
        audience.set(2, unwanted);
        audience.tell_members(8, Kind::NewVideo, 9, &frame);
        assert!(late.try_recv().is_err());
        audience.tell_members(8, Kind::VideoUpdate, 10, &frame);
        assert!(late.try_recv().is_ok());
    }

    #[test]
    fn the_slow_and_the_gone_leave_nothing_behind() {
        let mut audience = Audience::default();
        let mut slow = listen(&mut audience, 1, &[(7, 0)]);
        drop(listen(&mut audience, 2, &[(7, 0)]));
        assert_eq!(audience.streams(), 2);
        for seq in 1..=3 {
            audience.tell_members(7, Kind::NewVideo, seq, &Bytes::from_static(b"x"));
        }
        assert!(slow.try_recv().is_ok() && slow.try_recv().is_ok());
        assert_eq!(slow.try_recv(), Err(mpsc::TryRecvError::Closed));
        audience.sweep();
        assert_eq!((audience.listeners.len(), audience.by_channel.len()), (0, 0));
    }
}
