//! Notifications as the contract has them.

use fenz_contract::notification::v1 as pb;

use crate::{
    app::Entry,
    domain::{Kind, Kinds},
};

pub fn notification(entry: Entry) -> pb::Notification {
    let Entry { notice, is_read } = entry;
    pb::Notification {
        id: notice.id,
        r#type: notice.kind.as_str().to_owned(),
        title: notice.title,
        message: notice.message,
        payload: notice.payload,
        is_read,
        created_at: Some(notice.created_at.into()),
    }
}

/// The same JSON as in the list, on one line.
pub fn json(entry: Entry) -> String {
    serde_json::to_string(&notification(entry)).unwrap_or_default()
}

pub fn settings(wanted: Kinds) -> pb::Settings {
    pb::Settings {
        new_video: Some(wanted.has(Kind::NewVideo)),
        video_update: Some(wanted.has(Kind::VideoUpdate)),
        subscription: Some(wanted.has(Kind::Subscription)),
        donation: Some(wanted.has(Kind::Donation)),
        premium_started: Some(wanted.has(Kind::PremiumStarted)),
        premium_ended: Some(wanted.has(Kind::PremiumEnded)),
        moderation: Some(wanted.has(Kind::Moderation)),
    }
}

/// The types that a request names.
pub fn changes(request: pb::UpdateSettingsRequest) -> Vec<(Kind, bool)> {
    [
        (Kind::NewVideo, request.new_video),
        (Kind::VideoUpdate, request.video_update),
        (Kind::Subscription, request.subscription),
        (Kind::Donation, request.donation),
        (Kind::PremiumStarted, request.premium_started),
        (Kind::PremiumEnded, request.premium_ended),
        (Kind::Moderation, request.moderation),
    ]
    .into_iter()
    .filter_map(|(kind, wanted)| Some((kind, wanted?)))
    .collect()
}
