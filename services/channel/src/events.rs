//! The events that the service consumes and those it publishes.

use chrono::{DateTime, Utc};
use fenz_chassis::Platform;
use fenz_contract::events::v1::{
    ChannelChanged, ChannelDeleted, MembershipChanged, UserDeleted, UserRegistered, UserUpdated,
};
use fenz_core::UserId;
use fenz_events::{Consumer, Database, HandlerError, ReceivedEvent};

use crate::{
    app::App,
    domain::{Channel, Membership, UserNames, UserUpdate},
    store::Migrator,
};

/// Starts consuming auth's events.
pub async fn consume(platform: &Platform, db: &Database<Migrator>, app: &App) -> anyhow::Result<()> {
    let (registered, updated, deleted) = (app.clone(), app.clone(), app.clone());
    Consumer::new()
        .on(move |txn, received: ReceivedEvent<UserRegistered>| {
            let app = registered.clone();
            async move {
                let UserRegistered { user_id, username, display_name, version, .. } = received.event;
                let names = UserNames { username, display_name };
                let update = UserUpdate { names, is_hidden: false, version };
                app.user_registered_in_txn(&txn, user(user_id)?, &update, received.occurred_at).await?;
                Ok(())
            }
        })
        .on(move |txn, received: ReceivedEvent<UserUpdated>| {
            let app = updated.clone();
            async move {
                let UserUpdated { user_id, username, display_name, is_hidden, version, .. } = received.event;
                let update = UserUpdate { names: UserNames { username, display_name }, is_hidden, version };
                app.user_updated_in_txn(&txn, user(user_id)?, &update).await?;
                Ok(())
            }
        })
        .on(move |txn, received: ReceivedEvent<UserDeleted>| {
            let app = deleted.clone();
            async move { app.user_deleted_in_txn(&txn, &received.event).await }
        })
        .start(platform, db)
        .await
}

fn user(id: i64) -> Result<UserId, HandlerError> {
    if id > 0 { Ok(UserId(id)) } else { Err(HandlerError::invalid("the event has no user id")) }
}

pub fn channel_changed(channel: &Channel, now: DateTime<Utc>) -> ChannelChanged {
    ChannelChanged {
        channel_id: channel.id.0,
        owner_id: channel.owner.0,
        name: channel.name.clone(),
        is_hidden: channel.hidden.any(),
        version: channel.version,
        occurred_at: Some(now.into()),
        avatar_upload_id: channel.avatar.map_or(0, |upload| upload.0),
        banner_upload_id: channel.banner.map_or(0, |upload| upload.0),
    }
}

pub fn channel_deleted(channel: &Channel, now: DateTime<Utc>) -> ChannelDeleted {
    ChannelDeleted {
        channel_id: channel.id.0,
        owner_id: channel.owner.0,
        version: channel.version,
        occurred_at: Some(now.into()),
    }
}

pub fn membership_changed(membership: &Membership, now: DateTime<Utc>) -> MembershipChanged {
    MembershipChanged {
        user_id: membership.user.0,
        channel_id: membership.channel.0,
        tier: membership.tier.number(),
        version: membership.version,
        occurred_at: Some(now.into()),
    }
}
