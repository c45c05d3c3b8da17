//! What happens elsewhere changes the projection.
//!
//! Each of these runs in the transaction that also marks the event as handled.
//! Order is not promised: versions decide.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use chrono::{DateTime, Utc};
use fenz_chassis::{Clock, UserId, database::Txn};
use fenz_contract::events::v1::{
    ChannelChanged, ChannelDeleted, GuestJoined, TagChanged, TagDeleted, UserDeleted, UserRegistered, VideoChanged,
    VideoDeleted, VideosImported, ViewsCounted,
};
use fenz_events::{Erasures, Refusal};

use crate::{
    domain::{Channel, TagId, Video},
    store::{channels, preferences, videos, views, views::Counted},
};

/// Takes events in. Clones are the same.
#[derive(Clone)]
pub struct TakeIn {
    clock: Clock,
    erasures: Erasures,
}

impl TakeIn {
    pub fn new(clock: Clock, erasures: Erasures) -> Self {
        Self { clock, erasures }
    }

    pub async fn video_changed(&self, txn: &Txn, told: VideoChanged) -> Result<(), Refusal> {
        let video = video(told, self.clock.now())?;
        if self.erasures.is_erased(&**txn, UserId(video.owner_id)).await? {
            return Ok(());
        }
        videos::put_in_txn(&**txn, &[video], self.clock.now()).await?;
        Ok(())
    }

    pub async fn videos_imported(&self, txn: &Txn, told: VideosImported) -> Result<(), Refusal> {
        let mut erased = BTreeSet::new();
        for owner in told.videos.iter().map(|video| video.owner_id).collect::<BTreeSet<_>>() {
            if self.erasures.is_erased(&**txn, UserId(owner)).await? {
                erased.insert(owner);
            }
        }
        let now = self.clock.now();
        let there = told.videos.into_iter().filter(|video| !erased.contains(&video.owner_id));
        let mut videos = there.map(|told| video(told, now)).collect::<Result<Vec<_>, _>>()?;
        // One statement cannot put a video twice: the latest state counts.
        videos.sort_by_key(|video| (video.id, Reverse(video.version)));
        videos.dedup_by_key(|video| video.id);
        videos::put_in_txn(&**txn, &videos, now).await?;
        Ok(())
    }

    pub async fn video_deleted(&self, txn: &Txn, told: VideoDeleted) -> Result<(), Refusal> {
        let gone = Video::gone(positive(told.video_id, "video")?, told.version);
        videos::put_in_txn(&**txn, &[gone], self.clock.now()).await?;
        Ok(())
    }

    pub async fn channel_changed(&self, txn: &Txn, told: ChannelChanged) -> Result<(), Refusal> {
        let channel = channel(told)?;
        if self.erasures.is_erased(&**txn, UserId(channel.owner_id)).await? {
            return Ok(());
        }
        Ok(channels::put_in_txn(&**txn, &channel, self.clock.now()).await?)
    }

    pub async fn channel_deleted(&self, txn: &Txn, told: ChannelDeleted) -> Result<(), Refusal> {
        let gone = Channel {
            id: positive(told.channel_id, "channel")?,
            owner_id: told.owner_id,
            name: String::new(),
            is_hidden: false,
            is_gone: true,
            version: told.version,
        };
        Ok(channels::put_in_txn(&**txn, &gone, self.clock.now()).await?)
    }

    /// Our own event: what has the tag loses it.
    /// Videos are found by the names of their tags.
    pub async fn tag_changed(&self, txn: &Txn, told: TagChanged) -> Result<(), Refusal> {
        if told.version > 1 {
            videos::touch_tagged_in_txn(&**txn, TagId(told.tag_id)).await?;
        }
        Ok(())
    }

    pub async fn tag_deleted(&self, txn: &Txn, told: TagDeleted) -> Result<(), Refusal> {
        let tag = TagId(told.tag_id);
        videos::remove_tag_in_txn(&**txn, tag).await?;
        Ok(preferences::remove_tag_in_txn(&**txn, tag).await?)
    }

    pub async fn views_counted(&self, txn: &Txn, told: ViewsCounted) -> Result<(), Refusal> {
        let hour = told.hour.ok_or_else(|| Refusal::message("views of no hour"))?.seconds.div_euclid(3600);
        let hour = i32::try_from(hour).map_err(Refusal::message)?;
        let mut counted: BTreeMap<i64, Counted> = BTreeMap::new();
        for of in told.videos {
            let video_id = positive(of.video_id, "video")?;
            let entry = counted.entry(video_id).or_insert(Counted { video_id, more: 0, total: 0 });
            entry.more += of.member + of.non_member;
            entry.total = entry.total.max(of.total);
        }
        let counted: Vec<Counted> = counted.into_values().collect();
        Ok(views::count_in_txn(&**txn, hour, &counted).await?)
    }

    pub async fn user_registered(&self, txn: &Txn, told: UserRegistered) -> Result<(), Refusal> {
        match told.guest_session_id {
            Some(session) => self.take_over(txn, told.user_id, &session).await,
            None => Ok(()),
        }
    }

    pub async fn guest_joined(&self, txn: &Txn, told: GuestJoined) -> Result<(), Refusal> {
        self.take_over(txn, told.user_id, &told.guest_session_id).await
    }

    async fn take_over(&self, txn: &Txn, user: i64, session: &str) -> Result<(), Refusal> {
        if self.erasures.is_erased(&**txn, UserId(positive(user, "user")?)).await? {
            return Ok(());
        }
        Ok(preferences::take_over_in_txn(&**txn, user, session, self.clock.now()).await?)
    }

    pub async fn user_deleted(&self, txn: &Txn, told: UserDeleted) -> Result<(), Refusal> {
        self.erasures.order_in_txn(txn, &told).await
    }
}

fn positive(id: i64, of: &str) -> Result<i64, Refusal> {
    if id > 0 { Ok(id) } else { Err(Refusal::message(format_args!("an event of no {of}"))) }
}

fn time(at: pbjson_types::Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.seconds, at.nanos.max(0) as u32)
}

/// A video as content tells it.
pub fn video(told: VideoChanged, now: DateTime<Utc>) -> Result<Video, Refusal> {
    Ok(Video {
        id: positive(told.video_id, "video")?,
        channel_id: told.channel_id,
        owner_id: told.owner_id,
        title: told.title,
        description: told.description,
        category_id: told.category_id,
        tag_ids: told.tag_ids,
        access_tier: told.access_tier,
        is_published: told.is_published,
        is_hidden: told.is_hidden,
        is_gone: false,
        duration_seconds: told.duration_seconds,
        thumbnail_upload_id: told.thumbnail_upload_id,
        published_at: told.published_at.and_then(time),
        created_at: told.created_at.and_then(time).unwrap_or(now),
        version: told.version,
    })
}

/// A channel as channel tells it.
pub fn channel(told: ChannelChanged) -> Result<Channel, Refusal> {
    Ok(Channel {
        id: positive(told.channel_id, "channel")?,
        owner_id: told.owner_id,
        name: told.name,
        is_hidden: told.is_hidden,
        is_gone: false,
        version: told.version,
    })
}
