//! Domain types to contract messages.

use fenz_contract::{channel::v1 as pb, common::v1 as common};
use fenz_core::{Error, Result};
use tonic::{Response, metadata::AsciiMetadataValue};

use crate::{
    app::{App, ChannelView, Subscriber},
    domain::{Channel, Membership, Money, Tier, if_match},
};

pub fn money(money: Money) -> common::Money {
    common::Money { amount: money.amount(), currency: money.currency.code().to_owned() }
}

pub fn channel(app: &App, channel: &Channel, tier: Tier) -> pb::Channel {
    pb::Channel {
        id: channel.id.0,
        owner_id: channel.owner.0,
        name: channel.name.clone(),
        description: channel.description.clone(),
        avatar_url: app.picture_url(channel.avatar),
        banner_url: app.picture_url(channel.banner),
        monthly_fee: Some(money(channel.fee)),
        subscriber_count: channel.counts.subscribers,
        premium_count: channel.counts.premium,
        membership_tier: tier.as_str().to_owned(),
        is_hidden: channel.hidden.any(),
        created_at: Some(channel.created_at.into()),
    }
}

pub fn view(app: &App, view: &ChannelView) -> pb::Channel {
    channel(app, &view.channel, view.tier)
}

pub fn membership(membership: &Membership) -> pb::Membership {
    pb::Membership {
        user_id: membership.user.0,
        channel_id: membership.channel.0,
        tier: membership.tier.as_str().to_owned(),
        status: membership.status.as_str().to_owned(),
        created_at: Some(membership.created_at.into()),
    }
}

pub fn subscriber(subscriber: Subscriber) -> pb::Subscriber {
    pb::Subscriber {
        membership: Some(membership(&subscriber.membership)),
        username: subscriber.names.username,
        display_name: subscriber.names.display_name,
    }
}

/// Adds the channel's `ETag`.
pub fn with_etag<T>(reply: T, view: &ChannelView) -> Result<Response<T>> {
    let mut response = Response::new(reply);
    let etag = AsciiMetadataValue::try_from(if_match::etag(view.channel.version)).map_err(Error::internal)?;
    response.metadata_mut().insert("etag", etag);
    Ok(response)
}
