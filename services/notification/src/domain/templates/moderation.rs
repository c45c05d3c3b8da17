//! Moderators' decisions about a user's content, account or report.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::NotificationContent;
use crate::domain::Kind;

/// A decision, as the event has it.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    pub outcome: &'a str,
    pub object_type: &'a str,
    pub object_id: i64,
    pub object_title: &'a str,
    /// The moderators' message; may be empty.
    pub text: &'a str,
    /// The end of a temporary ban.
    pub until: Option<DateTime<Utc>>,
}

/// For the owner of the object, or the user who reported it.
pub fn content(decision: &Decision<'_>) -> NotificationContent {
    let (title, message) = texts(decision);
    let text = decision.text.trim();
    let message = if text.is_empty() { message } else { format!("{message} {text}") };
    NotificationContent {
        kind: Kind::Moderation,
        title,
        message,
        payload: payload(decision),
        about: decision.object_id,
    }
}

fn texts(decision: &Decision<'_>) -> (String, String) {
    let (kind, object) = (kind(decision), object(decision));
    let (title, message) = match decision.outcome {
        "hidden" if is_account(decision) => (
            "Your account was hidden".to_owned(),
            "Moderators have hidden your account, your channel and your videos.".to_owned(),
        ),
        "hidden" => (format!("Your {kind} was hidden"), format!("Moderators have hidden your {object}.")),
        "restored" => (format!("Your {kind} is back"), format!("Your {object} can be seen again.")),
        "warned" => {
            ("A warning from the moderators".to_owned(), format!("Moderators have warned you about your {object}."))
        }
        "banned" => ("Your account was banned".to_owned(), banned(decision.until)),
        "unbanned" => ("Your ban has ended".to_owned(), "You can use your account again.".to_owned()),
        "report_resolved" => (
            "Your report was resolved".to_owned(),
            format!("Moderators have looked into your report of the {object} and resolved it."),
        ),
        "report_dismissed" => (
            "Your report was dismissed".to_owned(),
            format!("Moderators have looked into your report of the {object} and closed it without measures."),
        ),
        // An outcome that a newer release added.
        _ => ("A decision of the moderators".to_owned(), format!("It is about the {object}.")),
    };
    (title, message)
}

fn is_account(decision: &Decision<'_>) -> bool {
    !matches!(decision.object_type, "video" | "channel")
}

fn kind<'a>(decision: &Decision<'a>) -> &'a str {
    if is_account(decision) { "account" } else { decision.object_type }
}

/// `video “Title”`; an account has no title.
fn object(decision: &Decision<'_>) -> String {
    let (kind, title) = (kind(decision), decision.object_title.trim());
    if title.is_empty() || is_account(decision) { kind.to_owned() } else { format!("{kind} “{title}”") }
}

fn banned(until: Option<DateTime<Utc>>) -> String {
    match until {
        Some(until) => format!("Your account is banned until {}.", until.format("%Y-%m-%d %H:%M UTC")),
        None => "Your account is banned.".to_owned(),
    }
}

fn payload(decision: &Decision<'_>) -> String {
    let mut payload = json!({
        "objectType": decision.object_type,
        "objectId": decision.object_id.to_string(),
        "outcome": decision.outcome,
    });
    if let Some(until) = decision.until {
        payload["until"] = Value::String(until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    }
    payload.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIDEO: Decision<'_> =
        Decision { outcome: "hidden", object_type: "video", object_id: 7, object_title: "片", text: "", until: None };

    fn of(outcome: &'static str, object_type: &'static str) -> (String, String) {
        let notification = content(&Decision { outcome, object_type, ..VIDEO });
        (notification.title, notification.message)
    }

    #[test]
    fn every_outcome_has_a_text() {
        assert_eq!(
            of("hidden", "video"),
            ("Your video was hidden".into(), "Moderators have hidden your video “片”.".into())
        );
        assert_eq!(of("hidden", "user").1, "Moderators have hidden your account, your channel and your videos.");
        assert_eq!(
            of("restored", "channel"),
            ("Your channel is back".into(), "Your channel “片” can be seen again.".into())
        );
        assert_eq!(of("restored", "user").1, "Your account can be seen again.");
        assert_eq!(of("warned", "video").1, "Moderators have warned you about your video “片”.");
        assert_eq!(of("unbanned", "user").0, "Your ban has ended");
        assert_eq!(of("report_resolved", "channel").0, "Your report was resolved");
        assert_eq!(of("report_dismissed", "video").0, "Your report was dismissed");
        assert_eq!(of("else", "video").1, "It is about the video “片”.");
    }

    #[test]
    fn the_moderators_message_is_appended_and_the_payload_is_json() {
        let until = DateTime::from_timestamp(1_800_000_000, 0);
        let ban = Decision { outcome: "banned", object_type: "user", text: " No spam. ", until, ..VIDEO };
        let banned = content(&ban);
        assert_eq!(banned.message, "Your account is banned until 2027-01-15 08:00 UTC. No spam.");
        let payload: Value = serde_json::from_str(&banned.payload).unwrap();
        let expected =
            json!({"objectType": "user", "objectId": "7", "outcome": "banned", "until": "2027-01-15T08:00:00Z"});
        assert_eq!(payload, expected);
        assert_eq!(content(&Decision { until: None, text: "", ..ban }).message, "Your account is banned.");
        let untitled = content(&Decision { object_title: "", ..VIDEO });
        assert_eq!(untitled.message, "Moderators have hidden your video.");
        assert_eq!(untitled.payload, r#"{"objectId":"7","objectType":"video","outcome":"hidden"}"#);
    }
}
