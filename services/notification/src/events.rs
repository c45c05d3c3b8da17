//! What the service consumes. It publishes nothing.

use fenz_chassis::Platform;
use fenz_contract::events::v1::{
    ChannelChanged, MembershipChanged, NewVideo, SessionsEnded, VideoChanged, VideoDeleted, VideoUpdate,
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
    Consumer::new()
        .on(takes!(app, NewVideo, new_video))
        .on(takes!(app, VideoUpdate, video_update))
        .on(takes!(app, VideoChanged, video_changed))
        .on(takes!(app, VideoDeleted, video_deleted))
        .on(takes!(app, ChannelChanged, channel_changed))
        .on(takes!(app, MembershipChanged, membership_changed))
        .on(takes!(app, SessionsEnded, sessions_ended))
        .start(platform)
        .await
}
