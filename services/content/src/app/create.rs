//! Creating a video from an upload.
//!
//! First the video's id is generated, then the uploads are reserved for it in media;
//! then one transaction stores the video and emits its event, which confirms them.
//! Requests with the same idempotency key share the id, so that concurrent ones create
//! one video.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use fenz_chassis::uploads::{FileKind, Object, Reservation, Reserved, Wanted};
use fenz_core::{Error, Reason, Result, UserId};
use fenz_database::{is_duplicate, transact};
use sea_orm::ConnectionTrait;

use super::{App, CachedVideo, KEY_TTL, video_not_found};
use crate::{
    domain::{
        CategoryId, ChannelId, HiddenReasons, IdempotencyKey, MediaStatus, TagId, Tier, UploadId, Video, VideoId,
        Views, publication,
    },
    store::{categories, idempotency, videos},
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
    pub publish_at: Option<DateTime<Utc>>,
}

/// The id of a video to be.
enum Begun {
    /// An earlier request with the same key has created the video.
    Created(VideoId),
    New(VideoId),
}

impl App {
    /// # Errors
    /// `CHANNEL_NOT_FOUND`; `CATEGORY_NOT_FOUND`, `TAG_NOT_FOUND`,
    /// `UPLOAD_NOT_FOUND`, `UPLOAD_ALREADY_USED`, `UPLOAD_FAILED`, each on its field;
    /// `INVALID_PARAMS` for a time of publication;
    /// `IDEMPOTENCY_KEY_REUSED`; `UNAVAILABLE` without media.
    pub async fn create(&self, owner: UserId, new: NewVideo, key: Option<IdempotencyKey>) -> Result<Arc<CachedVideo>> {
        let id = match self.begin(owner, &new, key.as_ref()).await? {
            Begun::Created(id) => return self.cache.get(id).await?.ok_or_else(video_not_found),
            Begun::New(id) => id,
        };
        let mut reservation = self.uploads.begin();
        let stored = self.reserve_and_store(owner, new, (id, key.as_ref()), &mut reservation).await;
        if let Err(error) = stored {
            let (is_stored, by_another) = (self.is_stored(id).await?, is_duplicate(&error));
            if by_another || !is_stored {
                self.uploads.release(reservation).await;
            }
            if !is_stored {
                return Err(error);
            }
        }
        self.reread(id).await
    }

    /// Whether a failed request's video was stored after all: the answer to a commit may
    /// have been lost, and another request with the same key may have stored it. If not,
    /// its key can be used for another request. Where the database does not say, media
    /// asks when the reservation is over.
    async fn is_stored(&self, id: VideoId) -> Result<bool> {
        transact(&self.db, |txn| async move {
            idempotency::lock_of_video_in_txn(&*txn, id).await?;
            let is_stored = videos::exists(&*txn, id).await?;
            if !is_stored {
                idempotency::delete_of_video(&*txn, id).await?;
            }
            Ok(is_stored)
        })
        .await
    }

    /// Chooses the id of the video, which is that of its key.
    async fn begin(&self, owner: UserId, new: &NewVideo, key: Option<&IdempotencyKey>) -> Result<Begun> {
        let fresh = VideoId(self.ids.next());
        loop {
            let begun = transact(&self.db, |txn| async move {
                self.require_channel(&*txn, owner).await?;
                let id = match key {
                    Some(key) => self.resolve_key(&*txn, owner, key, fresh).await?,
                    None => fresh,
                };
                if videos::exists(&*txn, id).await? {
                    return Ok(Begun::Created(id));
                }
                require_category(&*txn, new.category).await?;
                self.check_new_schedule(new)?;
                Ok(Begun::New(id))
            })
            .await;
            match begun {
                // A concurrent request has stored the key: retry, which finds it.
                Err(error) if is_duplicate(&error) => {}
                begun => return begun,
            }
        }
    }

    fn check_new_schedule(&self, new: &NewVideo) -> Result<()> {
        match new.publish_at {
            Some(_) if new.publish => Err(publication::invalid("does not go together with publish")),
            Some(at) => publication::check_time(at, self.clock.now()),
            None => Ok(()),
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

    async fn reserve_and_store(
        &self,
        owner: UserId,
        new: NewVideo,
        (id, key): (VideoId, Option<&IdempotencyKey>),
        reservation: &mut Reservation,
    ) -> Result<()> {
        self.tags.require(&new.tags).await?;
        let object = Object::VideoId(id.0);
        let file = Wanted { upload: new.upload, owner, kind: FileKind::Video, object, field: "videoUploadId" };
        let reserved = self.uploads.reserve(reservation, file).await?;
        if let Some(upload) = new.thumbnail {
            let wanted = Wanted { upload, owner, kind: FileKind::Image, object, field: "thumbnailUploadId" };
            self.uploads.reserve(reservation, wanted).await?;
        }
        let video = self.build(owner, new, id, reserved);
        if let MediaStatus::Failed(reason) = &video.media {
            return Err(Error::field(Reason::UploadFailed, "videoUploadId", "names an upload that cannot be played")
                .with("reason", reason));
        }
        let (video, reservation) = (&video, &*reservation);
        let stored = self.outbox.transact(|txn| async move {
            // Checked again, as both may have been deleted meanwhile.
            self.require_channel(&*txn, owner).await?;
            require_category(&*txn, video.category).await?;
            if let Some(key) = key {
                // Another request with it has failed and given it up.
                let stored = idempotency::lock_in_txn(&*txn, owner, key).await?;
                stored.filter(|stored| stored.video == id).ok_or_else(key_given_up)?;
            }
            reservation.check()?;
            videos::insert_in_txn(&*txn, video).await?;
            self.schedule_in_txn(&txn, video).await?;
            self.emit_changed_in_txn(&txn, None, video).await
        });
        stored.await
    }

    fn build(&self, owner: UserId, new: NewVideo, id: VideoId, Reserved { upload, poster }: Reserved) -> Video {
        let now = self.clock.now();
        let unpublished = Video {
            id,
            // A user's first channel has the user's id.
            channel_id: ChannelId(owner.0),
            owner,
            title: new.title,
            description: new.description,
            category: new.category,
            tags: new.tags,
            tier: new.tier,
            is_published: false,
            publish_at: new.publish_at,
            media: MediaStatus::from_names(&upload.status, upload.reason.as_deref().unwrap_or_default()),
            hidden: HiddenReasons::default(),
            views: Views::default(),
            duration_seconds: upload.duration_seconds,
            width: upload.width,
            height: upload.height,
            upload: Some(new.upload),
            thumbnail: new.thumbnail.or(poster),
            created_at: now,
            published_at: None,
            updated_at: now,
            version: 1,
        };
        let video = if new.publish { unpublished.published(true, now) } else { unpublished };
        Video { version: 1, ..video }
    }
}

fn key_given_up() -> Error {
    Error::unavailable("the idempotency key", anyhow::anyhow!("a concurrent request with it has failed"))
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
