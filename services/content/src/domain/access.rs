//! Who may see and watch a video: hidden → published → tier → allow.

use super::{Tier, Video};

/// What the rule asks of a video.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub hidden: bool,
    pub published: bool,
    pub tier: Tier,
}

/// What the rule asks of a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    Anonymous,
    /// Signed in, with the tier of their membership of the channel.
    SignedIn(Tier),
    /// A moderator or an administrator.
    Staff,
    Owner,
}

/// What the rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Allow,
    /// The video is none of the viewer's business: it is as if it were not there.
    NotFound,
    /// Any membership would do as a first step.
    MembershipRequired,
    /// The viewer's membership is not enough.
    PremiumRequired,
}

impl Facts {
    /// Of a video and its channel.
    pub fn of(video: &Video, channel_withholds: bool) -> Self {
        Self { hidden: video.hidden.any() || channel_withholds, published: video.is_published, tier: video.tier }
    }
}

/// Whether everybody may know of the video.
pub fn is_public(video: Facts) -> bool {
    video.published && !video.hidden
}

/// The rule. The owner, moderators and administrators see and watch everything.
pub fn decide(video: Facts, viewer: Viewer) -> Decision {
    let held = match viewer {
        Viewer::Owner | Viewer::Staff => return Decision::Allow,
        Viewer::SignedIn(tier) => tier,
        Viewer::Anonymous => Tier::Open,
    };
    if !is_public(video) {
        return Decision::NotFound;
    }
    match (video.tier, held) {
        (needed, held) if held >= needed => Decision::Allow,
        (_, Tier::Open) => Decision::MembershipRequired,
        _ => Decision::PremiumRequired,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEWERS: [Viewer; 6] = [
        Viewer::Anonymous,
        Viewer::SignedIn(Tier::Open),
        Viewer::SignedIn(Tier::Subscriber),
        Viewer::SignedIn(Tier::Premium),
        Viewer::Staff,
        Viewer::Owner,
    ];

    /// Every combination: a row for each tier of a public video, a column for
    /// each of [`VIEWERS`].
    #[test]
    fn the_whole_table() {
        use Decision::{Allow as A, MembershipRequired as M, NotFound as N, PremiumRequired as P};
        let public = [[A, A, A, A, A, A], [M, M, A, A, A, A], [M, M, P, A, A, A]];
        let withheld = [N, N, N, N, A, A];
        for hidden in [false, true] {
            for published in [false, true] {
                for tier in [Tier::Open, Tier::Subscriber, Tier::Premium] {
                    let expected = if hidden || !published { withheld } else { public[tier as usize] };
                    for (viewer, expected) in VIEWERS.into_iter().zip(expected) {
                        let facts = Facts { hidden, published, tier };
                        assert_eq!(decide(facts, viewer), expected, "{facts:?} {viewer:?}");
                    }
                }
            }
        }
    }
}
