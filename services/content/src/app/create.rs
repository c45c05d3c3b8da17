//! Making a video of an upload.
//!
//! The id is made first, and with it an intent is stored; then media is asked
//! for the uploads; then one transaction takes the intent back and stores the
//! video. Requests with the same idempotency key share the id, so that however
//! many run at once, one video comes of them.

use std::sync::Arc;

use fenz_chassis::{Error, Reason, Result, UserId, database::transact};
use sea_orm::ConnectionTrait;

use super::{App, HotVideo, KEYS_KEPT, errands::Outcome, video_not_found};
use crate::{
    clients::{Claimed, Kind},
    domain::{CategoryId, HiddenReasons, Tier, UploadId, Video, VideoId, Views},
    store::{
        categories,
        errands::{self, About, Errand},
        idempotency::{self, Key},
        videos,
    },
};

/// What a new video is made of.
#[derive(Clone, Debug)]
pub struct NewVideo {
    pub title: String,
    pub description: String,
    pub category: Option<CategoryId>,
    pub tags: Vec<i64>,
    pub tier: Tier,
    pub upload: UploadId,
    /// A frame of the video without.
    pub thumbnail: Option<UploadId>,
    pub publish: bool,
}

/// How far requests with the same key have come.
enum Reserved {
    /// The video is there.
    Done(VideoId),
    /// This request is to make it.
    Open(Errand),
}

impl App {
    /// # Errors
    /// `CHANNEL_NOT_FOUND` for who has none; `CATEGORY_NOT_FOUND`,
    /// `TAG_NOT_FOUND`, `UPLOAD_NOT_FOUND`, `UPLOAD_ALREADY_USED`, each on its
    /// field; `IDEMPOTENCY_KEY_REUSED`; `UNAVAILABLE` without media.
    pub async fn create(&self, owner: UserId, new: NewVideo, key: Option<Key>) -> Result<Arc<HotVideo>> {
        let intent = match self.reserve(owner, &new, key.as_ref()).await? {
            Reserved::Done(id) => return self.hot.get(id).await?.ok_or_else(video_not_found),
            Reserved::Open(intent) => intent,
        };
        if let Err(error) = self.make(owner, new, &intent).await {
            match self.errands.give_up(&intent).await {
                Ok(Outcome::InUse) => {}
                Ok(Outcome::Released) => return Err(error),
                Err(problem) => {
                    // The intent is stored: a job goes on with it.
                    tracing::warn!(error = %problem, video.id = intent.video.0, "uploads are handed back later");
                    return Err(error);
                }
            }
        }
        self.reread(intent.video).await
    }

    /// Stores what is about to be made, unless it is made already.
    async fn reserve(&self, owner: UserId, new: &NewVideo, key: Option<&Key>) -> Result<Reserved> {
        let due_at = self.clock.after(self.config.claim_timeout);
        let about = About { id: self.ids.next(), video: VideoId(self.ids.next()), upload: None, owner };
        let intent = Errand::intent(about, due_at);
        loop {
            let intent = &intent;
            let reserved = transact(&self.db, |txn| async move {
                self.require_channel(&*txn, owner).await?;
                let intent = match key {
                    Some(key) => Errand { video: self.id_of_key(&*txn, owner, key, intent.video).await?, ..*intent },
                    None => *intent,
                };
                if videos::exists(&*txn, intent.video).await? {
                    return Ok(Reserved::Done(intent.video));
                }
                require_category(&*txn, new.category).await?;
                errands::insert(&*txn, intent).await?;
                Ok(Reserved::Open(intent))
            })
            .await;
            match reserved {
                // Another request has stored the key meanwhile: it is there now.
                Err(error) if error.is_duplicate() => {}
                reserved => return reserved,
            }
        }
    }

    /// The video that a key stands for; from now on the new one if it stood for
    /// none.
    async fn id_of_key(&self, txn: &impl ConnectionTrait, owner: UserId, key: &Key, new: VideoId) -> Result<VideoId> {
        let now = self.clock.now();
        match idempotency::lock_in_txn(txn, owner, key).await? {
            None => idempotency::insert_in_txn(txn, owner, key, new, now).await?,
            Some(kept) if kept.created_at < self.clock.ago(KEYS_KEPT) => {
                idempotency::replace_in_txn(txn, owner, key, new, now).await?;
            }
            Some(kept) if kept.request_hash == key.request_hash => return Ok(kept.video),
            Some(_) => {
                let message = "this Idempotency-Key came with another request before";
                return Err(Error::new(Reason::IdempotencyKeyReused, message));
            }
        }
        Ok(new)
    }

    /// Claims the uploads and stores the video.
    async fn make(&self, owner: UserId, new: NewVideo, intent: &Errand) -> Result<()> {
        self.tags.require(&new.tags).await?;
        let claimed = self.uploads.claim(Kind::Video, new.upload, owner, intent.video).await?;
        if let Some(thumbnail) = new.thumbnail {
            self.uploads.claim(Kind::Thumbnail, thumbnail, owner, intent.video).await?;
        }
        let video = &self.compose(owner, new, intent.video, claimed);
        let stored = self.outbox.transact(|txn| async move {
            // Again: both may be gone since the intent was stored.
            self.require_channel(&*txn, owner).await?;
            require_category(&*txn, video.category).await?;
            if errands::take_back_in_txn(&*txn, intent.id).await? {
                videos::insert_in_txn(&*txn, video).await?;
                return self.tell_in_txn(&txn, None, video).await;
            }
            let reason = anyhow::anyhow!("the claim of video {} was released before it was stored", video.id.0);
            Err(Error::unavailable("the upload", reason))
        });
        match stored.await {
            // A request with the same key was faster; it made the same video.
            Err(error) if error.is_duplicate() => Ok(errands::remove(&self.db, intent.id).await?),
            stored => stored,
        }
    }

    fn compose(&self, owner: UserId, new: NewVideo, id: VideoId, claimed: Claimed) -> Video {
        let now = self.clock.now();
        Video {
            id,
            // A user's first channel has the user's id.
            channel_id: owner.0,
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
