//! Taking a catalogue over: published videos without media, many in one
//! transaction.
//!
//! An import key stands for its video as long as the video is there, so that a
//! call which is repeated, whole or in part, adds what is missing.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use fenz_chassis::{Error, Reason, Result, UserId, database::Txn};
use fenz_contract::events::v1::{VideoChanged, VideosImported};
use fenz_events::{Act, MAX_BYTES};
use prost::Message;
use serde_json::json;

use super::{App, events::changed};
use crate::{
    clients::Tags,
    domain::{CategoryId, HiddenReasons, Tier, Video, VideoId, Views},
    store::{
        categories, channels,
        sweeps::{self, Kind},
        videos,
    },
};

/// How often a call begins anew because another stored a key of its.
const TRIES: u32 = 5;
/// What the videos of one event take, encoded: far from the most, for what is
/// around each.
const EVENT_BYTES: usize = MAX_BYTES / 2;

/// A video of another catalogue.
#[derive(Clone, Debug)]
pub struct Import {
    /// What it is called there.
    pub key: String,
    pub owner: UserId,
    pub title: String,
    pub description: String,
    pub category: Option<CategoryId>,
    pub tags: Vec<i64>,
    pub tier: Tier,
    pub duration_seconds: i32,
    /// Now without.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was created without.
    pub published_at: Option<DateTime<Utc>>,
}

/// What became of a call.
#[derive(Debug)]
pub struct Imported {
    /// In the order of the call.
    pub ids: Vec<VideoId>,
    /// How many of them are new.
    pub new: usize,
}

impl App {
    /// Stores the videos whose keys are new, all or none. Nobody but
    /// projections is told.
    ///
    /// # Errors
    /// `INVALID_PARAMS`, `CHANNEL_NOT_FOUND`, `CATEGORY_NOT_FOUND` and
    /// `TAG_NOT_FOUND`, each on its field; `UNAVAILABLE` without
    /// recommendation, and while an owner's earlier channel is being removed.
    pub async fn import(&self, actor: UserId, imports: Vec<Import>) -> Result<Imported> {
        let now = self.clock.now();
        check(&imports, now)?;
        let there = videos::imported(&self.db, imports.iter().map(|import| import.key.as_str())).await?;
        self.require_tags_of(&imports, &there).await?;
        let videos: Vec<_> = imports.into_iter().map(|import| self.compose_import(import, now)).collect();
        let mut attempt = 1;
        loop {
            let store = self.outbox.transact(|txn| self.import_in_txn(txn, actor, &videos));
            match store.await {
                // Another call has stored a key meanwhile: it is there now.
                Err(error) if error.is_duplicate() && attempt < TRIES => attempt += 1,
                imported => return imported,
            }
        }
    }

    /// Asks for the tags of videos that are not there yet.
    async fn require_tags_of(&self, imports: &[Import], there: &HashMap<String, VideoId>) -> Result<()> {
        let new = || imports.iter().enumerate().filter(|(_, import)| !there.contains_key(&import.key));
        let tags: BTreeSet<i64> = new().flat_map(|(_, import)| &import.tags).copied().collect();
        let tags: Vec<i64> = tags.into_iter().collect();
        let Some(unknown) = self.tags.unknown(&tags).await? else { return Ok(()) };
        let place = new().find(|(_, import)| import.tags.contains(&unknown)).map_or(0, |(place, _)| place);
        Err(Tags::not_found(&field(place, "tagIds"), unknown))
    }

    async fn import_in_txn(&self, txn: Txn, actor: UserId, videos: &[(String, Video)]) -> Result<Imported> {
        let there = videos::imported(&*txn, videos.iter().map(|(key, _)| key.as_str())).await?;
        let new: Vec<_> = videos.iter().enumerate().filter(|(_, (key, _))| !there.contains_key(key)).collect();
        let ids = videos.iter().map(|(key, video)| there.get(key).copied().unwrap_or(video.id)).collect();
        let imported = Imported { ids, new: new.len() };
        if new.is_empty() {
            return Ok(imported);
        }
        let places: Vec<_> = new.iter().map(|(place, (_, video))| (*place, video)).collect();
        require_channels_in_txn(&txn, &places).await?;
        require_categories_in_txn(&txn, &places).await?;
        let rows: Vec<_> = new.iter().map(|(_, (key, video))| (key.as_str(), video)).collect();
        videos::import_in_txn(&*txn, &rows).await?;
        let occurred_at = Some(self.clock.now().into());
        let told = places.iter().map(|(_, video)| VideoChanged { occurred_at, ..changed(video) });
        self.outbox.emit_all(&txn, &together(told)).await?;
        let act = Act {
            actor: Some(actor),
            action: "video.imported",
            object_type: "video",
            after: Some(json!({"count": new.len()})),
            ..Act::default()
        };
        self.outbox.audit(&txn, act).await?;
        Ok(imported)
    }

    fn compose_import(&self, import: Import, now: DateTime<Utc>) -> (String, Video) {
        let created_at = import.created_at.unwrap_or(now);
        let video = Video {
            id: VideoId(self.ids.next()),
            // A user's first channel has the user's id.
            channel_id: import.owner.0,
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

/// As many videos in each event as it takes.
fn together(videos: impl Iterator<Item = VideoChanged>) -> Vec<VideosImported> {
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

/// A field of one of the videos, as a refusal names it.
pub fn field(place: usize, name: &str) -> String {
    format!("videos[{place}].{name}")
}

/// Holds the videos against each other and the time.
fn check(imports: &[Import], now: DateTime<Utc>) -> Result<()> {
    let refuse = |place, name, message| Err(Error::field(Reason::InvalidParams, &field(place, name), message));
    let mut keys = HashSet::new();
    for (place, import) in imports.iter().enumerate() {
        if !keys.insert(&import.key) {
            return refuse(place, "importKey", "is another video's of this call");
        }
        let created_at = import.created_at.unwrap_or(now);
        if created_at > now {
            return refuse(place, "createdAt", "must not lie in the future");
        }
        if import.published_at.is_some_and(|at| at < created_at || at > now) {
            return refuse(place, "publishedAt", "must not lie before createdAt, nor in the future");
        }
    }
    Ok(())
}

/// Each owner has a channel, and it stays until the transaction ends.
async fn require_channels_in_txn(txn: &Txn, videos: &[(usize, &Video)]) -> Result<()> {
    let channels: BTreeSet<i64> = videos.iter().map(|(_, video)| video.channel_id).collect();
    let open = channels::lock_open_in_txn(&**txn, channels).await?;
    if let Some((place, _)) = videos.iter().find(|(_, video)| !open.contains(&video.channel_id)) {
        let message = "names nobody who has a channel";
        return Err(Error::field(Reason::ChannelNotFound, &field(*place, "ownerId"), message));
    }
    // What is as old as the channel that was deleted would go with its videos.
    let mut sweeps = sweeps::all(&**txn).await?;
    sweeps.retain(|sweep| sweep.kind == Kind::Channel);
    let is_swept = |video: &Video| {
        sweeps.iter().any(|sweep| sweep.subject == video.channel_id && video.created_at < sweep.made_before)
    };
    if let Some((place, _)) = videos.iter().find(|(_, video)| is_swept(video)) {
        let message = "names an owner whose earlier channel is being removed; try again later";
        return Err(Error::field(Reason::Unavailable, &field(*place, "ownerId"), message));
    }
    Ok(())
}

async fn require_categories_in_txn(txn: &Txn, videos: &[(usize, &Video)]) -> Result<()> {
    // There are few.
    let there = categories::all(&**txn).await?;
    let is_unknown = |video: &Video| video.category.is_some_and(|id| there.iter().all(|c| c.id != id));
    match videos.iter().find(|(_, video)| is_unknown(video)) {
        None => Ok(()),
        Some((place, _)) => {
            Err(Error::field(Reason::CategoryNotFound, &field(*place, "categoryId"), "names no category"))
        }
    }
}
