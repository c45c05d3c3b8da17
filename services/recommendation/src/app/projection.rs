//! Applies events to the projection, each in the transaction that also marks the
//! event as processed. Events are unordered: versions decide.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use chrono::{DateTime, Utc};
use fenz_contract::{
    events::v1::{
        ChannelChanged, ChannelDeleted, GuestJoined, TagChanged, TagDeleted, UserDeleted, UserRegistered, VideoChanged,
        VideoDeleted, VideosImported, ViewsCounted,
    },
    time,
};
use fenz_core::{CategoryId, ChannelId, Clock, Tier, UploadId, UserId, VideoId};
use fenz_database::Txn;
use fenz_events::{ErasureRunner, HandlerError};

use crate::{
    domain::{Channel, TagId, Video},
    store::{channels, tag_choices, videos, views, views::ViewCount},
};

#[derive(Clone)]
pub struct Projection {
    clock: Clock,
    erasures: ErasureRunner,
}

impl Projection {
    pub fn new(clock: Clock, erasures: ErasureRunner) -> Self {
        Self { clock, erasures }
    }

    pub async fn video_changed(&self, txn: &Txn, event: VideoChanged) -> Result<(), HandlerError> {
        let video = decode_video(event, self.clock.now())?;
        if self.erasures.is_erased(&**txn, video.owner_id).await? {
            return Ok(());
        }
        videos::upsert_newer_in_txn(&**txn, &[video], self.clock.now()).await?;
        Ok(())
    }

    pub async fn videos_imported(&self, txn: &Txn, event: VideosImported) -> Result<(), HandlerError> {
        let mut erased = BTreeSet::new();
        for owner in event.videos.iter().map(|video| video.owner_id).collect::<BTreeSet<_>>() {
            if self.erasures.is_erased(&**txn, UserId(owner)).await? {
                erased.insert(owner);
            }
        }
        let now = self.clock.now();
        let kept = event.videos.into_iter().filter(|video| !erased.contains(&video.owner_id));
        let mut videos = kept.map(|event| decode_video(event, now)).collect::<Result<Vec<_>, _>>()?;
        // A statement cannot upsert a row twice: the newest version is kept.
        videos.sort_by_key(|video| (video.id, Reverse(video.version)));
        videos.dedup_by_key(|video| video.id);
        videos::upsert_newer_in_txn(&**txn, &videos, now).await?;
        Ok(())
    }

    pub async fn video_deleted(&self, txn: &Txn, event: VideoDeleted) -> Result<(), HandlerError> {
        let id = VideoId(require_id(event.video_id, "video")?);
        let deleted = Video::tombstone(id, event.version);
        videos::upsert_newer_in_txn(&**txn, &[deleted], self.clock.now()).await?;
        Ok(())
    }

    pub async fn channel_changed(&self, txn: &Txn, event: ChannelChanged) -> Result<(), HandlerError> {
        let channel = decode_channel(event)?;
        if self.erasures.is_erased(&**txn, channel.owner_id).await? {
            return Ok(());
        }
        Ok(channels::upsert_newer_in_txn(&**txn, &channel, self.clock.now()).await?)
    }

    pub async fn channel_deleted(&self, txn: &Txn, event: ChannelDeleted) -> Result<(), HandlerError> {
        let id = ChannelId(require_id(event.channel_id, "channel")?);
        let deleted = Channel::tombstone(id, UserId(event.owner_id), event.version);
        Ok(channels::upsert_newer_in_txn(&**txn, &deleted, self.clock.now()).await?)
    }

    /// The service's own event. The search index holds tag names, so a rename
    /// changes the videos.
    pub async fn tag_changed(&self, txn: &Txn, event: TagChanged) -> Result<(), HandlerError> {
        if event.version > 1 {
            videos::touch_tagged_in_txn(&**txn, TagId(event.tag_id)).await?;
        }
        Ok(())
    }

    pub async fn tag_deleted(&self, txn: &Txn, event: TagDeleted) -> Result<(), HandlerError> {
        let tag = TagId(event.tag_id);
        videos::remove_tag_in_txn(&**txn, tag).await?;
        Ok(tag_choices::remove_tag_in_txn(&**txn, tag).await?)
    }

    pub async fn views_counted(&self, txn: &Txn, event: ViewsCounted) -> Result<(), HandlerError> {
        let hour = event.hour.ok_or_else(|| HandlerError::invalid("views without an hour"))?.seconds.div_euclid(3600);
        let hour = i32::try_from(hour).map_err(HandlerError::invalid)?;
        let mut counts: BTreeMap<VideoId, ViewCount> = BTreeMap::new();
        for video in event.videos {
            let video_id = VideoId(require_id(video.video_id, "video")?);
            let entry = counts.entry(video_id).or_insert(ViewCount { video_id, added: 0, total: 0 });
            entry.added += video.member + video.non_member;
            entry.total = entry.total.max(video.total);
        }
        let counts: Vec<ViewCount> = counts.into_values().collect();
        Ok(views::add_in_txn(&**txn, hour, &counts).await?)
    }

    pub async fn user_registered(&self, txn: &Txn, event: UserRegistered) -> Result<(), HandlerError> {
        match event.guest_session_id {
            Some(session) => self.transfer_guest(txn, event.user_id, &session).await,
            None => Ok(()),
        }
    }

    pub async fn guest_joined(&self, txn: &Txn, event: GuestJoined) -> Result<(), HandlerError> {
        self.transfer_guest(txn, event.user_id, &event.guest_session_id).await
    }

    async fn transfer_guest(&self, txn: &Txn, user: i64, session: &str) -> Result<(), HandlerError> {
        let user = UserId(require_id(user, "user")?);
        if self.erasures.is_erased(&**txn, user).await? {
            return Ok(());
        }
        Ok(tag_choices::transfer_guest_in_txn(&**txn, user, session, self.clock.now()).await?)
    }

    pub async fn user_deleted(&self, txn: &Txn, event: UserDeleted) -> Result<(), HandlerError> {
        self.erasures.request_in_txn(txn, &event).await
    }
}

fn require_id(id: i64, entity: &str) -> Result<i64, HandlerError> {
    if id > 0 { Ok(id) } else { Err(HandlerError::invalid(format_args!("an event without a valid {entity} id"))) }
}

pub fn decode_video(event: VideoChanged, now: DateTime<Utc>) -> Result<Video, HandlerError> {
    Ok(Video {
        id: VideoId(require_id(event.video_id, "video")?),
        channel_id: ChannelId(event.channel_id),
        owner_id: UserId(event.owner_id),
        title: event.title,
        description: event.description,
        category_id: CategoryId(event.category_id),
        tag_ids: event.tag_ids.into_iter().map(TagId).collect(),
        access_tier: Tier::from_number(event.access_tier),
        is_published: event.is_published,
        is_hidden: event.is_hidden,
        is_deleted: false,
        duration_seconds: event.duration_seconds,
        thumbnail_upload_id: UploadId(event.thumbnail_upload_id),
        published_at: event.published_at.and_then(time),
        created_at: event.created_at.and_then(time).unwrap_or(now),
        version: event.version,
    })
}

pub fn decode_channel(event: ChannelChanged) -> Result<Channel, HandlerError> {
    Ok(Channel {
        id: ChannelId(require_id(event.channel_id, "channel")?),
        owner_id: UserId(event.owner_id),
        name: event.name,
        is_hidden: event.is_hidden,
        is_deleted: false,
        version: event.version,
    })
}
