//! The events of the contract: what happened to which aggregate.

use fenz_contract::events::v1::{
    AuditRecorded, ChannelChanged, ChannelDeleted, GuestJoined, MembershipChanged, NewVideo, SessionsEnded, TagChanged,
    TagDeleted, UserDeleted, UserErased, UserModerated, UserRegistered, UserUpdated, VideoChanged, VideoDeleted,
    VideoUpdate, VideosImported, ViewsCounted,
};

/// The first parts of all subjects; the stream holds them all.
pub const FAMILIES: [&str; 10] =
    ["channel", "video", "user", "membership", "donation", "payment", "media", "tag", "views", "audit"];

/// A message of `fenzvideo.events.v1` that services publish. Its
/// subject is `<family>.<aggregate id>.<what>`.
pub trait Event: prost::Message + Default + 'static {
    /// The kind of aggregate, one of [`FAMILIES`].
    const FAMILY: &'static str;
    /// What happened to it.
    const WHAT: &'static str;

    fn aggregate_id(&self) -> i64;

    fn subject(&self) -> String {
        format!("{}.{}.{}", Self::FAMILY, self.aggregate_id(), Self::WHAT)
    }

    /// The subject of this event for every aggregate.
    fn filter() -> String {
        format!("{}.*.{}", Self::FAMILY, Self::WHAT)
    }
}

macro_rules! events {
    ($($message:ident = $family:literal . $id:ident . $what:literal;)*) => {$(
        impl Event for $message {
            const FAMILY: &'static str = $family;
            const WHAT: &'static str = $what;

            fn aggregate_id(&self) -> i64 {
                self.$id
            }
        }
    )*};
}

events! {
    UserRegistered = "user".user_id."registered";
    UserUpdated = "user".user_id."updated";
    SessionsEnded = "user".user_id."sessions_ended";
    GuestJoined = "user".user_id."guest_joined";
    UserDeleted = "user".user_id."deleted";
    UserErased = "user".user_id."erased";
    UserModerated = "user".user_id."moderated";
    VideoChanged = "video".video_id."changed";
    VideoDeleted = "video".video_id."deleted";
    VideosImported = "video".first_video_id."imported";
    NewVideo = "channel".channel_id."new_video";
    VideoUpdate = "channel".channel_id."video_update";
    ChannelChanged = "channel".channel_id."changed";
    ChannelDeleted = "channel".channel_id."deleted";
    MembershipChanged = "membership".channel_id."changed";
    TagChanged = "tag".tag_id."changed";
    TagDeleted = "tag".tag_id."deleted";
    ViewsCounted = "views".flush_id."counted";
    AuditRecorded = "audit".actor_id."recorded";
}

/// What kind of event a subject names: its family and what happened.
pub fn kind(subject: &str) -> Option<(&str, &str)> {
    let mut parts = subject.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(family), Some(_), Some(what), None) => Some((family, what)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_name_the_aggregate_and_what_happened() {
        let event = VideoChanged { video_id: 7, ..VideoChanged::default() };
        assert_eq!(event.subject(), "video.7.changed");
        assert_eq!(VideoChanged::filter(), "video.*.changed");
        assert_eq!(kind("video.7.changed"), Some(("video", "changed")));
        assert_eq!(kind("video.7"), None);
        assert_eq!(kind("video.7.changed.twice"), None);
    }
}
