//! Whether the files of a video may be played.

use fenz_chassis::media_url::Audience;
use fenz_core::ChannelState;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoState {
    pub is_published: bool,
    pub is_hidden: bool,
    pub is_deleted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaybackStatus {
    Public,
    /// Unpublished or hidden: for the owner and moderators.
    Restricted,
    Deleted,
}

impl PlaybackStatus {
    /// An unknown video or channel does not restrict playback: the signed address
    /// is sufficient proof.
    pub fn new(video: Option<VideoState>, channel: Option<ChannelState>) -> Self {
        if video.is_some_and(|v| v.is_deleted) || channel.is_some_and(|c| c.is_deleted) {
            return Self::Deleted;
        }
        if video.is_some_and(|v| v.is_hidden || !v.is_published) || channel.is_some_and(|c| c.is_hidden) {
            return Self::Restricted;
        }
        Self::Public
    }

    /// Whether an address signed for this audience may play.
    pub fn allows(self, audience: Audience) -> bool {
        match self {
            Self::Public => true,
            Self::Restricted => audience == Audience::Insider,
            Self::Deleted => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use fenz_core::{ChannelId, UserId};

    use super::*;

    #[test]
    fn every_reason_restricts() {
        let public = VideoState { is_published: true, is_hidden: false, is_deleted: false };
        let (id, owner) = (ChannelId(7), UserId(7));
        let visible = ChannelState { id, owner, is_hidden: false, is_deleted: false, version: 1 };
        for (video, channel, status) in [
            (None, None, PlaybackStatus::Public),
            (Some(public), None, PlaybackStatus::Public),
            (Some(public), Some(visible), PlaybackStatus::Public),
            (None, Some(ChannelState { is_hidden: true, ..visible }), PlaybackStatus::Restricted),
            (Some(VideoState { is_published: false, ..public }), Some(visible), PlaybackStatus::Restricted),
            (Some(VideoState { is_hidden: true, ..public }), Some(visible), PlaybackStatus::Restricted),
            (Some(public), Some(ChannelState { is_hidden: true, ..visible }), PlaybackStatus::Restricted),
            (Some(VideoState { is_deleted: true, ..public }), Some(visible), PlaybackStatus::Deleted),
            (Some(public), Some(ChannelState { is_deleted: true, ..visible }), PlaybackStatus::Deleted),
        ] {
            assert_eq!(PlaybackStatus::new(video, channel), status, "{video:?} {channel:?}");
        }
        assert!(PlaybackStatus::Restricted.allows(Audience::Insider));
        assert!(!PlaybackStatus::Restricted.allows(Audience::Everyone));
        assert!(!PlaybackStatus::Deleted.allows(Audience::Insider));
    }
}
