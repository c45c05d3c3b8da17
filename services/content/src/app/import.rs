//! Importing a catalogue: published videos without media, many in one transaction.
//!
//! An import key is unique among existing videos, so that a call which is repeated,
//! whole or in part, adds only what is missing.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use fenz_contract::events::v1::{VideoChanged, VideosImported};
use fenz_core::{Error, Reason, Result, UserId};
use fenz_database::{Txn, is_duplicate};
use fenz_events::{AuditEntry, MAX_BYTES};
use prost::Message;
use serde_json::json;

use super::{App, events::changed_event};
use crate::{
    clients::Tags,
    domain::{CategoryId, ChannelId, HiddenReasons, MediaStatus, TagId, Tier, Video, VideoId, Views},
    store::{
        cascades::{self, Kind},
        categories, channels, videos,
    },
};

/// Attempts when concurrent calls store the same keys.
const MAX_ATTEMPTS: u32 = 5;
/// Encoded size of the videos in one event, with room for the overhead of each.
const EVENT_BYTES: usize = MAX_BYTES / 2;

/// A video of another catalogue.
#[derive(Clone, Debug)]
pub struct Import {
    /// Its key in the other catalogue.
    pub key: String,
    pub owner: UserId,
    pub title: String,
    pub description: String,
    pub category: Option<CategoryId>,
    pub tags: Vec<TagId>,
    pub tier: Tier,
    pub duration_seconds: i32,
    /// Default: now.
    pub created_at: Option<DateTime<Utc>>,
    /// Default: `created_at`.
    pub published_at: Option<DateTime<Utc>>,
}

#[derive(Debug)]
pub struct Imported {
    /// In the order of the call.
    pub ids: Vec<VideoId>,
    /// How many of them are new.
    pub new: usize,
}

impl App {
    /// Stores the videos whose keys are new, all or none. Projections get an event,
    /// subscribers are not notified.
    ///
    /// # Errors
    /// `INVALID_PARAMS`, `CHANNEL_NOT_FOUND`, `CATEGORY_NOT_FOUND` and
    /// `TAG_NOT_FOUND`, each on its field; `UNAVAILABLE` without
    /// recommendation, and while the cascade of an owner's deleted channel runs.
    pub async fn import(&self, actor: UserId, imports: Vec<Import>) -> Result<Imported> {
        let now = self.clock.now();
        validate(&imports, now)?;
        let existing = videos::find_imported(&self.db, imports.iter().map(|import| import.key.as_str())).await?;
        self.require_tags_of(&imports, &existing).await?;
        let videos: Vec<_> = imports.into_iter().map(|import| self.build_imported(import, now)).collect();
        let mut attempt = 1;
        loop {
            let store = self.outbox.transact(|txn| self.import_in_txn(txn, actor, &videos));
            match store.await {
                // A concurrent call has stored a key: retry, which finds it.
                Err(error) if is_duplicate(&error) && attempt < MAX_ATTEMPTS => attempt += 1,
                imported => return imported,
            }
        }
    }

    /// Checks the tags of videos that are not imported yet.
    async fn require_tags_of(&self, imports: &[Import], existing: &HashMap<String, VideoId>) -> Result<()> {
        let new = || imports.iter().enumerate().filter(|(_, import)| !existing.contains_key(&import.key));
        let tags: BTreeSet<TagId> = new().flat_map(|(_, import)| &import.tags).copied().collect();
        let tags: Vec<TagId> = tags.into_iter().collect();
        let Some(unknown) = self.tags.find_unknown(&tags).await? else { return Ok(()) };
        let index = new().find(|(_, import)| import.tags.contains(&unknown)).map_or(0, |(index, _)| index);
        Err(Tags::not_found(&field(index, "tagIds"), unknown))
    }

    async fn import_in_txn(&self, txn: Txn, actor: UserId, videos: &[(String, Video)]) -> Result<Imported> {
        let existing = videos::find_imported(&*txn, videos.iter().map(|(key, _)| key.as_str())).await?;
        let new: Vec<_> = videos.iter().enumerate().filter(|(_, (key, _))| !existing.contains_key(key)).collect();
        let ids = videos.iter().map(|(key, video)| existing.get(key).copied().unwrap_or(video.id)).collect();
        let imported = Imported { ids, new: new.len() };
        if new.is_empty() {
            return Ok(imported);
        }
        let indexed: Vec<_> = new.iter().map(|(index, (_, video))| (*index, video)).collect();
        require_channels_in_txn(&txn, &indexed).await?;
        require_categories_in_txn(&txn, &indexed).await?;
        let rows: Vec<_> = new.iter().map(|(_, (key, video))| (key.as_str(), video)).collect();
        videos::import_in_txn(&*txn, &rows).await?;
        let occurred_at = Some(self.clock.now().into());
        let events = indexed.iter().map(|(_, video)| VideoChanged { occurred_at, ..changed_event(video) });
        self.outbox.emit_all(&txn, &batch_events(events)).await?;
        let entry = AuditEntry {
            actor: Some(actor),
            action: "video.imported",
            object_type: "video",
            after: Some(json!({"count": new.len()})),
            ..AuditEntry::default()
        };
        self.outbox.audit(&txn, entry).await?;
        Ok(imported)
    }

    fn build_imported(&self, import: Import, now: DateTime<Utc>) -> (String, Video) {
        let created_at = import.created_at.unwrap_or(now);
        let video = Video {
            id: VideoId(self.ids.next()),
            // A user's first channel has the user's id.
            channel_id: ChannelId(import.owner.0),
            owner: import.owner,
            title: import.title,
            description: import.description,
            category: import.category,
            tags: import.tags,
            tier: import.tier,
            is_published: true,
            hidden: HiddenReasons::default(),
            views: Views::default(),
            duration_seconds: import.duration_seconds,
            width: 0,
            height: 0,
            publish_at: None,
            media: MediaStatus::Ready,
            upload: None,
            thumbnail: None,
            created_at,
            published_at: Some(import.published_at.unwrap_or(created_at)),
            updated_at: now,
            version: 1,
        };
        (import.key, video)
    }
}

/// As many videos per event as fit.
fn batch_events(videos: impl Iterator<Item = VideoChanged>) -> Vec<VideosImported> {
    let (mut events, mut bytes) = (Vec::<VideosImported>::new(), 0);
    for video in videos {
        bytes += video.encoded_len();
        match events.last_mut() {
            Some(event) if bytes <= EVENT_BYTES => event.videos.push(video),
            _ => {
                bytes = video.encoded_len();
                events.push(VideosImported { first_video_id: video.video_id, videos: vec![video] });
            }
        }
    }
    events
}

/// The path of a video's field in the request.
pub fn field(index: usize, name: &str) -> String {
    format!("videos[{index}].{name}")
}

/// Checks that keys are unique within the call, and times plausible.
fn validate(imports: &[Import], now: DateTime<Utc>) -> Result<()> {
    let refuse = |index, name, message| Err(Error::field(Reason::InvalidParams, &field(index, name), message));
    let mut keys = HashSet::new();
    for (index, import) in imports.iter().enumerate() {
        if !keys.insert(&import.key) {
            return refuse(index, "importKey", "is another video's of this call");
        }
        let created_at = import.created_at.unwrap_or(now);
        if created_at > now {
            return refuse(index, "createdAt", "must not lie in the future");
        }
        if import.published_at.is_some_and(|at| at < created_at || at > now) {
            return refuse(index, "publishedAt", "must not lie before createdAt, nor in the future");
        }
    }
    Ok(())
}

/// Each owner has a channel; it is locked until the transaction ends.
async fn require_channels_in_txn(txn: &Txn, videos: &[(usize, &Video)]) -> Result<()> {
    let channels: BTreeSet<ChannelId> = videos.iter().map(|(_, video)| video.channel_id).collect();
    let active = channels::lock_active_in_txn(&**txn, channels).await?;
    if let Some((index, _)) = videos.iter().find(|(_, video)| !active.contains(&video.channel_id)) {
        let message = "names nobody who has a channel";
        return Err(Error::field(Reason::ChannelNotFound, &field(*index, "ownerId"), message));
    }
    // The cascade of an earlier channel would delete videos that are older than it.
    let mut cascades = cascades::all(&**txn).await?;
    cascades.retain(|cascade| cascade.kind == Kind::Channel);
    let is_cascaded = |video: &Video| {
        cascades.iter().any(|cascade| cascade.subject == video.channel_id.0 && video.created_at < cascade.made_before)
    };
    if let Some((index, _)) = videos.iter().find(|(_, video)| is_cascaded(video)) {
        let message = "names an owner whose earlier channel is being removed; try again later";
        return Err(Error::field(Reason::Unavailable, &field(*index, "ownerId"), message));
    }
    Ok(())
}

async fn require_categories_in_txn(txn: &Txn, videos: &[(usize, &Video)]) -> Result<()> {
    let existing = categories::all(&**txn).await?;
    let is_unknown = |video: &Video| video.category.is_some_and(|id| existing.iter().all(|c| c.id != id));
    match videos.iter().find(|(_, video)| is_unknown(video)) {
        None => Ok(()),
        Some((index, _)) => {
            Err(Error::field(Reason::CategoryNotFound, &field(*index, "categoryId"), "names no category"))
        }
    }
}
