//! Consumed events: videos, channels, views, viewers, and the service's own
//! tags. Tag events are published by `app/tags`.

use fenz_chassis::Platform;
use fenz_contract::events::v1::{
    ChannelChanged, ChannelDeleted, GuestJoined, TagChanged, TagDeleted, UserDeleted, UserRegistered, VideoChanged,
    VideoDeleted, VideosImported, ViewsCounted,
};
use fenz_events::{Consumer, Database, ReceivedEvent};

use crate::{app::App, store::Migrator};

/// A handler that calls a method of [`Projection`](crate::app::Projection) and
/// wakes what follows the order of changes.
macro_rules! project {
    ($app:ident, $event:ty, $method:ident) => {{
        let app = $app.clone();
        move |txn, ReceivedEvent { event, .. }: ReceivedEvent<$event>| {
            let app = app.clone();
            async move {
                app.projection.$method(&txn, event).await?;
                app.wake_after(&txn);
                Ok(())
            }
        }
    }};
}

/// Starts the consumer.
pub async fn start(platform: &Platform, db: &Database<Migrator>, app: &App) -> anyhow::Result<()> {
    Consumer::new()
        .on(project!(app, VideoChanged, video_changed))
        .on(project!(app, VideoDeleted, video_deleted))
        .on(project!(app, VideosImported, videos_imported))
        .on(project!(app, ChannelChanged, channel_changed))
        .on(project!(app, ChannelDeleted, channel_deleted))
        .on(project!(app, TagChanged, tag_changed))
        .on(project!(app, TagDeleted, tag_deleted))
        .on(project!(app, ViewsCounted, views_counted))
        .on(project!(app, UserRegistered, user_registered))
        .on(project!(app, GuestJoined, guest_joined))
        .on(project!(app, UserDeleted, user_deleted))
        .start(platform, db)
        .await
}
