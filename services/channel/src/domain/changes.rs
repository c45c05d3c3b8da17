//! A partial update of a channel.

use super::{Channel, Picture, UploadId};

/// The fields to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub name: Option<String>,
    pub description: Option<String>,
    /// `Some(None)` removes the picture.
    #[expect(clippy::option_option, reason = "absent, removed and set are three states")]
    pub avatar: Option<Option<UploadId>>,
    #[expect(clippy::option_option, reason = "absent, removed and set are three states")]
    pub banner: Option<Option<UploadId>>,
}

impl Changes {
    /// The pictures that the channel does not have yet.
    pub fn new_pictures(&self, channel: &Channel) -> Vec<(Picture, UploadId)> {
        let named = [(Picture::Avatar, self.avatar.flatten()), (Picture::Banner, self.banner.flatten())];
        named
            .into_iter()
            .filter_map(|(picture, upload)| Some((picture, upload?)))
            .filter(|(picture, upload)| channel.picture(*picture) != Some(*upload))
            .collect()
    }

    /// The changed channel; the version grows only if something changes.
    #[must_use]
    pub fn apply(self, channel: Channel) -> Channel {
        let before = channel.clone();
        let mut channel = channel;
        channel.name = self.name.unwrap_or(channel.name);
        channel.description = self.description.unwrap_or(channel.description);
        channel.avatar = self.avatar.unwrap_or(channel.avatar);
        channel.banner = self.banner.unwrap_or(channel.banner);
        if channel != before {
            channel.version += 1;
        }
        channel
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::channel::sample;

    #[test]
    fn absent_fields_are_unchanged() {
        let before = Channel { avatar: Some(UploadId(5)), description: "d".into(), ..sample(1) };
        assert_eq!(Changes::default().apply(before.clone()), before);
        let same = Changes { description: Some("d".into()), ..Changes::default() };
        assert_eq!(same.apply(before.clone()).version, 1);
        let changes = Changes { avatar: Some(None), banner: Some(Some(UploadId(6))), ..Changes::default() };
        assert_eq!(changes.new_pictures(&before), [(Picture::Banner, UploadId(6))]);
        let after = changes.apply(before.clone());
        assert_eq!((after.avatar, after.banner, after.version), (None, Some(UploadId(6)), 2));
        assert_eq!((after.name, after.description), (before.name, before.description));
    }
}
