//! Many videos without media, taken over in calls of hundreds through the
//! gateway's gRPC.

use std::{ops::Range, time::Duration};

use anyhow::{Context, Result};
use fenz_chassis::Clock;
use fenz_contract::content::v1::{
    ImportVideosRequest, ImportedVideo, video_admin_service_client::VideoAdminServiceClient,
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::{sync::RwLock, time::Instant};
use tonic::{Request, transport::Channel};

use crate::{
    accounts::{CHANNEL_WAIT, Login},
    api::{PATIENCE, Refused},
    bar,
    texts::{self, Draws},
};

/// Videos of one call; some 400 KiB.
const OF_A_CALL: usize = 500;
/// Calls under way at once.
const AT_ONCE: usize = 4;
/// The catalogue seems to have grown over these years.
const SECONDS: usize = 3 * 365 * 24 * 3600;

/// What videos are made of.
pub struct Catalogue<'a> {
    /// The ids of the accounts that own them.
    pub owners: Vec<i64>,
    pub categories: &'a [i64],
    pub tags: &'a [i64],
}

/// Calls as an administrator.
pub struct Importer<'a> {
    client: VideoAdminServiceClient<Channel>,
    login: &'a Login<'a>,
    token: RwLock<String>,
    clock: Clock,
}

impl<'a> Importer<'a> {
    /// # Errors
    /// When the gateway's address is none for gRPC.
    pub async fn new(gateway: &str, login: &'a Login<'a>) -> Result<Self> {
        let channel = Channel::from_shared(gateway.to_owned())?.connect_lazy();
        let client = VideoAdminServiceClient::new(channel);
        let token = RwLock::new(login.enter().await?.token);
        Ok(Self { client, login, token, clock: Clock::default() })
    }

    /// Sees to it that the first so many videos are there. How many are new.
    pub async fn fill(&self, catalogue: &Catalogue<'_>, videos: usize) -> Result<usize> {
        let progress = &bar(videos, "more videos");
        let calls = (0..videos).step_by(OF_A_CALL).map(|begin| begin..videos.min(begin + OF_A_CALL));
        let new = stream::iter(calls.enumerate())
            .map(|(call, numbers)| async move {
                // A call is one owner's: calls for the same owner wait for each other.
                let owner = catalogue.owners[call % catalogue.owners.len()];
                let new = self.call(catalogue, owner, numbers.clone()).await?;
                progress.inc(numbers.len() as u64);
                anyhow::Ok(new)
            })
            .buffer_unordered(AT_ONCE)
            .try_fold(0, |sum, new| std::future::ready(Ok(sum + new)))
            .await?;
        progress.finish();
        Ok(new)
    }

    async fn call(&self, catalogue: &Catalogue<'_>, owner: i64, numbers: Range<usize>) -> Result<usize> {
        let videos: Vec<_> = numbers.map(|number| self.video(catalogue, owner, number)).collect();
        let begun = Instant::now();
        loop {
            let token = self.token.read().await.clone();
            let mut request = Request::new(ImportVideosRequest { videos: videos.clone() });
            request.metadata_mut().insert("authorization", format!("Bearer {token}").parse()?);
            let status = match self.client.clone().import_videos(request).await {
                Ok(reply) => return Ok(reply.into_inner().imported as usize),
                Err(status) => status,
            };
            let refused = Refused::of(&status);
            let pause = match refused.reason.as_str() {
                "TOKEN_EXPIRED" => {
                    self.enter_again(&token).await?;
                    continue;
                }
                "RATE_LIMITED" if begun.elapsed() < PATIENCE => refused.retry_after.unwrap_or_default(),
                // A channel comes by an event, moments after its owner.
                "CHANNEL_NOT_FOUND" if begun.elapsed() < CHANNEL_WAIT => Duration::from_millis(200),
                _ => return Err(refused).context("ImportVideos"),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Signs in again, unless another call has meanwhile.
    async fn enter_again(&self, expired: &str) -> Result<()> {
        let mut token = self.token.write().await;
        if *token == expired {
            *token = self.login.enter().await?.token;
        }
        Ok(())
    }

    fn video(&self, catalogue: &Catalogue<'_>, owner: i64, number: usize) -> ImportedVideo {
        let Catalogue { categories, tags, .. } = catalogue;
        let mut draws = Draws::of(number);
        let (title, description) = (texts::title(&mut draws, number), texts::description(&mut draws));
        let (first_tag, count) = (draws.below(tags.len()), 1 + draws.below(3));
        let age = Duration::from_secs(draws.below(SECONDS) as u64);
        ImportedVideo {
            import_key: format!("seed:{number}"),
            owner_id: owner,
            title,
            description,
            category_id: Some(categories[draws.below(categories.len())]),
            tag_ids: (0..count).map(|n| tags[(first_tag + n * 4) % tags.len()]).collect(),
            // Most are for anyone.
            access_tier: match draws.below(20) {
                0 => 2,
                1 | 2 => 1,
                _ => 0,
            },
            duration_seconds: 30 + draws.below(3_600) as i32,
            created_at: Some(self.clock.ago(age).into()),
            published_at: None,
        }
    }
}
