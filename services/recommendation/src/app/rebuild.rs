//! Rebuilds the projection from content and channel, page by page: upserts what
//! they list by version, and deletes what they do not list. Events may be
//! processed meanwhile.

use std::{collections::HashSet, hash::Hash, time::Duration};

use anyhow::{Context, Result, anyhow};
use fenz_chassis::{Platform, peers::PeerChannel};
use fenz_contract::{
    channel::v1::{ListCatalogChannelsRequest, channel_catalog_service_client::ChannelCatalogServiceClient},
    content::v1::{ListCatalogRequest, video_catalog_service_client::VideoCatalogServiceClient},
};
use fenz_core::{ChannelId, Clock, Error, UserId, VideoId};
use fenz_database::transact;
use fenz_events::ErasureRunner;
use sea_orm::DatabaseConnection;

use super::projection::{decode_channel, decode_video};
use crate::{
    domain::{Channel, Video},
    store::{channels, sequence, videos},
};

const PAGE_SIZE: i32 = 200;
/// Between this process and the consumers.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);
/// Fits a page of the longest descriptions, of 40 KB each.
const MAX_PAGE_BYTES: usize = 16 << 20;

/// Counts of changed rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    pub channels: usize,
    pub videos: usize,
    pub deleted: usize,
}

pub struct Rebuild {
    db: DatabaseConnection,
    clock: Clock,
    erasures: ErasureRunner,
    content: VideoCatalogServiceClient<PeerChannel>,
    channel: ChannelCatalogServiceClient<PeerChannel>,
}

impl Rebuild {
    pub fn new(platform: &Platform, db: DatabaseConnection, erasures: ErasureRunner) -> Result<Self> {
        Ok(Self {
            db,
            clock: platform.clock.clone(),
            erasures,
            content: VideoCatalogServiceClient::new(platform.peers.require("content")?)
                .max_decoding_message_size(MAX_PAGE_BYTES),
            channel: ChannelCatalogServiceClient::new(platform.peers.require("channel")?),
        })
    }

    /// # Errors
    /// When content, channel or the database does not answer.
    pub async fn run(&self) -> Result<Rebuilt> {
        let mut rebuilt = Rebuilt::default();
        self.channels(&mut rebuilt).await?;
        self.videos(&mut rebuilt).await?;
        Ok(rebuilt)
    }

    async fn channels(&self, rebuilt: &mut Rebuilt) -> Result<()> {
        let mut after_id = 0;
        loop {
            // Rows updated after the page was requested are newer than it.
            let before = self.clock.ago(MAX_CLOCK_SKEW);
            let request = ListCatalogChannelsRequest { after_id, limit: Some(PAGE_SIZE) };
            let page = self.channel.clone().list_catalog_channels(request).await.context("channel does not answer")?;
            let page = page.into_inner().channels;
            let through = page_end(page.last().map(|c| c.channel_id), page.len());
            let mut listed = Vec::with_capacity(page.len());
            for channel in page {
                listed.push(decode_channel(channel).map_err(|error| anyhow!("{error}"))?);
            }
            let stored = channels::find_in_range(&self.db, (after_id, through), before).await?;
            let ids: HashSet<ChannelId> = listed.iter().map(|c| c.id).collect();
            let missing = missing(&stored, &ids);
            self.put_channels(&listed, &missing).await?;
            rebuilt.channels += listed.len();
            rebuilt.deleted += missing.len();
            if through == i64::MAX {
                return Ok(());
            }
            after_id = through;
        }
    }

    async fn put_channels(&self, listed: &[Channel], missing: &[(ChannelId, i64)]) -> Result<()> {
        let put = transact(&self.db, |txn| async move {
            let now = self.clock.now();
            for channel in listed {
                if !self.erasures.is_erased(&*txn, channel.owner_id).await? {
                    channels::upsert_newer_in_txn(&*txn, channel, now).await?;
                }
            }
            for (id, version) in missing {
                // A channel that is created again has a higher version than this.
                channels::upsert_newer_in_txn(&*txn, &Channel::tombstone(*id, UserId(0), version + 1), now).await?;
            }
            Ok(())
        });
        Ok(put.await?)
    }

    async fn videos(&self, rebuilt: &mut Rebuilt) -> Result<()> {
        let mut after_id = 0;
        loop {
            let seq = sequence::last(&self.db).await?;
            let request = ListCatalogRequest { after_id, limit: Some(PAGE_SIZE) };
            let page = self.content.clone().list_catalog(request).await.context("content does not answer")?;
            let page = page.into_inner().videos;
            let through = page_end(page.last().map(|v| v.video_id), page.len());
            let mut listed = Vec::with_capacity(page.len());
            for video in page {
                listed.push(decode_video(video, self.clock.now()).map_err(|error| anyhow!("{error}"))?);
            }
            let stored = videos::find_in_range(&self.db, (after_id, through), seq).await?;
            let ids: HashSet<VideoId> = listed.iter().map(|v| v.id).collect();
            let missing = missing(&stored, &ids);
            rebuilt.videos += self.put_videos(&listed, &missing).await?;
            rebuilt.deleted += missing.len();
            if through == i64::MAX {
                return Ok(());
            }
            after_id = through;
        }
    }

    async fn put_videos(&self, listed: &[Video], missing: &[(VideoId, i64)]) -> Result<usize, Error> {
        transact(&self.db, |txn| async move {
            let mut videos = Vec::with_capacity(listed.len() + missing.len());
            for video in listed {
                if !self.erasures.is_erased(&*txn, video.owner_id).await? {
                    videos.push(video.clone());
                }
            }
            videos.extend(missing.iter().map(|(id, version)| Video::tombstone(*id, version + 1)));
            let applied = videos::upsert_newer_in_txn(&*txn, &videos, self.clock.now()).await?;
            Ok(applied.saturating_sub(missing.len()))
        })
        .await
    }
}

/// The last id that a page covers: unbounded for the last page.
fn page_end(last: Option<i64>, count: usize) -> i64 {
    last.filter(|_| count == PAGE_SIZE as usize).unwrap_or(i64::MAX)
}

/// The stored rows that are not listed.
fn missing<T: Copy + Eq + Hash>(stored: &[(T, i64)], listed: &HashSet<T>) -> Vec<(T, i64)> {
    stored.iter().copied().filter(|(id, _)| !listed.contains(id)).collect()
}

/// Starts a new generation of the search index: every replica rebuilds its own.
///
/// # Errors
/// When the database is unavailable.
pub async fn request_index_rebuild(db: &DatabaseConnection) -> Result<(), Error> {
    transact(db, |txn| async move { Ok(sequence::next_index_generation_in_txn(&*txn).await?) }).await
}
