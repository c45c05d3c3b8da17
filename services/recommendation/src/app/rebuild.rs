//! The projection anew from content and channel, page by page and by version:
//! what they have comes, what they have no more goes. It may run while events
//! come in.

use std::{collections::HashSet, time::Duration};

use anyhow::{Context, Result, anyhow};
use fenz_chassis::{Clock, Error, Platform, UserId, database::transact, peers::PeerChannel};
use fenz_contract::{
    channel::v1::{ListCatalogChannelsRequest, channel_catalog_service_client::ChannelCatalogServiceClient},
    content::v1::{ListCatalogRequest, video_catalog_service_client::VideoCatalogServiceClient},
};
use fenz_events::Erasures;
use sea_orm::DatabaseConnection;

use super::take_in;
use crate::{
    domain::{Channel, Video},
    store::{channels, sequence, videos},
};

const PAGE: i32 = 200;
/// How far the clocks of this process and of the consumers may be apart.
const CLOCKS_APART: Duration = Duration::from_secs(60);
/// A page of the longest descriptions, of up to 40 KB each.
const MAX_PAGE_BYTES: usize = 16 << 20;

/// What a rebuild has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    pub channels: usize,
    pub videos: usize,
    pub gone: usize,
}

pub struct Rebuild {
    db: DatabaseConnection,
    clock: Clock,
    erasures: Erasures,
    content: VideoCatalogServiceClient<PeerChannel>,
    channel: ChannelCatalogServiceClient<PeerChannel>,
}

impl Rebuild {
    pub fn new(platform: &Platform, erasures: Erasures) -> Result<Self> {
        Ok(Self {
            db: platform.db()?,
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
            // What comes in after the page was asked for is newer than it, also
            // by the clock of whoever took it in.
            let before = self.clock.ago(CLOCKS_APART);
            let request = ListCatalogChannelsRequest { after_id, limit: Some(PAGE) };
            let page = self.channel.clone().list_catalog_channels(request).await.context("channel does not answer")?;
            let page = page.into_inner().channels;
            let up_to = end(page.last().map(|c| c.channel_id), page.len());
            let mut there = Vec::with_capacity(page.len());
            for told in page {
                there.push(take_in::channel(told).map_err(|refusal| anyhow!("{refusal}"))?);
            }
            let known = channels::between(&self.db, (after_id, up_to), before).await?;
            let ids: HashSet<i64> = there.iter().map(|c| c.id).collect();
            let lost = lost(&known, &ids);
            self.put_channels(&there, &lost).await?;
            rebuilt.channels += there.len();
            rebuilt.gone += lost.len();
            if up_to == i64::MAX {
                return Ok(());
            }
            after_id = up_to;
        }
    }

    async fn put_channels(&self, there: &[Channel], lost: &[(i64, i64)]) -> Result<()> {
        let put = transact(&self.db, |txn| async move {
            let now = self.clock.now();
            for channel in there {
                if !self.erasures.is_erased(&*txn, UserId(channel.owner_id)).await? {
                    channels::put_in_txn(&*txn, channel, now).await?;
                }
            }
            for (id, version) in lost {
                // One made again has a higher version than this.
                let gone = Channel {
                    id: *id,
                    owner_id: 0,
                    name: String::new(),
                    is_hidden: false,
                    is_gone: true,
                    version: version + 1,
                };
                channels::put_in_txn(&*txn, &gone, now).await?;
            }
            Ok(())
        });
        Ok(put.await?)
    }

    async fn videos(&self, rebuilt: &mut Rebuilt) -> Result<()> {
        let mut after_id = 0;
        loop {
            let seq = sequence::last(&self.db).await?;
            let request = ListCatalogRequest { after_id, limit: Some(PAGE) };
            let page = self.content.clone().list_catalog(request).await.context("content does not answer")?;
            let page = page.into_inner().videos;
            let up_to = end(page.last().map(|v| v.video_id), page.len());
            let mut there = Vec::with_capacity(page.len());
            for told in page {
                there.push(take_in::video(told, self.clock.now()).map_err(|refusal| anyhow!("{refusal}"))?);
            }
            let known = videos::between(&self.db, (after_id, up_to), seq).await?;
            let ids: HashSet<i64> = there.iter().map(|v| v.id).collect();
            let lost = lost(&known, &ids);
            rebuilt.videos += self.put_videos(&there, &lost).await?;
            rebuilt.gone += lost.len();
            if up_to == i64::MAX {
                return Ok(());
            }
            after_id = up_to;
        }
    }

    async fn put_videos(&self, there: &[Video], lost: &[(i64, i64)]) -> Result<usize, Error> {
        transact(&self.db, |txn| async move {
            let mut videos = Vec::with_capacity(there.len() + lost.len());
            for video in there {
                if !self.erasures.is_erased(&*txn, UserId(video.owner_id)).await? {
                    videos.push(video.clone());
                }
            }
            videos.extend(lost.iter().map(|(id, version)| Video::gone(*id, version + 1)));
            let applied = videos::put_in_txn(&*txn, &videos, self.clock.now()).await?;
            Ok(applied.saturating_sub(lost.len()))
        })
        .await
    }
}

/// Up to which id a page speaks: the last one for all that are behind.
fn end(last: Option<i64>, count: usize) -> i64 {
    last.filter(|_| count == PAGE as usize).unwrap_or(i64::MAX)
}

/// What is known and not there.
fn lost(known: &[(i64, i64)], there: &HashSet<i64>) -> Vec<(i64, i64)> {
    known.iter().copied().filter(|(id, _)| !there.contains(id)).collect()
}
