//! `ChannelService`.

use fenz_chassis::{caller_of, require_user};
use fenz_contract::channel::v1::{self as pb, ChannelServiceHandler};
use fenz_core::{Result, text};
use tonic::{Request, Response, metadata::MetadataMap};

use super::{Api, encode};
use crate::{
    app::{Edit, Moderation},
    domain::{ChannelId, Money, UploadId, changes::Changes},
};

/// A month's, in major units.
const MAX_FEE: i64 = 10_000;

impl ChannelServiceHandler for Api {
    async fn get_channel(&self, request: Request<pb::GetChannelRequest>) -> Result<Response<pb::GetChannelResponse>> {
        let caller = caller_of(&request);
        let view = self.0.get(ChannelId(request.into_inner().id), &caller).await?;
        encode::with_etag(pb::GetChannelResponse { channel: Some(encode::view(&self.0, &view)) }, &view)
    }

    async fn update_channel(
        &self,
        request: Request<pb::UpdateChannelRequest>,
    ) -> Result<Response<pb::UpdateChannelResponse>> {
        let caller = caller_of(&request);
        let if_match = if_match(request.metadata());
        let message = request.into_inner();
        let edit = Edit { id: ChannelId(message.id), caller, if_match, changes: changes(message)? };
        let view = self.0.update(edit).await?;
        encode::with_etag(pb::UpdateChannelResponse { channel: Some(encode::view(&self.0, &view)) }, &view)
    }

    async fn subscribe(&self, request: Request<pb::SubscribeRequest>) -> Result<Response<pb::SubscribeResponse>> {
        let caller = caller_of(&request);
        let membership = self.0.subscribe(ChannelId(request.into_inner().id), caller.require_user()?).await?;
        Ok(Response::new(pb::SubscribeResponse { membership: Some(encode::membership(&membership)) }))
    }

    async fn unsubscribe(&self, request: Request<pb::UnsubscribeRequest>) -> Result<Response<pb::UnsubscribeResponse>> {
        let caller = caller_of(&request);
        let membership = self.0.unsubscribe(ChannelId(request.into_inner().id), caller.require_user()?).await?;
        Ok(Response::new(pb::UnsubscribeResponse { membership: Some(encode::membership(&membership)) }))
    }

    async fn list_subscriptions(
        &self,
        request: Request<pb::ListSubscriptionsRequest>,
    ) -> Result<Response<pb::ListSubscriptionsResponse>> {
        let user = require_user(&request)?.id;
        let message = request.into_inner();
        let page = self.0.page(message.page, message.page_size)?;
        let (found, total) = self.0.subscriptions(user, page).await?;
        let subscriptions = found.iter().map(|(membership, channel)| pb::Subscription {
            channel: Some(encode::channel(&self.0, channel, membership.tier)),
            membership: Some(encode::membership(membership)),
        });
        let reply = pb::ListSubscriptionsResponse { subscriptions: subscriptions.collect(), total: total as i64 };
        Ok(Response::new(reply))
    }

    async fn list_subscribers(
        &self,
        request: Request<pb::ListSubscribersRequest>,
    ) -> Result<Response<pb::ListSubscribersResponse>> {
        let owner = require_user(&request)?.id;
        let message = request.into_inner();
        let page = self.0.page(message.page, message.page_size)?;
        let (subscribers, total) = self.0.subscribers(owner, page).await?;
        let subscribers = subscribers.into_iter().map(encode::subscriber).collect();
        Ok(Response::new(pb::ListSubscribersResponse { subscribers, total }))
    }

    async fn get_fee(&self, request: Request<pb::GetFeeRequest>) -> Result<Response<pb::GetFeeResponse>> {
        let owner = require_user(&request)?.id;
        let fee = self.0.fee(owner).await?;
        Ok(Response::new(pb::GetFeeResponse { fee: Some(encode::money(fee)) }))
    }

    async fn update_fee(&self, request: Request<pb::UpdateFeeRequest>) -> Result<Response<pb::UpdateFeeResponse>> {
        let owner = require_user(&request)?.id;
        let message = request.into_inner();
        let fee = self.0.set_fee(owner, Money::of(&message.amount, &message.currency, MAX_FEE)?).await?;
        Ok(Response::new(pb::UpdateFeeResponse { fee: Some(encode::money(fee)) }))
    }

    async fn hide_channel(
        &self,
        request: Request<pb::HideChannelRequest>,
    ) -> Result<Response<pb::HideChannelResponse>> {
        let caller = caller_of(&request);
        let pb::HideChannelRequest { id, text } = request.into_inner();
        let view = self.0.moderate(ChannelId(id), Moderation::Hide { text: &text }, &caller).await?;
        encode::with_etag(pb::HideChannelResponse { channel: Some(encode::view(&self.0, &view)) }, &view)
    }

    async fn restore_channel(
        &self,
        request: Request<pb::RestoreChannelRequest>,
    ) -> Result<Response<pb::RestoreChannelResponse>> {
        let caller = caller_of(&request);
        let view = self.0.moderate(ChannelId(request.into_inner().id), Moderation::Restore, &caller).await?;
        encode::with_etag(pb::RestoreChannelResponse { channel: Some(encode::view(&self.0, &view)) }, &view)
    }
}

fn changes(request: pb::UpdateChannelRequest) -> Result<Changes> {
    // 0 removes the picture.
    let picture = |id: i64| (id != 0).then_some(UploadId(id));
    Ok(Changes {
        name: request.name.map(|name| text::line("name", &name)).transpose()?,
        description: request.description,
        avatar: request.avatar_upload_id.map(picture),
        banner: request.banner_upload_id.map(picture),
    })
}

/// All `If-Match` headers, joined.
fn if_match(metadata: &MetadataMap) -> Option<String> {
    let lines: Vec<_> = metadata.get_all("if-match").iter().map(|line| line.to_str().unwrap_or_default()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}
