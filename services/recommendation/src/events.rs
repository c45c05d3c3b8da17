//! What the service hears: of videos, channels, views and viewers, and of its
//! own tags that went. It tells of tags (`app/tags`).

use fenz_chassis::Platform;
use fenz_contract::events::v1::{
    ChannelChanged, ChannelDeleted, GuestJoined, TagChanged, TagDeleted, UserDeleted, UserRegistered, VideoChanged,
    VideoDeleted, VideosImported, ViewsCounted,
};
use fenz_events::{Consumer, Received};

use crate::app::App;

/// A handler that calls one of [`TakeIn`](crate::app::TakeIn) and wakes what
/// follows the changes: it looks until the transaction has committed.
macro_rules! takes {
    ($app:ident, $event:ty, $method:ident) => {{
        let app = $app.clone();
        move |txn, Received { event, .. }: Received<$event>| {
            let app = app.clone();
            async move {
                app.take_in.$method(&txn, event).await?;
                app.wake();
                Ok(())
            }
        }
    }};
}

/// Starts taking in.
pub async fn start(platform: &Platform, app: &App) -> anyhow::Result<()> {
    Consumer::new()
        .on(takes!(app, VideoChanged, video_changed))
        .on(takes!(app, VideoDeleted, video_deleted))
        .on(takes!(app, VideosImported, videos_imported))
        .on(takes!(app, ChannelChanged, channel_changed))
        .on(takes!(app, ChannelDeleted, channel_deleted))
        .on(takes!(app, TagChanged, tag_changed))
        .on(takes!(app, TagDeleted, tag_deleted))
        .on(takes!(app, ViewsCounted, views_counted))
        .on(takes!(app, UserRegistered, user_registered))
        .on(takes!(app, GuestJoined, guest_joined))
        .on(takes!(app, UserDeleted, user_deleted))
        .start(platform)
        .await
}
