//! Events that the service consumes. `app/events` has those it publishes.

use chrono::{DateTime, Utc};
use fenz_chassis::Platform;
use fenz_contract::{
    events::v1::{
        ChannelChanged, ChannelDeleted, MembershipChanged, TagDeleted, UploadProcessed, UserDeleted, VideoChanged,
        VideoDeleted,
    },
    time,
};
use fenz_core::{ChannelId, TagId, UserId};
use fenz_events::{BroadcastSubscriber, Consumer, Database, HandlerError, ReceivedEvent};

use crate::{
    app::App,
    domain::{ChannelState, MediaStatus, Processed, UploadId, VideoId},
    store::Migrator,
};

/// Consumes events that change stored videos, once per service, and listens on
/// every replica to those that invalidate its caches.
pub async fn start(platform: &Platform, db: &Database<Migrator>, app: &App) -> anyhow::Result<()> {
    consume(platform, db, app).await?;
    listen(platform, app).await
}

async fn consume(platform: &Platform, db: &Database<Migrator>, app: &App) -> anyhow::Result<()> {
    let (changed, deleted, users, tags, uploads) = (app.clone(), app.clone(), app.clone(), app.clone(), app.clone());
    Consumer::new()
        .on(move |txn, received: ReceivedEvent<UploadProcessed>| {
            let app = uploads.clone();
            async move {
                let (video, outcome) = processed(&received.event);
                Ok(app.upload_processed_in_txn(&txn, video, outcome).await?)
            }
        })
        .on(move |txn, received: ReceivedEvent<ChannelChanged>| {
            let app = changed.clone();
            async move {
                let state = require_id((&received.event).into())?;
                Ok(app.channel_changed_in_txn(&txn, &state, None).await?)
            }
        })
        .on(move |txn, received: ReceivedEvent<ChannelDeleted>| {
            let app = deleted.clone();
            async move {
                let state = require_id((&received.event).into())?;
                let at = deleted_at(&received);
                Ok(app.channel_changed_in_txn(&txn, &state, Some(at)).await?)
            }
        })
        .on(move |txn, received: ReceivedEvent<UserDeleted>| {
            let app = users.clone();
            async move { app.user_deleted_in_txn(&txn, &received.event).await }
        })
        .on(move |txn, received: ReceivedEvent<TagDeleted>| {
            let app = tags.clone();
            async move { Ok(app.tag_deleted_in_txn(&txn, TagId(received.event.tag_id)).await?) }
        })
        .start(platform, db)
        .await
}

async fn listen(platform: &Platform, app: &App) -> anyhow::Result<()> {
    let apps: [App; 7] = std::array::from_fn(|_| app.clone());
    let [changed, deleted, channels, closed, members, tags, users] = apps;
    BroadcastSubscriber::new()
        .on(move |event: VideoChanged| changed.invalidate_video(VideoId(event.video_id)))
        .on(move |event: VideoDeleted| deleted.invalidate_video(VideoId(event.video_id)))
        .on(move |event: ChannelChanged| channels.update_channel((&event).into()))
        .on(move |event: ChannelDeleted| closed.update_channel((&event).into()))
        .on(move |event: MembershipChanged| {
            members.invalidate_membership(UserId(event.user_id), ChannelId(event.channel_id));
        })
        .on(move |event: TagDeleted| tags.invalidate_tag(TagId(event.tag_id)))
        .on(move |event: UserDeleted| {
            // The highest version, as no later event of the channel may override it.
            let (id, owner, version) = (ChannelId(event.user_id), UserId(event.user_id), i64::MAX);
            users.update_channel(ChannelState { id, owner, is_hidden: false, is_deleted: true, version });
        })
        .start(platform)
        .await
}

fn require_id(state: ChannelState) -> Result<ChannelState, HandlerError> {
    if state.id.0 > 0 { Ok(state) } else { Err(HandlerError::invalid("the event has no channel id")) }
}

fn processed(event: &UploadProcessed) -> (VideoId, Processed) {
    let status = if event.failure.is_empty() { "ready" } else { "failed" };
    let processed = Processed {
        upload: UploadId(event.upload_id),
        media: MediaStatus::from_names(status, &event.failure),
        duration_seconds: event.duration_seconds,
        width: event.width,
        height: event.height,
        poster: Some(event.poster_upload_id).filter(|id| *id != 0).map(UploadId),
    };
    (VideoId(event.video_id), processed)
}

/// The time of the deletion; that of the event where it has none.
fn deleted_at(received: &ReceivedEvent<ChannelDeleted>) -> DateTime<Utc> {
    received.event.occurred_at.and_then(time).unwrap_or(received.occurred_at)
}
