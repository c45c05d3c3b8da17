//! Events that the service consumes. `app/events` has those it publishes.

use chrono::{DateTime, Utc};
use fenz_chassis::Platform;
use fenz_contract::events::v1::{
    ChannelChanged, ChannelDeleted, MembershipChanged, TagDeleted, UserDeleted, VideoChanged, VideoDeleted,
};
use fenz_core::UserId;
use fenz_events::{BroadcastSubscriber, Consumer, Database, HandlerError, ReceivedEvent};

use crate::{
    app::App,
    domain::{ChannelState, VideoId},
    store::Migrator,
};

/// Consumes events that change stored videos, once per service, and listens on
/// every replica to those that invalidate its caches.
pub async fn start(platform: &Platform, db: &Database<Migrator>, app: &App) -> anyhow::Result<()> {
    consume(platform, db, app).await?;
    listen(platform, app).await
}

async fn consume(platform: &Platform, db: &Database<Migrator>, app: &App) -> anyhow::Result<()> {
    let (changed, deleted, users, tags) = (app.clone(), app.clone(), app.clone(), app.clone());
    Consumer::new()
        .on(move |txn, received: ReceivedEvent<ChannelChanged>| {
            let app = changed.clone();
            async move {
                let state = require_id(changed_state(&received.event))?;
                Ok(app.channel_changed_in_txn(&txn, &state, None).await?)
            }
        })
        .on(move |txn, received: ReceivedEvent<ChannelDeleted>| {
            let app = deleted.clone();
            async move {
                let state = require_id(deleted_state(&received.event))?;
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
            async move { Ok(app.tag_deleted_in_txn(&txn, received.event.tag_id).await?) }
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
        .on(move |event: ChannelChanged| channels.update_channel(changed_state(&event)))
        .on(move |event: ChannelDeleted| closed.update_channel(deleted_state(&event)))
        .on(move |event: MembershipChanged| members.invalidate_membership(UserId(event.user_id), event.channel_id))
        .on(move |event: TagDeleted| tags.invalidate_tag(event.tag_id))
        .on(move |event: UserDeleted| {
            // The highest version, as no later event of the channel may override it.
            let (id, version) = (event.user_id, i64::MAX);
            users.update_channel(ChannelState { id, owner_id: id, is_hidden: false, is_deleted: true, version });
        })
        .start(platform)
        .await
}

fn changed_state(event: &ChannelChanged) -> ChannelState {
    let ChannelChanged { channel_id, owner_id, is_hidden, version, .. } = *event;
    ChannelState { id: channel_id, owner_id, is_hidden, is_deleted: false, version }
}

fn deleted_state(event: &ChannelDeleted) -> ChannelState {
    let ChannelDeleted { channel_id, owner_id, version, .. } = *event;
    ChannelState { id: channel_id, owner_id, is_hidden: false, is_deleted: true, version }
}

fn require_id(state: ChannelState) -> Result<ChannelState, HandlerError> {
    if state.id > 0 { Ok(state) } else { Err(HandlerError::invalid("the event has no channel id")) }
}

/// The time of the deletion; that of the event where it has none.
fn deleted_at(received: &ReceivedEvent<ChannelDeleted>) -> DateTime<Utc> {
    let at = received.event.occurred_at.as_ref();
    let at = at.and_then(|at| DateTime::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?));
    at.unwrap_or(received.occurred_at)
}
