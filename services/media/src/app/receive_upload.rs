//! Takes a file in: found out what it is, counted, hashed and stored while it
//! comes, looked into once it is there. What does not come through leaves nothing.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use fenz_chassis::{
    Error, Reason, Result, UserId,
    database::{Txn, transact},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    Media,
    parts::{Parts, Sent, given_up},
};
use crate::{
    domain::{
        sniff::{self, Format, sniff},
        upload::{Kind, Shape, Upload, UploadId, object_key},
    },
    probe::Seen,
    store::{
        daily,
        uploads::{self, Announced, Facts},
    },
};

/// How often an upload under way looks whether it was given up elsewhere.
const LOOK: Duration = Duration::from_secs(1);

/// The bytes of a file as they come.
pub trait Chunks: Send {
    /// The next bytes; none at the file's end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Bytes>>> + Send;
}

/// What is known before the first byte.
#[derive(Clone, Copy, Debug)]
pub struct Announcement {
    pub owner: UserId,
    pub kind: Kind,
    /// At most so many bytes come, if the sender says the truth.
    pub size_bytes: Option<u64>,
}

/// A poster frame that is stored and waits for its video to be.
struct Poster {
    id: UploadId,
    facts: Facts,
}

impl Media {
    /// Takes in one file.
    ///
    /// # Errors
    /// `FILE_TOO_LARGE`, `UNSUPPORTED_FORMAT`, `QUOTA_EXCEEDED`, and what `file` says.
    #[tracing::instrument(name = "app.upload.receive", skip_all, fields(user.id = what.owner.0))]
    pub async fn receive(&self, what: Announcement, mut file: impl Chunks) -> Result<Upload> {
        let _users_turn = self.turns.of_user(what.owner)?;
        let head = read_head(&mut file).await?;
        if head.is_empty() {
            return Err(Error::field(Reason::InvalidParams, "file", "is empty"));
        }
        let format = sniff(&head).filter(|format| format.kind() == what.kind).ok_or_else(|| {
            Error::field(Reason::UnsupportedFormat, "file", format!("should be {}", what.kind.formats()))
        })?;
        // Not before: who sends nothing keeps nobody waiting.
        let _turn = self.turns.any()?;
        let announced = Announced {
            id: UploadId(self.ids.next()),
            owner: what.owner,
            kind: what.kind,
            content_type: format.content_type(),
            // Of what does not say its size, the most that is taken counts.
            size_bytes: what.size_bytes.unwrap_or(self.config.limit(what.kind)),
            poster_of: None,
        };
        let mut parts = Parts::new(self.clone(), announced.id, announced.content_type);
        let over = CancellationToken::new();
        let _alive = self.keep_alive(announced.id, over.clone());
        let mut file = Until { file: &mut file, over };
        let outcome = match self.reserve(announced, what.size_bytes.unwrap_or(0)).await {
            Ok(room) => self.take_in(announced, (format, room), head, &mut file, &mut parts).await,
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            parts.stop().await;
            self.give_up(&announced, &parts).await;
        }
        outcome
    }

    async fn take_in(
        &self,
        announced: Announced,
        (format, room): (Format, u64),
        head: Bytes,
        file: &mut impl Chunks,
        parts: &mut Parts,
    ) -> Result<Upload> {
        let limit = self.config.limit(announced.kind);
        let mut next = Some(head);
        while let Some(bytes) = next {
            let size = parts.size() + bytes.len() as u64;
            if size > limit {
                return Err(too_large(announced.kind, limit));
            }
            if size > room {
                return Err(quota_exceeded());
            }
            parts.push(&bytes).await?;
            next = file.next().await?;
        }
        let sent = parts.finish().await?;
        let (shape, poster) = self.look_into(announced, format, &sent).await?;
        self.store(announced, sent, shape, poster).await
    }

    /// Stores that the upload comes, and tells how many bytes the owner has room
    /// for: `least` at the least. The row is there first, so that of two at once
    /// each sees the other.
    async fn reserve(&self, announced: Announced, least: u64) -> Result<u64> {
        let now = self.clock.now();
        self.announce(announced, now).await?;
        let mut used = daily::usage(&self.db, announced.owner, now).await?;
        // The announced size is in there; what really comes counts instead.
        used.stored -= announced.size_bytes.min(used.stored);
        used.sent_today -= announced.size_bytes.min(used.sent_today);
        let room = self.config.quota().room(used);
        if room == 0 || room < least {
            return Err(quota_exceeded());
        }
        Ok(room)
    }

    /// Stores that bytes are about to come, unless their sender is deleted.
    async fn announce(&self, announced: Announced, now: DateTime<Utc>) -> Result<()> {
        transact(&self.db, async |txn: Txn| {
            self.check_owner_in_txn(&txn, announced.owner).await?;
            Ok(uploads::announce(&*txn, announced, now).await?)
        })
        .await
    }

    /// A deleted user's token may live on for a while.
    async fn check_owner_in_txn(&self, txn: &Txn, owner: UserId) -> Result<()> {
        if self.erasures.is_erased(&**txn, owner).await? {
            return Err(Error::new(Reason::Unauthenticated, "this account is deleted"));
        }
        Ok(())
    }

    async fn look_into(&self, announced: Announced, format: Format, sent: &Sent) -> Result<(Shape, Option<Poster>)> {
        if announced.kind == Kind::Image {
            return Ok((picture(&sent.first), None));
        }
        let key = object_key(announced.id);
        let look = self.prober.look(&self.store, &key, sent.size_bytes, format);
        let seen = tokio::time::timeout(self.config.probe_timeout, look).await.unwrap_or_else(|_| {
            tracing::warn!(upload.id = announced.id.0, "no time to look into the video");
            Seen::default()
        });
        let Some(frame) = seen.poster else { return Ok((seen.shape, None)) };
        Ok((seen.shape, Some(self.store_poster(announced, &frame).await?)))
    }

    async fn store_poster(&self, video: Announced, frame: &Bytes) -> Result<Poster> {
        let announced = Announced {
            id: UploadId(self.ids.next()),
            kind: Kind::Image,
            content_type: Format::Jpeg.content_type(),
            size_bytes: frame.len() as u64,
            poster_of: Some(video.id),
            ..video
        };
        let now = self.clock.now();
        self.announce(announced, now).await?;
        let mut parts = Parts::new(self.clone(), announced.id, announced.content_type);
        parts.push(frame).await?;
        let sent = parts.finish().await?;
        let facts = Facts { size_bytes: sent.size_bytes, sha256: sent.sha256, shape: picture(frame) };
        Ok(Poster { id: announced.id, facts })
    }

    async fn store(&self, announced: Announced, sent: Sent, shape: Shape, poster: Option<Poster>) -> Result<Upload> {
        let facts = Facts { size_bytes: sent.size_bytes, sha256: sent.sha256, shape };
        let now = self.clock.now();
        transact(&self.db, async |txn: Txn| {
            // The row may have come just after the order to forget its owner.
            self.check_owner_in_txn(&txn, announced.owner).await?;
            self.count_in_txn(&txn, announced.owner, facts.size_bytes, now).await?;
            if !uploads::finish(&*txn, announced.id, &facts, now).await? {
                return Err(given_up());
            }
            if let Some(poster) = &poster
                && !uploads::finish(&*txn, poster.id, &poster.facts, now).await?
            {
                return Err(given_up());
            }
            Ok(())
        })
        .await?;
        tracing::info!(
            upload.id = announced.id.0,
            user.id = announced.owner.0,
            size = facts.size_bytes,
            "upload stored"
        );
        Ok(Upload {
            id: announced.id,
            kind: announced.kind,
            content_type: announced.content_type.to_owned(),
            size_bytes: facts.size_bytes,
            sha256: facts.sha256,
            shape: facts.shape,
            object_key: object_key(announced.id),
            created_at: now,
        })
    }

    /// Counts what was sent, if there is still room for it. Of two at once the
    /// second waits at the row of the day and then sees what the first has stored.
    async fn count_in_txn(&self, txn: &Txn, owner: UserId, bytes: u64, now: DateTime<Utc>) -> Result<()> {
        daily::add(&**txn, owner, now, bytes).await?;
        let mut used = daily::settled(&**txn, owner, now).await?;
        used.sent_today -= bytes;
        if self.config.quota().room(used) < bytes {
            return Err(quota_exceeded());
        }
        Ok(())
    }

    /// Tells the sweeper, on every replica, that somebody works on the upload;
    /// hears from it when that is over.
    fn keep_alive(&self, id: UploadId, over: CancellationToken) -> AbortOnDropHandle<()> {
        let media = self.clone();
        let every = (self.config.interrupted_after / 5).min(Duration::from_secs(30));
        let look = LOOK.min(every);
        AbortOnDropHandle::new(tokio::spawn(async move {
            let mut silent = Duration::ZERO;
            let mut announced = false;
            loop {
                tokio::time::sleep(look).await;
                silent += look;
                match uploads::is_receiving(&media.db, id).await {
                    Ok(Some(true)) => announced = true,
                    Ok(Some(false)) => over.cancel(),
                    Ok(None) if announced => over.cancel(),
                    // Not there yet, or the next look will tell.
                    Ok(None) | Err(_) => {}
                }
                if silent < every {
                    continue;
                }
                silent = Duration::ZERO;
                if let Err(error) = uploads::touch(&media.db, id, media.clock.now()).await {
                    tracing::warn!(%error, upload.id = id.0, "upload not marked as alive");
                }
            }
        }))
    }
}

/// A file that is read for as long as it is wanted.
struct Until<'a, F> {
    file: &'a mut F,
    over: CancellationToken,
}

impl<F: Chunks> Chunks for Until<'_, F> {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        self.over.run_until_cancelled(self.file.next()).await.unwrap_or_else(|| Err(given_up()))
    }
}

/// Enough to tell the format, or all there is.
async fn read_head(file: &mut impl Chunks) -> Result<Bytes> {
    let mut head = BytesMut::new();
    while head.len() < sniff::ENOUGH
        && let Some(bytes) = file.next().await?
    {
        head.extend_from_slice(&bytes);
    }
    Ok(head.freeze())
}

fn picture(bytes: &[u8]) -> Shape {
    let size = imagesize::blob_size(bytes).ok();
    let pixels = |n: usize| i32::try_from(n).unwrap_or(0);
    size.map_or_else(Shape::default, |size| Shape {
        duration_seconds: 0,
        width: pixels(size.width),
        height: pixels(size.height),
    })
}

pub fn too_large(kind: Kind, limit: u64) -> Error {
    let description = format!("may have at most {limit} bytes as {}", kind.as_str());
    Error::field(Reason::FileTooLarge, "file", description).with("maxBytes", limit)
}

fn quota_exceeded() -> Error {
    Error::new(Reason::QuotaExceeded, "your storage is full, or you sent as much as you may today")
}
