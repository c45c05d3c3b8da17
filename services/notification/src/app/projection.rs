//! Projects other services' events onto notifications.
//!
//! Each method runs in the transaction that marks the event as handled. Events arrive
//! in any order: the higher version is kept.

use chrono::{DateTime, TimeDelta, Utc};
use fenz_contract::{
    events::v1::{
        ChannelChanged, ChannelDeleted, MembershipChanged, NewVideo, SessionsEnded, UserDeleted, UserModerated,
        VideoChanged, VideoDeleted, VideoFailed, VideoUpdate,
    },
    time,
};
use fenz_core::{ChannelId, Clock, IdGenerator, Result, Tier, UserId, VideoId};
use fenz_events::ErasureRunner;
use sea_orm::ConnectionTrait;

use crate::{
    domain::{
        Kind, Seq,
        templates::{
            self, NotificationContent, VideoSubject,
            moderation::{self, Decision},
        },
    },
    store::{
        erasure, feed, latest_events,
        memberships::{self, Membership},
        notifications::{self, ChannelEvent},
        readers, sequence,
        sources::{self, Channel, Video},
        tickets,
        tombstones::{self, Tombstone},
    },
};

/// At most one update notification per video within this.
const UPDATE_INTERVAL: TimeDelta = TimeDelta::hours(1);

/// Clones share their dependencies.
#[derive(Clone)]
pub struct Projection {
    ids: IdGenerator,
    clock: Clock,
    /// Events about deleted users are dropped.
    erasures: ErasureRunner,
}

impl Projection {
    pub fn new(ids: IdGenerator, clock: Clock, erasures: ErasureRunner) -> Self {
        Self { ids, clock, erasures }
    }

    /// A video's first publication: one row, however many members the channel has.
    pub async fn new_video(&self, txn: &impl ConnectionTrait, event: &NewVideo) -> Result<()> {
        let seq = sequence::next_in_txn(txn).await?;
        // It may overtake the `VideoChanged` of the publication, so it counts as that
        // too: open streams get it now, not when the other event arrives.
        let video = Video { id: VideoId(event.video_id), is_visible: !event.is_hidden, version: event.version };
        let at = self.timestamp(event.occurred_at);
        self.video_event(txn, Kind::NewVideo, (ChannelId(event.channel_id), video, &event.title), (seq, at)).await
    }

    /// A changed title: once an hour and video, also for late events.
    pub async fn video_update(&self, txn: &impl ConnectionTrait, event: &VideoUpdate) -> Result<()> {
        let at = self.timestamp(event.occurred_at);
        // Before the query, so that of two concurrent updates the second sees the first.
        let seq = sequence::next_in_txn(txn).await?;
        let update = (VideoId(event.video_id), Kind::VideoUpdate.number());
        if feed::has_event_between(txn, update, (at - UPDATE_INTERVAL, at + UPDATE_INTERVAL)).await? {
            return Ok(());
        }
        // The event carries no version: the stored visibility of the video holds.
        let video = Video { id: VideoId(event.video_id), is_visible: true, version: 0 };
        self.video_event(txn, Kind::VideoUpdate, (ChannelId(event.channel_id), video, &event.title), (seq, at)).await
    }

    /// Callers take the position first: that lock serialises a video's publication with
    /// its deletion.
    async fn video_event(
        &self,
        txn: &impl ConnectionTrait,
        kind: Kind,
        (channel_id, video, title): (ChannelId, Video, &str),
        (seq, occurred_at): (Seq, DateTime<Utc>),
    ) -> Result<()> {
        if tombstones::find(txn, channel_id).await?.is_some_and(|tombstone| occurred_at <= tombstone.deleted_at) {
            return Ok(());
        }
        let channel = sources::channel(txn, channel_id).await?;
        let name = channel.as_ref().map(|channel| channel.name.as_str());
        let content = templates::video(kind, VideoSubject { channel_id, channel: name, video_id: video.id, title });
        // A newer change, such as hiding, may have arrived before the publication.
        let newer = sources::lock_video_in_txn(txn, video.id).await?.filter(|known| known.version >= video.version);
        let is_visible = newer.unwrap_or(video).is_visible;
        let event = ChannelEvent { channel: channel_id, video: video.id, is_visible, occurred_at };
        let notification = notifications::notification(seq, self.ids.next(), content, self.clock.now());
        notifications::insert_event_in_txn(txn, &event, notification).await?;
        if is_visible {
            latest_events::advance_in_txn(txn, channel_id, kind.number(), seq).await?;
        }
        Ok(())
    }

    /// A notification for one user.
    pub async fn direct(&self, txn: &impl ConnectionTrait, user: UserId, content: NotificationContent) -> Result<()> {
        let seq = sequence::next_in_txn(txn).await?;
        if self.erasures.is_erased(txn, user).await? {
            return Ok(());
        }
        let about = content.about;
        let notification = notifications::notification(seq, self.ids.next(), content, self.clock.now());
        notifications::insert_direct_in_txn(txn, user, about, notification).await?;
        Ok(readers::bump_version_in_txn(txn, user).await?)
    }

    /// A membership began, changed its tier or ended.
    pub async fn membership_changed(&self, txn: &impl ConnectionTrait, event: &MembershipChanged) -> Result<()> {
        let (user, channel) = (UserId(event.user_id), ChannelId(event.channel_id));
        // Before the row is read: it also serialises two replicas that both find no row.
        let seq = sequence::next_in_txn(txn).await?;
        if self.erasures.is_erased(txn, user).await? {
            return Ok(());
        }
        let changed_at = event.occurred_at.and_then(time);
        let mut old = memberships::lock_in_txn(txn, user, channel).await?;
        let tier = Tier::from_number(event.tier);
        if let Some(tombstone) = tombstones::find(txn, channel).await? {
            if changed_at.is_some_and(|at| at <= tombstone.deleted_at) {
                return Ok(());
            }
            // A row of the deleted channel that is not swept yet does not count.
            old = old.filter(|old| !tombstone.covers(old));
            // The end of a membership of the deleted channel: there is nothing to store.
            if old.is_none() && tier == Tier::None {
                return Ok(());
            }
        }
        if old.is_some_and(|old| old.version >= event.version) {
            return Ok(());
        }
        let old_tier = old.map_or(Tier::None, |old| old.tier);
        let since = match old {
            Some(old) if old_tier > Tier::None && tier > Tier::None => old.since,
            _ => start_position(txn, channel, changed_at, seq).await?,
        };
        let changed_at = Some(changed_at.unwrap_or_else(|| self.clock.now()));
        let version = event.version;
        memberships::upsert_in_txn(txn, Membership { user, channel, tier, since, version, changed_at }).await?;
        readers::mark_changed_in_txn(txn, user, seq).await?;
        let known = sources::channel(txn, channel).await?;
        // Once per member: joining again sends nothing.
        if tier > Tier::None && old.is_none() {
            // A user's first channel has the user's id.
            let owner = known.as_ref().map_or(UserId(channel.0), |channel| channel.owner);
            self.direct(txn, owner, templates::subscription(channel, user)).await?;
        }
        let is_premium = tier == Tier::Premium;
        if (old_tier == Tier::Premium) != is_premium {
            let name = known.as_ref().map(|channel| channel.name.as_str());
            self.direct(txn, user, templates::premium(is_premium, channel, name)).await?;
        }
        Ok(())
    }

    /// A channel's name, owner or visibility.
    pub async fn channel_changed(&self, txn: &impl ConnectionTrait, event: &ChannelChanged) -> Result<()> {
        // Advances the position, so that cached counts are checked again.
        sequence::next_in_txn(txn).await?;
        let (id, owner) = (ChannelId(event.channel_id), UserId(event.owner_id));
        let tombstone = tombstones::find(txn, id).await?;
        if tombstone.is_some_and(|tombstone| tombstone.version >= event.version)
            || self.erasures.is_erased(txn, owner).await?
        {
            return Ok(());
        }
        let channel =
            Channel { id, owner, name: event.name.clone(), is_hidden: event.is_hidden, version: event.version };
        Ok(sources::upsert_channel_in_txn(txn, &channel).await?)
    }

    /// Deletes a channel's events; its memberships are swept later.
    pub async fn channel_deleted(&self, txn: &impl ConnectionTrait, event: &ChannelDeleted) -> Result<()> {
        let seq = sequence::next_in_txn(txn).await?;
        let (channel, owner, version) = (ChannelId(event.channel_id), UserId(event.owner_id), event.version);
        if tombstones::find(txn, channel).await?.is_some_and(|tombstone| tombstone.version >= version) {
            return Ok(());
        }
        let deleted_at = self.timestamp(event.occurred_at);
        tombstones::delete_channel_in_txn(txn, Tombstone { channel, owner, version, seq, deleted_at }).await?;
        Ok(latest_events::recompute_channel_in_txn(txn, channel, seq).await?)
    }

    /// A moderators' decision about the user, or on a report of theirs.
    pub async fn user_moderated(&self, txn: &impl ConnectionTrait, event: &UserModerated) -> Result<()> {
        let decision = Decision {
            outcome: &event.outcome,
            object_type: &event.object_type,
            object_id: event.object_id,
            object_title: &event.object_title,
            text: &event.text,
            until: event.until.and_then(time),
        };
        self.direct(txn, UserId(event.user_id), moderation::content(&decision)).await
    }

    /// Tells the owner of a video that cannot be played.
    pub async fn video_failed(&self, txn: &impl ConnectionTrait, event: &VideoFailed) -> Result<()> {
        // The deletion may have overtaken this. As in the other projections the sequence is
        // locked before the row, which there may not be yet.
        sequence::next_in_txn(txn).await?;
        let video = sources::lock_video_in_txn(txn, VideoId(event.video_id)).await?;
        if video.is_some_and(|video| video.version == i64::MAX) {
            return Ok(());
        }
        let about = VideoSubject {
            channel_id: ChannelId(event.channel_id),
            channel: None,
            video_id: VideoId(event.video_id),
            title: &event.title,
        };
        self.direct(txn, UserId(event.owner_id), templates::video_failed(about, &event.failure)).await
    }

    /// Ends a deleted user's streams; the erasure runs later.
    pub async fn user_deleted(&self, txn: &impl ConnectionTrait, event: &UserDeleted) -> Result<()> {
        let seq = sequence::next_in_txn(txn).await?;
        tickets::revoke_in_txn(txn, UserId(event.user_id)).await?;
        Ok(readers::reset_in_txn(txn, UserId(event.user_id), seq, self.clock.now()).await?)
    }

    /// Hides the notifications of a video that members may not see, and shows them
    /// again at their old positions.
    pub async fn video_changed(&self, txn: &impl ConnectionTrait, event: &VideoChanged) -> Result<()> {
        let video = Video {
            id: VideoId(event.video_id),
            is_visible: event.is_published && !event.is_hidden,
            version: event.version,
        };
        let seq = sequence::next_in_txn(txn).await?;
        let old = sources::lock_video_in_txn(txn, video.id).await?;
        if old.is_some_and(|old| old.version >= video.version) {
            return Ok(());
        }
        sources::upsert_video_in_txn(txn, video, self.clock.now()).await?;
        if old.is_none_or(|old| old.is_visible) == video.is_visible {
            return Ok(());
        }
        let affected = feed::channels_and_kinds_of_video(txn, video.id).await?;
        feed::set_video_visible_in_txn(txn, video.id, video.is_visible).await?;
        recompute_latest(txn, &affected, seq).await
    }

    pub async fn video_deleted(&self, txn: &impl ConnectionTrait, event: &VideoDeleted) -> Result<()> {
        let seq = sequence::next_in_txn(txn).await?;
        let id = VideoId(event.video_id);
        // The highest version, so that no late change shows the video again.
        sources::upsert_video_in_txn(txn, Video { id, is_visible: false, version: i64::MAX }, self.clock.now()).await?;
        let affected = feed::channels_and_kinds_of_video(txn, id).await?;
        feed::delete_video_in_txn(txn, id).await?;
        erasure::delete_about_in_txn(txn, id.0, seq).await?;
        recompute_latest(txn, &affected, seq).await
    }

    /// Ends the user's open streams. Those of sessions that continue end too; their
    /// clients reconnect.
    pub async fn sessions_ended(&self, txn: &impl ConnectionTrait, event: &SessionsEnded) -> Result<()> {
        let seq = sequence::next_in_txn(txn).await?;
        // `user_deleted` has already ended their streams.
        if self.erasures.is_erased(txn, UserId(event.user_id)).await? {
            return Ok(());
        }
        tickets::revoke_in_txn(txn, UserId(event.user_id)).await?;
        Ok(readers::close_streams_in_txn(txn, UserId(event.user_id), seq).await?)
    }

    fn timestamp(&self, at: Option<pbjson_types::Timestamp>) -> DateTime<Utc> {
        at.and_then(time).unwrap_or_else(|| self.clock.now())
    }
}

/// The position from which a membership counts, by when it began rather than when its
/// event arrived.
async fn start_position(
    txn: &impl ConnectionTrait,
    channel: ChannelId,
    began_at: Option<DateTime<Utc>>,
    last: Seq,
) -> Result<Seq> {
    match began_at {
        Some(at) => Ok(notifications::position_at(txn, channel, at, last).await?),
        None => Ok(last),
    }
}

/// Recomputes the latest events of these channels and kinds.
async fn recompute_latest(txn: &impl ConnectionTrait, affected: &[(ChannelId, i32)], seq: Seq) -> Result<()> {
    for (channel, kind) in affected {
        latest_events::recompute_in_txn(txn, *channel, *kind, seq).await?;
    }
    Ok(())
}
