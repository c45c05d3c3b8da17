//! Who may see and watch a video. Checked in this order: hidden, published, tier.

use super::{Tier, Video};

/// The attributes of a video that decide access.
#[derive(Clone, Copy, Debug)]
pub struct VideoAccess {
    pub hidden: bool,
    pub published: bool,
    pub tier: Tier,
}

/// The attributes of a viewer that decide access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    Anonymous,
    /// Signed in, with the tier of their membership of the channel.
    SignedIn(Tier),
    /// A moderator or an administrator.
    Staff,
    Owner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Allow,
    /// Answered like a video that does not exist.
    NotFound,
    /// The viewer has no membership.
    MembershipRequired,
    /// The viewer's membership is of a lower tier.
    PremiumRequired,
}

impl VideoAccess {
    pub fn new(video: &Video, channel_hidden: bool) -> Self {
        Self { hidden: video.hidden.any() || channel_hidden, published: video.is_published, tier: video.tier }
    }
}

/// Whether the video is listed for everybody.
pub fn is_public(video: VideoAccess) -> bool {
    video.published && !video.hidden
}

/// The owner, moderators and administrators see and watch everything.
pub fn decide(video: VideoAccess, viewer: Viewer) -> Decision {
    let held = match viewer {
        Viewer::Owner | Viewer::Staff => return Decision::Allow,
        Viewer::SignedIn(tier) => tier,
        Viewer::Anonymous => Tier::None,
    };
    if !is_public(video) {
        return Decision::NotFound;
    }
    match (video.tier, held) {
        (needed, held) if held >= needed => Decision::Allow,
        (_, Tier::None) => Decision::MembershipRequired,
        _ => Decision::PremiumRequired,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEWERS: [Viewer; 6] = [
        Viewer::Anonymous,
        Viewer::SignedIn(Tier::None),
        Viewer::SignedIn(Tier::Subscriber),
        Viewer::SignedIn(Tier::Premium),
        Viewer::Staff,
        Viewer::Owner,
    ];

    /// Every combination: a row for each tier of a public video, a column for
    /// each of [`VIEWERS`].
    #[test]
    fn every_combination() {
        use Decision::{Allow as A, MembershipRequired as M, NotFound as N, PremiumRequired as P};
        let public = [[A, A, A, A, A, A], [M, M, A, A, A, A], [M, M, P, A, A, A]];
        let restricted = [N, N, N, N, A, A];
        for hidden in [false, true] {
            for published in [false, true] {
                for tier in [Tier::None, Tier::Subscriber, Tier::Premium] {
                    let expected = if hidden || !published { restricted } else { public[tier as usize] };
                    for (viewer, expected) in VIEWERS.into_iter().zip(expected) {
                        let access = VideoAccess { hidden, published, tier };
                        assert_eq!(decide(access, viewer), expected, "{access:?} {viewer:?}");
                    }
                }
            }
        }
    }
}
