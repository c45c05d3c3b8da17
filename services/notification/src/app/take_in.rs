//! What happens elsewhere becomes notices here.
//!
//! Each of these runs in the transaction that also marks the event as handled.
//! Order is not promised: what carries a version is decided by it.

use chrono::{DateTime, TimeDelta, Utc};
use fenz_chassis::{Clock, IdMaker, Result, UserId};
use fenz_contract::events::v1::{
    ChannelChanged, ChannelDeleted, MembershipChanged, NewVideo, SessionsEnded, UserDeleted, UserModerated,
    VideoChanged, VideoDeleted, VideoUpdate,
};
use fenz_events::Erasures;
use sea_orm::ConnectionTrait;

use crate::{
    domain::{
        Kind, Seq,
        wording::{
            self, AboutVideo, Wording,
            moderation::{self, Moderated},
        },
    },
    store::{
        feed,
        gone::{self, Deleted},
        heads,
        members::{self, Membership},
        notices::{self, ChannelEvent},
        readers, sequence,
        sources::{self, Channel, Video},
        tickets,
    },
};

/// How far two updates of one video that are told lie apart.
const UPDATES_APART: TimeDelta = TimeDelta::hours(1);

/// Takes events in. Clones are the same.
#[derive(Clone)]
pub struct TakeIn {
    ids: IdMaker,
    clock: Clock,
    /// Users who were deleted: nothing about them is taken in.
    erasures: Erasures,
}

impl TakeIn {
    pub fn new(ids: IdMaker, clock: Clock, erasures: Erasures) -> Self {
        Self { ids, clock, erasures }
    }

    /// A video's first publication: one row, whatever the audience.
    pub async fn new_video(&self, txn: &impl ConnectionTrait, event: &NewVideo) -> Result<()> {
        let at = event.occurred_at.and_then(time).unwrap_or_else(|| self.clock.now());
        let seq = sequence::next_in_txn(txn).await?;
        // It may overtake the news that the video is published; it is that news
        // too, and is told live then.
        let video = Video { id: event.video_id, is_visible: !event.is_hidden, version: event.version };
        self.video_event(txn, Kind::NewVideo, (event.channel_id, video, &event.title), (seq, at)).await
    }

    /// Another title: once an hour and video, however late an event comes.
    pub async fn video_update(&self, txn: &impl ConnectionTrait, event: &VideoUpdate) -> Result<()> {
        let at = event.occurred_at.and_then(time).unwrap_or_else(|| self.clock.now());
        // First, so that two at once do not overlook each other.
        let seq = sequence::next_in_txn(txn).await?;
        let told = (event.video_id, Kind::VideoUpdate.number());
        if feed::has_near(txn, told, (at - UPDATES_APART, at + UPDATES_APART)).await? {
            return Ok(());
        }
        // What is known of the video holds.
        let video = Video { id: event.video_id, is_visible: true, version: 0 };
        self.video_event(txn, Kind::VideoUpdate, (event.channel_id, video, &event.title), (seq, at)).await
    }

    /// Its place is taken first, here and below: one at a time from there on, so
    /// that a video's publication and its end cannot overlook each other.
    async fn video_event(
        &self,
        txn: &impl ConnectionTrait,
        kind: Kind,
        (channel_id, video, title): (i64, Video, &str),
        (seq, occurred_at): (Seq, DateTime<Utc>),
    ) -> Result<()> {
        if gone::channel(txn, channel_id).await?.is_some_and(|deleted| occurred_at <= deleted.at) {
            return Ok(());
        }
        let channel = sources::channel(txn, channel_id).await?;
        let name = channel.as_ref().map(|channel| channel.name.as_str());
        let wording = wording::video(kind, AboutVideo { channel_id, channel: name, video_id: video.id, title });
        // Hidden or deleted before we heard that it is out.
        let known = sources::lock_video_in_txn(txn, video.id).await?.filter(|known| known.version >= video.version);
        let is_visible = known.unwrap_or(video).is_visible;
        let of = ChannelEvent { channel: channel_id, video: video.id, is_visible, occurred_at };
        let notice = notices::notice(seq, self.ids.next(), wording, self.clock.now());
        notices::insert_event_in_txn(txn, &of, notice).await?;
        if is_visible {
            heads::advance_in_txn(txn, channel_id, kind.number(), seq).await?;
        }
        Ok(())
    }

    /// A notice for one user.
    pub async fn direct(&self, txn: &impl ConnectionTrait, user: i64, wording: Wording) -> Result<()> {
        let seq = sequence::next_in_txn(txn).await?;
        if self.erasures.is_erased(txn, UserId(user)).await? {
            return Ok(());
        }
        let about = wording.about;
        let notice = notices::notice(seq, self.ids.next(), wording, self.clock.now());
        notices::insert_direct_in_txn(txn, user, about, notice).await?;
        Ok(readers::bump_in_txn(txn, user).await?)
    }

    /// A membership began, changed its tier or ended.
    pub async fn membership_changed(&self, txn: &impl ConnectionTrait, event: &MembershipChanged) -> Result<()> {
        let (user, channel) = (event.user_id, event.channel_id);
        // Before the row is looked at: it also keeps two replicas apart that both
        // find no row.
        let seq = sequence::next_in_txn(txn).await?;
        if self.erasures.is_erased(txn, UserId(user)).await? {
            return Ok(());
        }
        let changed_at = event.occurred_at.and_then(time);
        let mut old = members::lock_in_txn(txn, user, channel).await?;
        if let Some(deleted) = gone::channel(txn, channel).await? {
            if changed_at.is_some_and(|at| at <= deleted.at) {
                return Ok(());
            }
            // One of the channel that was; it is only not swept yet.
            old = old.filter(|old| !deleted.ends(old));
            // The end of such a one leaves nothing to remember.
            if old.is_none() && event.tier == 0 {
                return Ok(());
            }
        }
        if old.is_some_and(|old| old.version >= event.version) {
            return Ok(());
        }
        let tier = event.tier.clamp(0, 2);
        let was = old.map_or(0, |old| old.tier);
        let since = match old {
            Some(old) if was > 0 && tier > 0 => old.since,
            _ => since(txn, channel, changed_at, seq).await?,
        };
        let changed_at = Some(changed_at.unwrap_or_else(|| self.clock.now()));
        let version = event.version;
        members::put_in_txn(txn, Membership { user, channel, tier, since, version, changed_at }).await?;
        readers::changed_in_txn(txn, user, seq).await?;
        let known = sources::channel(txn, channel).await?;
        // Once for a member: coming and going again and again tells nothing.
        if tier > 0 && old.is_none() {
            // A user's first channel has the user's id.
            let owner = known.as_ref().map_or(channel, |channel| channel.owner);
            self.direct(txn, owner, wording::subscription(channel, user)).await?;
        }
        if (was == 2) != (tier == 2) {
            let name = known.as_ref().map(|channel| channel.name.as_str());
            self.direct(txn, user, wording::premium(tier == 2, channel, name)).await?;
        }
        Ok(())
    }

    /// A channel's name, owner or visibility.
    pub async fn channel_changed(&self, txn: &impl ConnectionTrait, event: &ChannelChanged) -> Result<()> {
        // Moves the position, so that counts are looked at again.
        sequence::next_in_txn(txn).await?;
        let old = sources::channel(txn, event.channel_id).await?;
        let deleted = gone::channel(txn, event.channel_id).await?;
        if old.is_some_and(|old| old.version >= event.version)
            || deleted.is_some_and(|deleted| deleted.version >= event.version)
            || self.erasures.is_erased(txn, UserId(event.owner_id)).await?
        {
            return Ok(());
        }
        let channel = Channel {
            id: event.channel_id,
            owner: event.owner_id,
            name: event.name.clone(),
            is_hidden: event.is_hidden,
            version: event.version,
        };
        Ok(sources::put_channel_in_txn(txn, &channel).await?)
    }

    /// What a channel told is gone with it; its memberships are swept later.
    pub async fn channel_deleted(&self, txn: &impl ConnectionTrait, event: &ChannelDeleted) -> Result<()> {
        let seq = sequence::next_in_txn(txn).await?;
        let (channel, owner, version) = (event.channel_id, event.owner_id, event.version);
        if gone::channel(txn, channel).await?.is_some_and(|deleted| deleted.version >= version) {
            return Ok(());
        }
        let at = event.occurred_at.and_then(time).unwrap_or_else(|| self.clock.now());
        gone::delete_channel_in_txn(txn, Deleted { channel, owner, version, seq, at }).await?;
        Ok(heads::refresh_channel_in_txn(txn, channel, seq).await?)
    }

    /// Moderators did something, or decided on a report.
    pub async fn user_moderated(&self, txn: &impl ConnectionTrait, event: &UserModerated) -> Result<()> {
        let moderated = Moderated {
            outcome: &event.outcome,
            object_type: &event.object_type,
            object_id: event.object_id,
            object_title: &event.object_title,
            text: &event.text,
            until: event.until.and_then(time),
        };
        self.direct(txn, event.user_id, moderation::wording(&moderated)).await
    }

    /// A user is to be forgotten: their streams end at once, the rest goes later.
    pub async fn user_deleted(&self, txn: &impl ConnectionTrait, event: &UserDeleted) -> Result<()> {
        let seq = sequence::next_in_txn(txn).await?;
        tickets::revoke_in_txn(txn, event.user_id).await?;
        Ok(readers::forget_in_txn(txn, event.user_id, seq, self.clock.now()).await?)
    }

    /// Notices of a video that members may not know of are not there; they come
    /// back with it, in their old places.
    pub async fn video_changed(&self, txn: &impl ConnectionTrait, event: &VideoChanged) -> Result<()> {
        let video =
            Video { id: event.video_id, is_visible: event.is_published && !event.is_hidden, version: event.version };
        let seq = sequence::next_in_txn(txn).await?;
        let Some(old) = self.put_video(txn, video).await? else { return Ok(()) };
        if old.is_none_or(|old| old.is_visible) == video.is_visible {
            return Ok(());
        }
        let moved = feed::of_video(txn, video.id).await?;
        feed::show_video_in_txn(txn, video.id, video.is_visible).await?;
        refresh(txn, &moved, seq).await
    }

    pub async fn video_deleted(&self, txn: &impl ConnectionTrait, event: &VideoDeleted) -> Result<()> {
        let seq = sequence::next_in_txn(txn).await?;
        // Nothing that was before comes after.
        let video_id = event.video_id;
        self.put_video(txn, Video { id: video_id, is_visible: false, version: i64::MAX }).await?;
        let moved = feed::of_video(txn, video_id).await?;
        feed::delete_video_in_txn(txn, video_id).await?;
        gone::remove_about_in_txn(txn, video_id, seq).await?;
        refresh(txn, &moved, seq).await
    }

    /// Streams that a token of an ended session opened must end. Those of the
    /// user's other sessions end too and come back by themselves.
    pub async fn sessions_ended(&self, txn: &impl ConnectionTrait, event: &SessionsEnded) -> Result<()> {
        let seq = sequence::next_in_txn(txn).await?;
        // Their streams have ended already.
        if self.erasures.is_erased(txn, UserId(event.user_id)).await? {
            return Ok(());
        }
        tickets::revoke_in_txn(txn, event.user_id).await?;
        Ok(readers::close_in_txn(txn, event.user_id, seq).await?)
    }

    /// What was known before, or nothing when that is as new.
    async fn put_video(&self, txn: &impl ConnectionTrait, video: Video) -> Result<Option<Option<Video>>> {
        let old = sources::lock_video_in_txn(txn, video.id).await?;
        if old.is_some_and(|old| old.version >= video.version) {
            return Ok(None);
        }
        sources::put_video_in_txn(txn, video, self.clock.now()).await?;
        Ok(Some(old))
    }
}

/// Where a membership begins: when it began, not when we heard of it.
async fn since(txn: &impl ConnectionTrait, channel: i64, at: Option<DateTime<Utc>>, last: Seq) -> Result<Seq> {
    match at {
        Some(moment) => Ok(notices::place_of(txn, channel, moment, last).await?),
        None => Ok(last),
    }
}

/// Looks the heads up again of which events changed.
async fn refresh(txn: &impl ConnectionTrait, moved: &[(i64, i32)], seq: Seq) -> Result<()> {
    for (channel, kind) in moved {
        heads::refresh_in_txn(txn, *channel, *kind, seq).await?;
    }
    Ok(())
}

fn time(at: pbjson_types::Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.seconds, at.nanos.max(0) as u32)
}
