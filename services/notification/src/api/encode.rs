//! Encodes notifications and settings as messages of the contract.

use bytes::Bytes;
use fenz_contract::notification::v1 as pb;

use crate::domain::{Entry, Kind, KindSet};

pub fn notification(entry: Entry) -> pb::Notification {
    let Entry { notification, is_read } = entry;
    pb::Notification {
        id: notification.id,
        r#type: notification.kind.as_str().to_owned(),
        title: notification.title,
        message: notification.message,
        payload: notification.payload,
        is_read,
        created_at: Some(notification.created_at.into()),
    }
}

/// A server-sent event: the position as its id, and the JSON of the list on one line.
pub fn event_frame(entry: Entry) -> Bytes {
    let seq = entry.notification.seq;
    let json = serde_json::to_string(&notification(entry)).unwrap_or_default();
    Bytes::from(format!("id: {seq}\nevent: notification\ndata: {json}\n\n"))
}

pub fn settings(enabled: KindSet) -> pb::Settings {
    pb::Settings {
        new_video: Some(enabled.contains(Kind::NewVideo)),
        video_update: Some(enabled.contains(Kind::VideoUpdate)),
        subscription: Some(enabled.contains(Kind::Subscription)),
        donation: Some(enabled.contains(Kind::Donation)),
        premium_started: Some(enabled.contains(Kind::PremiumStarted)),
        premium_ended: Some(enabled.contains(Kind::PremiumEnded)),
        moderation: Some(enabled.contains(Kind::Moderation)),
        video_failed: Some(enabled.contains(Kind::VideoFailed)),
    }
}

/// The types that a request changes.
pub fn changes(request: pb::UpdateSettingsRequest) -> Vec<(Kind, bool)> {
    [
        (Kind::NewVideo, request.new_video),
        (Kind::VideoUpdate, request.video_update),
        (Kind::Subscription, request.subscription),
        (Kind::Donation, request.donation),
        (Kind::PremiumStarted, request.premium_started),
        (Kind::PremiumEnded, request.premium_ended),
        (Kind::Moderation, request.moderation),
        (Kind::VideoFailed, request.video_failed),
    ]
    .into_iter()
    .filter_map(|(kind, enabled)| Some((kind, enabled?)))
    .collect()
}
