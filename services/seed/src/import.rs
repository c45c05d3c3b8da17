//! Imports generated videos without media in batches, over the gateway's gRPC.

use std::{ops::Range, time::Duration};

use anyhow::{Context, Result};
use fenz_contract::content::v1::{
    ImportVideosRequest, ImportedVideo, video_admin_service_client::VideoAdminServiceClient,
};
use fenz_core::Clock;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::{sync::RwLock, time::Instant};
use tonic::{Request, transport::Channel};

use crate::{
    accounts::{CHANNEL_TIMEOUT, Login},
    api::{ApiError, MAX_RETRY_DELAY},
    bar,
    sample_texts::{self, SplitMix64},
};

/// Videos per call; about 400 KiB.
const BATCH_SIZE: usize = 500;
/// Concurrent calls.
const CONCURRENCY: usize = 4;
/// Creation times are spread over three years.
const MAX_AGE_SECONDS: usize = 3 * 365 * 24 * 3600;

/// The ids that generated videos refer to.
pub struct Catalogue<'a> {
    pub owners: Vec<i64>,
    pub categories: &'a [i64],
    pub tags: &'a [i64],
}

/// Imports as the administrator.
pub struct Importer<'a> {
    client: VideoAdminServiceClient<Channel>,
    login: &'a Login<'a>,
    token: RwLock<String>,
    clock: Clock,
}

impl<'a> Importer<'a> {
    /// # Errors
    /// When the gateway's URL is invalid or the sign-in fails.
    pub async fn new(gateway: &str, login: &'a Login<'a>) -> Result<Self> {
        let channel = Channel::from_shared(gateway.to_owned())?.connect_lazy();
        let client = VideoAdminServiceClient::new(channel);
        let token = RwLock::new(login.sign_in().await?.token);
        Ok(Self { client, login, token, clock: Clock::default() })
    }

    /// Ensures that videos up to a number exist. The number of new ones.
    pub async fn ensure(&self, catalogue: &Catalogue<'_>, videos: usize) -> Result<usize> {
        let progress = &bar(videos, "more videos");
        let calls = (0..videos).step_by(BATCH_SIZE).map(|begin| begin..videos.min(begin + BATCH_SIZE));
        let new = stream::iter(calls.enumerate())
            .map(|(call, numbers)| async move {
                // One owner per call, as concurrent calls for an owner block each other.
                let owner = catalogue.owners[call % catalogue.owners.len()];
                let new = self.call(catalogue, owner, numbers.clone()).await?;
                progress.inc(numbers.len() as u64);
                anyhow::Ok(new)
            })
            .buffer_unordered(CONCURRENCY)
            .try_fold(0, |sum, new| std::future::ready(Ok(sum + new)))
            .await?;
        progress.finish();
        Ok(new)
    }

    async fn call(&self, catalogue: &Catalogue<'_>, owner: i64, numbers: Range<usize>) -> Result<usize> {
        let videos: Vec<_> = numbers.map(|number| self.video(catalogue, owner, number)).collect();
        let started = Instant::now();
        loop {
            let token = self.token.read().await.clone();
            let mut request = Request::new(ImportVideosRequest { videos: videos.clone() });
            request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
            let status = match self.client.clone().import_videos(request).await {
                Ok(reply) => return Ok(reply.into_inner().imported as usize),
                Err(status) => status,
            };
            let error = ApiError::from_status(&status);
            let delay = match error.reason.as_str() {
                "TOKEN_EXPIRED" => {
                    self.renew_token(&token).await?;
                    continue;
                }
                "RATE_LIMITED" if started.elapsed() < MAX_RETRY_DELAY => error.retry_after.unwrap_or_default(),
                // An event creates the owner's channel.
                "CHANNEL_NOT_FOUND" if started.elapsed() < CHANNEL_TIMEOUT => Duration::from_millis(200),
                _ => return Err(error).context("ImportVideos"),
            };
            tokio::time::sleep(delay).await;
        }
    }

    /// Signs in again, unless a concurrent call has done so.
    async fn renew_token(&self, expired: &str) -> Result<()> {
        let mut token = self.token.write().await;
        if *token == expired {
            *token = self.login.sign_in().await?.token;
        }
        Ok(())
    }

    fn video(&self, catalogue: &Catalogue<'_>, owner: i64, number: usize) -> ImportedVideo {
        let Catalogue { categories, tags, .. } = catalogue;
        let mut rng = SplitMix64::new(number);
        let (title, description) = (sample_texts::title(&mut rng, number), sample_texts::description(&mut rng));
        let (first_tag, count) = (rng.below(tags.len()), 1 + rng.below(3));
        let age = Duration::from_secs(rng.below(MAX_AGE_SECONDS) as u64);
        ImportedVideo {
            import_key: format!("seed:{number}"),
            owner_id: owner,
            title,
            description,
            category_id: Some(categories[rng.below(categories.len())]),
            tag_ids: (0..count).map(|n| tags[(first_tag + n * 4) % tags.len()]).collect(),
            // Most are open to anyone.
            access_tier: match rng.below(20) {
                0 => 2,
                1 | 2 => 1,
                _ => 0,
            },
            duration_seconds: 30 + rng.below(3_600) as i32,
            created_at: Some(self.clock.ago(age).into()),
            published_at: None,
        }
    }
}
