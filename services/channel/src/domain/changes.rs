//! A partial update of a channel.

use fenz_core::{Error, Reason, Result};

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
    ///
    /// # Errors
    /// `UPLOAD_ALREADY_USED` when avatar and banner would be one upload.
    pub fn new_pictures(&self, channel: &Channel) -> Result<Vec<(Picture, UploadId)>> {
        let named = [(Picture::Avatar, self.avatar.flatten()), (Picture::Banner, self.banner.flatten())];
        let named = named.into_iter().filter_map(|(picture, upload)| Some((picture, upload?)));
        let new: Vec<_> = named.filter(|(picture, upload)| channel.picture(*picture) != Some(*upload)).collect();
        let Some((picture, _)) = new.last() else { return Ok(new) };
        let after = self.clone().apply(channel.clone());
        if after.avatar.is_some() && after.avatar == after.banner {
            let error = Error::field(Reason::UploadAlreadyUsed, picture.field(), "names the channel's other picture");
            return Err(error);
        }
        Ok(new)
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
        assert_eq!(changes.new_pictures(&before).unwrap(), [(Picture::Banner, UploadId(6))]);
        let after = changes.apply(before.clone());
        assert_eq!((after.avatar, after.banner, after.version), (None, Some(UploadId(6)), 2));
        assert_eq!((after.name, after.description), (before.name, before.description));
    }

    #[test]
    fn one_upload_is_one_picture() {
        let channel = Channel { avatar: Some(UploadId(5)), ..sample(1) };
        let field = |changes: Changes| {
            let error = changes.new_pictures(&channel).unwrap_err();
            (error.reason, error.violations[0].0.clone())
        };
        let (five, six) = (Some(Some(UploadId(5))), Some(Some(UploadId(6))));
        let banner = (Reason::UploadAlreadyUsed, "bannerUploadId".to_owned());
        assert_eq!(field(Changes { banner: five, ..Changes::default() }), banner);
        assert_eq!(field(Changes { avatar: six, banner: six, ..Changes::default() }), banner);
        let moved = Changes { avatar: Some(None), banner: five, ..Changes::default() };
        assert_eq!(moved.new_pictures(&channel).unwrap(), [(Picture::Banner, UploadId(5))]);
    }
}
