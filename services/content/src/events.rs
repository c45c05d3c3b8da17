//! What the service hears. What it tells is in `app/events`.

use chrono::{DateTime, Utc};
use fenz_chassis::{Platform, UserId};
use fenz_contract::events::v1::{
    ChannelChanged, ChannelDeleted, MembershipChanged, TagDeleted, UserDeleted, VideoChanged, VideoDeleted,
};
use fenz_events::{Consumer, Listener, Received, Refusal};

use crate::{
    app::App,
    domain::{ChannelState, VideoId},
};

/// Starts taking in what changes videos, and overhearing what makes that which
/// this replica remembers out of date.
pub async fn start(platform: &Platform, app: &App) -> anyhow::Result<()> {
    consume(platform, app).await?;
    overhear(platform, app).await
}

async fn consume(platform: &Platform, app: &App) -> anyhow::Result<()> {
    let (changed, deleted, users, tags) = (app.clone(), app.clone(), app.clone(), app.clone());
    Consumer::new()
        .on(move |txn, received: Received<ChannelChanged>| {
            let app = changed.clone();
            async move {
                let state = known(state_of(&received.event))?;
                Ok(app.channel_changed_in_txn(&txn, &state, None).await?)
            }
        })
        .on(move |txn, received: Received<ChannelDeleted>| {
            let app = deleted.clone();
            async move {
                let state = known(state_of_deleted(&received.event))?;
                let at = deleted_at(&received);
                Ok(app.channel_changed_in_txn(&txn, &state, Some(at)).await?)
            }
        })
        .on(move |txn, received: Received<UserDeleted>| {
            let app = users.clone();
            async move { app.user_deleted_in_txn(&txn, &received.event).await }
        })
        .on(move |txn, received: Received<TagDeleted>| {
            let app = tags.clone();
            async move { Ok(app.tag_deleted_in_txn(&txn, received.event.tag_id).await?) }
        })
        .start(platform)
        .await
}

async fn overhear(platform: &Platform, app: &App) -> anyhow::Result<()> {
    let apps: [App; 7] = std::array::from_fn(|_| app.clone());
    let [changed, deleted, channels, closed, members, tags, users] = apps;
    Listener::new()
        .on(move |event: VideoChanged| changed.forget_video(VideoId(event.video_id)))
        .on(move |event: VideoDeleted| deleted.forget_video(VideoId(event.video_id)))
        .on(move |event: ChannelChanged| channels.hear_of_channel(state_of(&event)))
        .on(move |event: ChannelDeleted| closed.hear_of_channel(state_of_deleted(&event)))
        .on(move |event: MembershipChanged| members.forget_membership(UserId(event.user_id), event.channel_id))
        .on(move |event: TagDeleted| tags.forget_tag(event.tag_id))
        .on(move |event: UserDeleted| {
            // No event of theirs comes after it.
            let (id, version) = (event.user_id, i64::MAX);
            users.hear_of_channel(ChannelState { id, owner_id: id, is_hidden: false, is_deleted: true, version });
        })
        .start(platform)
        .await
}

fn state_of(event: &ChannelChanged) -> ChannelState {
    let ChannelChanged { channel_id, owner_id, is_hidden, version, .. } = *event;
    ChannelState { id: channel_id, owner_id, is_hidden, is_deleted: false, version }
}

fn state_of_deleted(event: &ChannelDeleted) -> ChannelState {
    let ChannelDeleted { channel_id, owner_id, version, .. } = *event;
    ChannelState { id: channel_id, owner_id, is_hidden: false, is_deleted: true, version }
}

fn known(state: ChannelState) -> Result<ChannelState, Refusal> {
    if state.id > 0 { Ok(state) } else { Err(Refusal::message("an event of no channel")) }
}

/// When the channel was deleted; when that was told, where the event does not
/// say.
fn deleted_at(received: &Received<ChannelDeleted>) -> DateTime<Utc> {
    let at = received.event.occurred_at.as_ref();
    let at = at.and_then(|at| DateTime::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?));
    at.unwrap_or(received.occurred_at)
}
