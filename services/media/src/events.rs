//! The events that the service consumes.

use fenz_chassis::Platform;
use fenz_contract::events::v1::{ChannelChanged, ChannelDeleted, UserDeleted, UserUpdated, VideoChanged, VideoDeleted};
use fenz_events::{Consumer, Database, HandlerError, ReceivedEvent};

use crate::{app::Media, store::Migrator};

pub async fn consume(platform: &Platform, db: &Database<Migrator>, media: &Media) -> anyhow::Result<()> {
    let (video_changed, video_deleted, user_deleted) = (media.clone(), media.clone(), media.clone());
    let (channel_changed, channel_deleted, user_updated) = (media.clone(), media.clone(), media.clone());
    Consumer::new()
        .on(move |txn, received: ReceivedEvent<VideoChanged>| {
            let media = video_changed.clone();
            async move {
                require_id(received.event.video_id)?;
                Ok(media.video_changed_in_txn(&txn, &received.event).await?)
            }
        })
        .on(move |txn, received: ReceivedEvent<VideoDeleted>| {
            let media = video_deleted.clone();
            async move {
                require_id(received.event.video_id)?;
                Ok(media.video_deleted_in_txn(&txn, &received.event).await?)
            }
        })
        .on(move |txn, received: ReceivedEvent<ChannelChanged>| {
            let media = channel_changed.clone();
            async move {
                require_id(received.event.channel_id)?;
                Ok(media.channel_changed_in_txn(&txn, &received.event).await?)
            }
        })
        .on(move |txn, received: ReceivedEvent<ChannelDeleted>| {
            let media = channel_deleted.clone();
            async move {
                require_id(received.event.channel_id)?;
                Ok(media.channel_deleted_in_txn(&txn, &received.event).await?)
            }
        })
        .on(move |txn, received: ReceivedEvent<UserUpdated>| {
            let media = user_updated.clone();
            async move {
                require_id(received.event.user_id)?;
                Ok(media.user_updated_in_txn(&txn, &received.event).await?)
            }
        })
        .on(move |txn, received: ReceivedEvent<UserDeleted>| {
            let media = user_deleted.clone();
            async move { media.user_deleted_in_txn(&txn, &received.event).await }
        })
        .start(platform, db)
        .await
}

fn require_id(id: i64) -> Result<(), HandlerError> {
    if id > 0 { Ok(()) } else { Err(HandlerError::invalid("the event has no id")) }
}
