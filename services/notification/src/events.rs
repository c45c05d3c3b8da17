//! What the service consumes. It publishes nothing but its part of erasures.

use fenz_chassis::Platform;
use fenz_contract::events::v1::{
    ChannelChanged, ChannelDeleted, MembershipChanged, NewVideo, SessionsEnded, UserDeleted, UserModerated,
    VideoChanged, VideoDeleted, VideoUpdate,
};
use fenz_events::{Consumer, Received};

use crate::app::App;

/// A handler that calls one of [`TakeIn`](crate::app::TakeIn) and wakes the
/// task that feeds open streams: it looks until the transaction has committed.
macro_rules! takes {
    ($app:ident, $event:ty, $method:ident) => {{
        let (take_in, hub) = ($app.take_in.clone(), $app.hub.clone());
        move |txn, Received { event, .. }: Received<$event>| {
            let (take_in, hub) = (take_in.clone(), hub.clone());
            async move {
                take_in.$method(&*txn, &event).await?;
                hub.wake();
                Ok(())
            }
        }
    }};
}

/// Starts taking in.
pub async fn start(platform: &Platform, app: &App) -> anyhow::Result<()> {
    let forgetting = app.clone();
    Consumer::new()
        .on(takes!(app, NewVideo, new_video))
        .on(takes!(app, VideoUpdate, video_update))
        .on(takes!(app, VideoChanged, video_changed))
        .on(takes!(app, VideoDeleted, video_deleted))
        .on(takes!(app, ChannelChanged, channel_changed))
        .on(takes!(app, MembershipChanged, membership_changed))
        .on(takes!(app, SessionsEnded, sessions_ended))
        .on(takes!(app, ChannelDeleted, channel_deleted))
        .on(takes!(app, UserModerated, user_moderated))
        .on(move |txn, Received { event, .. }: Received<UserDeleted>| {
            let app = forgetting.clone();
            async move {
                // First, as everything that is taken in: it waits for what is under way.
                app.take_in.user_deleted(&*txn, &event).await?;
                app.erasures.order_in_txn(&txn, &event).await?;
                app.hub.wake();
                Ok(())
            }
        })
        .start(platform)
        .await
}
