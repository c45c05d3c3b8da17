//! What notifications say, in words and as JSON.

pub mod moderation;

use serde_json::{Map, Value};

use super::Kind;

/// The words of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    pub kind: Kind,
    pub title: String,
    pub message: String,
    pub payload: String,
    /// The user, channel or video that it names; it goes with that. 0 for none.
    pub about: i64,
}

/// `{"channelId": "7", …}`: ids are strings, as everywhere in the JSON.
fn payload(ids: &[(&str, i64)]) -> String {
    let ids = ids.iter().map(|(name, id)| ((*name).to_owned(), Value::String(id.to_string())));
    Value::Object(ids.collect::<Map<_, _>>()).to_string()
}

/// The payload of what is told of a membership of a channel.
pub fn of_channel(channel_id: i64) -> String {
    payload(&[("channelId", channel_id)])
}

/// A channel by its name, if we have heard it.
fn on(channel: Option<&str>) -> String {
    channel.filter(|name| !name.is_empty()).map_or_else(|| "a channel you follow".to_owned(), str::to_owned)
}

/// A video of a channel.
#[derive(Clone, Copy, Debug)]
pub struct AboutVideo<'a> {
    pub channel_id: i64,
    pub channel: Option<&'a str>,
    pub video_id: i64,
    pub title: &'a str,
}

/// For a channel's members: a video is out, or has another title.
pub fn video(kind: Kind, about: AboutVideo<'_>) -> Wording {
    let channel = on(about.channel);
    let title = match kind {
        Kind::VideoUpdate => format!("Changed video on {channel}"),
        _ => format!("New video on {channel}"),
    };
    let payload = payload(&[("channelId", about.channel_id), ("videoId", about.video_id)]);
    Wording { kind, title, message: about.title.to_owned(), payload, about: about.video_id }
}

/// For a channel's owner: somebody has subscribed.
pub fn subscription(channel_id: i64, user_id: i64) -> Wording {
    Wording {
        kind: Kind::Subscription,
        title: "New subscriber".to_owned(),
        message: "Somebody has subscribed to your channel".to_owned(),
        payload: payload(&[("channelId", channel_id), ("userId", user_id)]),
        about: user_id,
    }
}

/// For a member: the paid membership began or is over.
pub fn premium(started: bool, channel_id: i64, channel: Option<&str>) -> Wording {
    let channel = on(channel);
    let (kind, title, message) = if started {
        (Kind::PremiumStarted, "Premium membership started", format!("You are a premium member of {channel}"))
    } else {
        (Kind::PremiumEnded, "Premium membership ended", format!("Your premium membership of {channel} has ended"))
    };
    Wording { kind, title: title.to_owned(), message, payload: of_channel(channel_id), about: channel_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_json_and_titles_name_what_is_known() {
        let about = AboutVideo { channel_id: i64::MAX, channel: Some("七 \"A\""), video_id: 2, title: "片 🎬" };
        let new = video(Kind::NewVideo, about);
        assert_eq!((new.title.as_str(), new.message.as_str()), ("New video on 七 \"A\"", "片 🎬"));
        assert_eq!(new.payload, r#"{"channelId":"9223372036854775807","videoId":"2"}"#);
        let unknown = video(Kind::VideoUpdate, AboutVideo { channel: None, ..about });
        assert_eq!(unknown.title, "Changed video on a channel you follow");
    }
}
