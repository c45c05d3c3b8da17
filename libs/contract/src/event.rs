//! Events: messages that services publish on the bus.

include!(concat!(env!("OUT_DIR"), "/events.rs"));

/// A message with a subject in the contract:
/// `<family>.<id of the aggregate>.<name>`.
pub trait Event: prost::Message + Default + 'static {
    const TYPE: EventType;

    fn aggregate_id(&self) -> i64;

    fn subject(&self) -> String {
        format!("{}.{}.{}", Self::TYPE.family, self.aggregate_id(), Self::TYPE.name)
    }
}

/// What the contract says about all events of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventType {
    /// The full name of the message.
    pub message: &'static str,
    /// The kind of aggregate, one of [`FAMILIES`].
    pub family: &'static str,
    /// What happened to it.
    pub name: &'static str,
    /// The services that may publish it, or `*`.
    pub publishers: &'static [&'static str],
}

impl EventType {
    /// Matches the subject of this event for every aggregate.
    #[must_use]
    pub fn filter(&self) -> String {
        format!("{}.*.{}", self.family, self.name)
    }

    #[must_use]
    pub fn may_be_published_by(&self, service: &str) -> bool {
        self.publishers.iter().any(|publisher| *publisher == "*" || *publisher == service)
    }
}

/// The family and the name in a subject.
#[must_use]
pub fn split(subject: &str) -> Option<(&str, &str)> {
    let mut parts = subject.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(family), Some(_), Some(name), None) => Some((family, name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::v1::{AuditRecorded, VideoChanged};

    #[test]
    fn subjects_name_the_aggregate_and_what_happened() {
        let event = VideoChanged { video_id: 7, ..VideoChanged::default() };
        assert_eq!(event.subject(), "video.7.changed");
        assert_eq!(VideoChanged::TYPE.filter(), "video.*.changed");
        assert_eq!(split("video.7.changed"), Some(("video", "changed")));
        assert_eq!(split("video.7"), None);
        assert_eq!(split("video.7.changed.twice"), None);
    }

    #[test]
    fn only_the_publishers_of_the_contract_may_publish() {
        assert!(VideoChanged::TYPE.may_be_published_by("content"));
        assert!(!VideoChanged::TYPE.may_be_published_by("media"));
        assert!(AuditRecorded::TYPE.may_be_published_by("media"));
    }
}
