//! Creating a video from an upload.
//!
//! First the video's id is generated and an intent stored with it; then the uploads are
//! claimed in media; then one transaction completes the intent and stores the video.
//! Requests with the same idempotency key share the id, so that concurrent ones create
//! one video.

use std::sync::Arc;

use fenz_core::{Error, Reason, Result, UserId};
use fenz_database::{is_duplicate, transact};
use sea_orm::ConnectionTrait;

use super::{App, CachedVideo, KEY_TTL, pending_calls::Outcome, video_not_found};
use crate::{
    clients::{ClaimedUpload, Kind},
    domain::{CategoryId, ChannelId, HiddenReasons, IdempotencyKey, TagId, Tier, UploadId, Video, VideoId, Views},
    store::{
        categories, idempotency,
        pending_calls::{self, CallTarget, PendingCall},
        videos,
    },
};

#[derive(Clone, Debug)]
pub struct NewVideo {
    pub title: String,
    pub description: String,
    pub category: Option<CategoryId>,
    pub tags: Vec<TagId>,
    pub tier: Tier,
    pub upload: UploadId,
    /// Default: a frame of the video.
    pub thumbnail: Option<UploadId>,
    pub publish: bool,
}

enum Reservation {
    /// An earlier request with the same key has created the video.
    Created(VideoId),
    /// This request creates it, under an intent.
    New(PendingCall),
}

impl App {
    /// # Errors
    /// `CHANNEL_NOT_FOUND`; `CATEGORY_NOT_FOUND`, `TAG_NOT_FOUND`,
    /// `UPLOAD_NOT_FOUND`, `UPLOAD_ALREADY_USED`, each on its field;
    /// `IDEMPOTENCY_KEY_REUSED`; `UNAVAILABLE` without media.
    pub async fn create(&self, owner: UserId, new: NewVideo, key: Option<IdempotencyKey>) -> Result<Arc<CachedVideo>> {
        let intent = match self.reserve(owner, &new, key.as_ref()).await? {
            Reservation::Created(id) => return self.cache.get(id).await?.ok_or_else(video_not_found),
            Reservation::New(intent) => intent,
        };
        if let Err(error) = self.claim_and_store(owner, new, &intent).await {
            match self.pending_calls.cancel(&intent).await {
                Ok(Outcome::InUse) => {}
                Ok(Outcome::Released) => return Err(error),
                Err(problem) => {
                    tracing::warn!(error = %problem, video.id = intent.video.0, "release of uploads failed; the job retries");
                    return Err(error);
                }
            }
        }
        self.reread(intent.video).await
    }

    /// Stores the intent to create a video, unless the key has one already.
    async fn reserve(&self, owner: UserId, new: &NewVideo, key: Option<&IdempotencyKey>) -> Result<Reservation> {
        let due_at = self.clock.after(self.config.claim_timeout);
        let target = CallTarget { id: self.ids.next(), video: VideoId(self.ids.next()), upload: None, owner };
        let intent = PendingCall::intent(target, due_at);
        loop {
            let intent = &intent;
            let reserved = transact(&self.db, |txn| async move {
                self.require_channel(&*txn, owner).await?;
                let intent = match key {
                    Some(key) => {
                        PendingCall { video: self.resolve_key(&*txn, owner, key, intent.video).await?, ..*intent }
                    }
                    None => *intent,
                };
                if videos::exists(&*txn, intent.video).await? {
                    return Ok(Reservation::Created(intent.video));
                }
                require_category(&*txn, new.category).await?;
                pending_calls::insert(&*txn, intent).await?;
                Ok(Reservation::New(intent))
            })
            .await;
            match reserved {
                // A concurrent request has stored the key: retry, which finds it.
                Err(error) if is_duplicate(&error) => {}
                reserved => return reserved,
            }
        }
    }

    /// The video stored under a key; an unused or expired key gets the new one.
    async fn resolve_key(
        &self,
        txn: &impl ConnectionTrait,
        owner: UserId,
        key: &IdempotencyKey,
        new: VideoId,
    ) -> Result<VideoId> {
        let now = self.clock.now();
        match idempotency::lock_in_txn(txn, owner, key).await? {
            None => idempotency::insert_in_txn(txn, owner, key, new, now).await?,
            Some(stored) if stored.created_at < self.clock.ago(KEY_TTL) => {
                idempotency::replace_in_txn(txn, owner, key, new, now).await?;
            }
            Some(stored) if stored.request_hash == key.request_hash => return Ok(stored.video),
            Some(_) => {
                let message = "this Idempotency-Key came with another request before";
                return Err(Error::new(Reason::IdempotencyKeyReused, message));
            }
        }
        Ok(new)
    }

    /// Claims the uploads and stores the video.
    async fn claim_and_store(&self, owner: UserId, new: NewVideo, intent: &PendingCall) -> Result<()> {
        self.tags.require(&new.tags).await?;
        let claimed = self.uploads.claim(Kind::Video, new.upload, owner, intent.video).await?;
        if let Some(thumbnail) = new.thumbnail {
            self.uploads.claim(Kind::Thumbnail, thumbnail, owner, intent.video).await?;
        }
        let video = &self.build(owner, new, intent.video, claimed);
        let stored = self.outbox.transact(|txn| async move {
            // Checked again, as both may have been deleted since the intent was stored.
            self.require_channel(&*txn, owner).await?;
            require_category(&*txn, video.category).await?;
            if pending_calls::complete_intent_in_txn(&*txn, intent.id).await? {
                videos::insert_in_txn(&*txn, video).await?;
                return self.emit_changed_in_txn(&txn, None, video).await;
            }
            let reason = anyhow::anyhow!("the claim of video {} was released before it was stored", video.id.0);
            Err(Error::unavailable("the upload", reason))
        });
        match stored.await {
            // A concurrent request with the same key has stored the same video.
            Err(error) if is_duplicate(&error) => Ok(pending_calls::delete(&self.db, intent.id).await?),
            stored => stored,
        }
    }

    fn build(&self, owner: UserId, new: NewVideo, id: VideoId, claimed: ClaimedUpload) -> Video {
        let now = self.clock.now();
        Video {
            id,
            // A user's first channel has the user's id.
            channel_id: ChannelId(owner.0),
            owner,
            title: new.title,
            description: new.description,
            category: new.category,
            tags: new.tags,
            tier: new.tier,
            is_published: new.publish,
            hidden: HiddenReasons::default(),
            views: Views::default(),
            duration_seconds: claimed.duration_seconds,
            width: claimed.width,
            height: claimed.height,
            upload: Some(new.upload),
            thumbnail: new.thumbnail.or(claimed.poster),
            created_at: now,
            published_at: new.publish.then_some(now),
            updated_at: now,
            version: 1,
        }
    }
}

/// # Errors
/// `CATEGORY_NOT_FOUND` on its field.
pub(super) async fn require_category(db: &impl ConnectionTrait, category: Option<CategoryId>) -> Result<()> {
    match category {
        Some(id) if !categories::exists(db, id).await? => {
            Err(Error::field(Reason::CategoryNotFound, "categoryId", "names no category"))
        }
        _ => Ok(()),
    }
}
