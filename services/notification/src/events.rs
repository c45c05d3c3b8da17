//! Consumed events. The service publishes erasure reports only.

use fenz_chassis::Platform;
use fenz_contract::events::v1::{
    ChannelChanged, ChannelDeleted, MembershipChanged, NewVideo, SessionsEnded, UserDeleted, UserModerated,
    VideoChanged, VideoDeleted, VideoFailed, VideoUpdate,
};
use fenz_events::{Consumer, Database, ReceivedEvent};

use crate::app::App;
use crate::store::Migrator;

/// A handler that calls a method of [`Projection`](crate::app::Projection) and, when
/// the transaction has committed, wakes the stream dispatcher.
macro_rules! project {
    ($app:ident, $event:ty, $method:ident) => {{
        let (projection, streams) = ($app.projection.clone(), $app.streams.clone());
        move |txn, ReceivedEvent { event, .. }: ReceivedEvent<$event>| {
            let (projection, streams) = (projection.clone(), streams.clone());
            async move {
                projection.$method(&*txn, &event).await?;
                txn.after_commit(move || streams.wake());
                Ok(())
            }
        }
    }};
}

pub async fn start(platform: &Platform, db: &Database<Migrator>, app: &App) -> anyhow::Result<()> {
    let erasing = app.clone();
    Consumer::new()
        .on(project!(app, NewVideo, new_video))
        .on(project!(app, VideoUpdate, video_update))
        .on(project!(app, VideoChanged, video_changed))
        .on(project!(app, VideoDeleted, video_deleted))
        .on(project!(app, VideoFailed, video_failed))
        .on(project!(app, ChannelChanged, channel_changed))
        .on(project!(app, MembershipChanged, membership_changed))
        .on(project!(app, SessionsEnded, sessions_ended))
        .on(project!(app, ChannelDeleted, channel_deleted))
        .on(project!(app, UserModerated, user_moderated))
        .on(move |txn, ReceivedEvent { event, .. }: ReceivedEvent<UserDeleted>| {
            let app = erasing.clone();
            async move {
                // First: it locks the sequence, so concurrent projections have committed.
                app.projection.user_deleted(&*txn, &event).await?;
                app.erasures.request_in_txn(&txn, &event).await?;
                txn.after_commit(move || app.streams.wake());
                Ok(())
            }
        })
        .start(platform, db)
        .await
}
