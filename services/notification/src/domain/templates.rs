//! The texts and payloads of notifications.

pub mod moderation;

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
pub fn channel_payload(channel_id: i64) -> String {
    payload(&[("channelId", channel_id)])
}

/// A channel's name, where it is known.
fn channel_name(channel: Option<&str>) -> String {
    channel.filter(|name| !name.is_empty()).map_or_else(|| "a channel you follow".to_owned(), str::to_owned)
}

/// The subject of a video's notification.
#[derive(Clone, Copy, Debug)]
pub struct VideoSubject<'a> {
    pub channel_id: i64,
    pub channel: Option<&'a str>,
    pub video_id: i64,
    pub title: &'a str,
}

/// For a channel's members: a video was published, or its title changed.
pub fn video(kind: Kind, about: VideoSubject<'_>) -> NotificationContent {
    let channel = channel_name(about.channel);
    let title = match kind {
        Kind::VideoUpdate => format!("Changed video on {channel}"),
        _ => format!("New video on {channel}"),
    };
    let payload = payload(&[("channelId", about.channel_id), ("videoId", about.video_id)]);
    NotificationContent { kind, title, message: about.title.to_owned(), payload, about: about.video_id }
}

/// For a channel's owner: a new subscriber.
pub fn subscription(channel_id: i64, user_id: i64) -> NotificationContent {
    NotificationContent {
        kind: Kind::Subscription,
        title: "New subscriber".to_owned(),
        message: "Somebody has subscribed to your channel".to_owned(),
        payload: payload(&[("channelId", channel_id), ("userId", user_id)]),
        about: user_id,
    }
}

/// For a member: the paid membership started or ended.
pub fn premium(started: bool, channel_id: i64, channel: Option<&str>) -> NotificationContent {
    let channel = channel_name(channel);
    let (kind, title, message) = if started {
        (Kind::PremiumStarted, "Premium membership started", format!("You are a premium member of {channel}"))
    } else {
        (Kind::PremiumEnded, "Premium membership ended", format!("Your premium membership of {channel} has ended"))
    };
    NotificationContent {
        kind,
        title: title.to_owned(),
        message,
        payload: channel_payload(channel_id),
        about: channel_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_json_and_titles_name_what_is_known() {
        let about = VideoSubject { channel_id: i64::MAX, channel: Some("七 \"A\""), video_id: 2, title: "片 🎬" };
        let new = video(Kind::NewVideo, about);
        assert_eq!((new.title.as_str(), new.message.as_str()), ("New video on 七 \"A\"", "片 🎬"));
        assert_eq!(new.payload, r#"{"channelId":"9223372036854775807","videoId":"2"}"#);
        let unknown = video(Kind::VideoUpdate, VideoSubject { channel: None, ..about });
        assert_eq!(unknown.title, "Changed video on a channel you follow");
    }
}
