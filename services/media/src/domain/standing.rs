//! Whether what a video shows may be played, whatever a signed address says.

use fenz_chassis::media_url::Audience;

/// What is known of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoState {
    pub is_published: bool,
    pub is_hidden: bool,
    pub is_deleted: bool,
}

/// What is known of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelState {
    pub is_hidden: bool,
    pub is_deleted: bool,
}

/// How an upload stands with players.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Open,
    /// Unpublished or hidden: for its owner and moderators.
    OutOfSight,
    /// Deleted; nobody plays it.
    Gone,
}

impl Standing {
    /// Of what nothing is known, the signed address is proof enough.
    pub fn of(video: Option<VideoState>, channel: Option<ChannelState>) -> Self {
        if video.is_some_and(|v| v.is_deleted) || channel.is_some_and(|c| c.is_deleted) {
            return Self::Gone;
        }
        if video.is_some_and(|v| v.is_hidden || !v.is_published) || channel.is_some_and(|c| c.is_hidden) {
            return Self::OutOfSight;
        }
        Self::Open
    }

    /// Whether an address made for this audience plays it.
    pub fn is_open_to(self, audience: Audience) -> bool {
        match self {
            Self::Open => true,
            Self::OutOfSight => audience == Audience::Insider,
            Self::Gone => false,
        }
    }
}

/// The video that a claim names; none where something else uses the upload.
pub fn video_of_claim(claim: &str) -> Option<i64> {
    claim.strip_prefix("video/")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_counts() {
        let shown = VideoState { is_published: true, is_hidden: false, is_deleted: false };
        let open = ChannelState { is_hidden: false, is_deleted: false };
        for (video, channel, standing) in [
            (None, None, Standing::Open),
            (Some(shown), None, Standing::Open),
            (Some(shown), Some(open), Standing::Open),
            (None, Some(ChannelState { is_hidden: true, ..open }), Standing::OutOfSight),
            (Some(VideoState { is_published: false, ..shown }), Some(open), Standing::OutOfSight),
            (Some(VideoState { is_hidden: true, ..shown }), Some(open), Standing::OutOfSight),
            (Some(shown), Some(ChannelState { is_hidden: true, ..open }), Standing::OutOfSight),
            (Some(VideoState { is_deleted: true, ..shown }), Some(open), Standing::Gone),
            (Some(shown), Some(ChannelState { is_deleted: true, ..open }), Standing::Gone),
        ] {
            assert_eq!(Standing::of(video, channel), standing, "{video:?} {channel:?}");
        }
        assert!(Standing::OutOfSight.is_open_to(Audience::Insider));
        assert!(!Standing::OutOfSight.is_open_to(Audience::Everyone) && !Standing::Gone.is_open_to(Audience::Insider));
    }

    #[test]
    fn claims_of_videos_name_them() {
        assert_eq!(video_of_claim("video/123"), Some(123));
        for other in ["user/42/avatar/5", "channel/7/banner/6", "video/", "video/x", "video/1/2"] {
            assert_eq!(video_of_claim(other), None, "{other}");
        }
    }
}
