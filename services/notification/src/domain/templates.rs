//! The texts and payloads of notifications.

pub mod moderation;

use fenz_core::{ChannelId, UserId, VideoId};
use serde_json::{Map, Value};

use super::Kind;

/// The text and payload of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationContent {
    pub kind: Kind,
    pub title: String,
    pub message: String,
    pub payload: String,
    /// The user, channel or video that it names; deleted together with that. 0 for none.
    pub about: i64,
}

/// `{"channelId": "7", …}`: ids are strings, as everywhere in the JSON.
fn payload(ids: &[(&str, i64)]) -> String {
    let ids = ids.iter().map(|(name, id)| ((*name).to_owned(), Value::String(id.to_string())));
    Value::Object(ids.collect::<Map<_, _>>()).to_string()
}

/// The payload of notifications about a membership of a channel.
pub fn channel_payload(channel: ChannelId) -> String {
    payload(&[("channelId", channel.0)])
}

/// A channel's name, where it is known.
fn channel_name(channel: Option<&str>) -> String {
    channel.filter(|name| !name.is_empty()).map_or_else(|| "a channel you follow".to_owned(), str::to_owned)
}

/// The subject of a video's notification.
#[derive(Clone, Copy, Debug)]
pub struct VideoSubject<'a> {
    pub channel_id: ChannelId,
    pub channel: Option<&'a str>,
    pub video_id: VideoId,
    pub title: &'a str,
}

/// For a channel's members: a video was published, or its title changed.
pub fn video(kind: Kind, about: VideoSubject<'_>) -> NotificationContent {
    let channel = channel_name(about.channel);
    let title = match kind {
        Kind::VideoUpdate => format!("Changed video on {channel}"),
        _ => format!("New video on {channel}"),
    };
    let payload = payload(&[("channelId", about.channel_id.0), ("videoId", about.video_id.0)]);
    NotificationContent { kind, title, message: about.title.to_owned(), payload, about: about.video_id.0 }
}

/// For a channel's owner: a video of theirs cannot be played.
pub fn video_failed(about: VideoSubject<'_>, failure: &str) -> NotificationContent {
    let why = match failure {
        "PROCESSING_TIMEOUT" => "it could not be read in time",
        "NO_VIDEO_TRACK" => "its file has sound and no picture",
        _ => "its file is damaged or no video",
    };
    NotificationContent {
        kind: Kind::VideoFailed,
        title: "Your video cannot be published".to_owned(),
        message: format!("{}: {why}", about.title),
        payload: payload(&[("channelId", about.channel_id.0), ("videoId", about.video_id.0)]),
        about: about.video_id.0,
    }
}

/// For a channel's owner: a new subscriber.
pub fn subscription(channel: ChannelId, user: UserId) -> NotificationContent {
    NotificationContent {
        kind: Kind::Subscription,
        title: "New subscriber".to_owned(),
        message: "Somebody has subscribed to your channel".to_owned(),
        payload: payload(&[("channelId", channel.0), ("userId", user.0)]),
        about: user.0,
    }
}

/// For a member: the paid membership started or ended.
pub fn premium(started: bool, id: ChannelId, channel: Option<&str>) -> NotificationContent {
    let channel = channel_name(channel);
    let (kind, title, message) = if started {
        (Kind::PremiumStarted, "Premium membership started", format!("You are a premium member of {channel}"))
    } else {
        (Kind::PremiumEnded, "Premium membership ended", format!("Your premium membership of {channel} has ended"))
    };
    NotificationContent { kind, title: title.to_owned(), message, payload: channel_payload(id), about: id.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_json_and_titles_name_what_is_known() {
        let (channel_id, video_id) = (ChannelId(i64::MAX), VideoId(2));
        let about = VideoSubject { channel_id, channel: Some("七 \"A\""), video_id, title: "片 🎬" };
        let new = video(Kind::NewVideo, about);
        assert_eq!((new.title.as_str(), new.message.as_str()), ("New video on 七 \"A\"", "片 🎬"));
        assert_eq!(new.payload, r#"{"channelId":"9223372036854775807","videoId":"2"}"#);
        let unknown = video(Kind::VideoUpdate, VideoSubject { channel: None, ..about });
        assert_eq!(unknown.title, "Changed video on a channel you follow");
    }
}
