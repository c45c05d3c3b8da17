//! What uses an upload.

use fenz_core::{ChannelId, UserId, VideoId};

/// An object of another service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadUse {
    /// As its file or thumbnail.
    Video(VideoId),
    /// As their avatar.
    User(UserId),
    /// As its avatar or banner.
    Channel(ChannelId),
}

impl UploadUse {
    /// As it is stored: the kind of the object and its id.
    pub fn columns(self) -> (&'static str, i64) {
        match self {
            Self::Video(id) => ("video", id.0),
            Self::User(id) => ("user", id.0),
            Self::Channel(id) => ("channel", id.0),
        }
    }

    pub fn from_columns(kind: &str, id: i64) -> Option<Self> {
        match kind {
            "video" => Some(Self::Video(VideoId(id))),
            "user" => Some(Self::User(UserId(id))),
            "channel" => Some(Self::Channel(ChannelId(id))),
            _ => None,
        }
    }

    /// The text that stood in the database before there were two columns:
    /// `video/1`, `user/2/avatar/3`, `channel/4/banner/5`.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once('/')?;
        let id = rest.split('/').next()?.parse().ok()?;
        Self::from_columns(kind, id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_and_older_texts_name_the_object() {
        let video = UploadUse::Video(VideoId(1));
        let (user, channel) = (UploadUse::User(UserId(2)), UploadUse::Channel(ChannelId(4)));
        for (text, used_by) in [("video/1", video), ("user/2/avatar/3", user), ("channel/4/banner/5", channel)] {
            assert_eq!(UploadUse::parse(text), Some(used_by));
            let (kind, id) = used_by.columns();
            assert_eq!(UploadUse::from_columns(kind, id), Some(used_by));
        }
        for text in ["", "video", "video/", "video/x", "film/1"] {
            assert_eq!(UploadUse::parse(text), None, "{text}");
        }
    }
}
