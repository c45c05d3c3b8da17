//! What the service hears: what may be played, and who is to be forgotten.

use fenz_chassis::{Platform, UserId};
use fenz_contract::events::v1::{ChannelChanged, ChannelDeleted, UserDeleted, VideoChanged, VideoDeleted};
use fenz_events::{Consumer, Received, Refusal};

use crate::{app::Media, domain::standing::ChannelState};

/// Starts hearing.
pub async fn hear(platform: &Platform, media: &Media) -> anyhow::Result<()> {
    let (changing, deleting, forgetting) = (media.clone(), media.clone(), media.clone());
    let (channel_changing, channel_deleting) = (media.clone(), media.clone());
    Consumer::new()
        .on(move |txn, received: Received<VideoChanged>| {
            let media = changing.clone();
            async move {
                known(received.event.video_id)?;
                Ok(media.video_changed_in_txn(&txn, &received.event).await?)
            }
        })
        .on(move |txn, received: Received<VideoDeleted>| {
            let media = deleting.clone();
            async move {
                known(received.event.video_id)?;
                Ok(media.video_deleted_in_txn(&txn, &received.event).await?)
            }
        })
        .on(move |txn, received: Received<ChannelChanged>| {
            let media = channel_changing.clone();
            async move {
                let ChannelChanged { channel_id, owner_id, is_hidden, version, .. } = received.event;
                known(channel_id)?;
                let state = ChannelState { is_hidden, is_deleted: false };
                Ok(media.channel_told_in_txn(&txn, channel_id, UserId(owner_id), state, version).await?)
            }
        })
        .on(move |txn, received: Received<ChannelDeleted>| {
            let media = channel_deleting.clone();
            async move {
                let ChannelDeleted { channel_id, owner_id, version, .. } = received.event;
                known(channel_id)?;
                let state = ChannelState { is_hidden: false, is_deleted: true };
                Ok(media.channel_told_in_txn(&txn, channel_id, UserId(owner_id), state, version).await?)
            }
        })
        .on(move |txn, received: Received<UserDeleted>| {
            let media = forgetting.clone();
            async move { media.user_deleted_in_txn(&txn, &received.event).await }
        })
        .start(platform)
        .await
}

fn known(id: i64) -> Result<(), Refusal> {
    if id > 0 { Ok(()) } else { Err(Refusal::message("an event of nothing")) }
}
