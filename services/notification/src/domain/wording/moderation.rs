//! What moderators did, and what became of a report, in words.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Wording;
use crate::domain::Kind;

/// What is told.
#[derive(Clone, Copy, Debug)]
pub struct Moderated<'a> {
    pub outcome: &'a str,
    pub object_type: &'a str,
    pub object_id: i64,
    pub object_title: &'a str,
    /// What moderators want to say; may be empty.
    pub text: &'a str,
    /// Of a ban that ends.
    pub until: Option<DateTime<Utc>>,
}

/// For the user whose thing it is, or who reported it.
pub fn wording(told: &Moderated<'_>) -> Wording {
    let (title, message) = words(told);
    let text = told.text.trim();
    let message = if text.is_empty() { message } else { format!("{message} {text}") };
    Wording { kind: Kind::Moderation, title, message, payload: payload(told), about: told.object_id }
}

fn words(told: &Moderated<'_>) -> (String, String) {
    let (kind, named) = (kind(told), named(told));
    let (title, message) = match told.outcome {
        "hidden" if is_account(told) => (
            "Your account was hidden".to_owned(),
            "Moderators have hidden your account, your channel and your videos.".to_owned(),
        ),
        "hidden" => (format!("Your {kind} was hidden"), format!("Moderators have hidden your {named}.")),
        "restored" => (format!("Your {kind} is back"), format!("Your {named} can be seen again.")),
        "warned" => {
            ("A warning from the moderators".to_owned(), format!("Moderators have warned you about your {named}."))
        }
        "banned" => ("Your account was banned".to_owned(), banned(told.until)),
        "unbanned" => ("Your ban has ended".to_owned(), "You can use your account again.".to_owned()),
        "report_resolved" => (
            "Your report was resolved".to_owned(),
            format!("Moderators have looked into your report of the {named} and resolved it."),
        ),
        "report_dismissed" => (
            "Your report was dismissed".to_owned(),
            format!("Moderators have looked into your report of the {named} and closed it without measures."),
        ),
        // Of a newer moderation than this.
        _ => ("A decision of the moderators".to_owned(), format!("It is about the {named}.")),
    };
    (title, message)
}

fn is_account(told: &Moderated<'_>) -> bool {
    !matches!(told.object_type, "video" | "channel")
}

fn kind<'a>(told: &Moderated<'a>) -> &'a str {
    if is_account(told) { "account" } else { told.object_type }
}

/// `video “Title”`; an account is known by itself.
fn named(told: &Moderated<'_>) -> String {
    let (kind, title) = (kind(told), told.object_title.trim());
    if title.is_empty() || is_account(told) { kind.to_owned() } else { format!("{kind} “{title}”") }
}

fn banned(until: Option<DateTime<Utc>>) -> String {
    match until {
        Some(until) => format!("Your account is banned until {}.", until.format("%Y-%m-%d %H:%M UTC")),
        None => "Your account is banned.".to_owned(),
    }
}

fn payload(told: &Moderated<'_>) -> String {
    let mut payload = json!({
        "objectType": told.object_type,
        "objectId": told.object_id.to_string(),
        "outcome": told.outcome,
    });
    if let Some(until) = told.until {
        payload["until"] = Value::String(until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    }
    payload.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIDEO: Moderated<'_> =
        Moderated { outcome: "hidden", object_type: "video", object_id: 7, object_title: "片", text: "", until: None };

    fn of(outcome: &'static str, object_type: &'static str) -> (String, String) {
        let told = wording(&Moderated { outcome, object_type, ..VIDEO });
        (told.title, told.message)
    }

    #[test]
    fn every_outcome_has_its_words() {
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
    fn the_moderators_word_follows_and_the_payload_is_json() {
        let until = DateTime::from_timestamp(1_800_000_000, 0);
        let ban = Moderated { outcome: "banned", object_type: "user", text: " No spam. ", until, ..VIDEO };
        let told = wording(&ban);
        assert_eq!(told.message, "Your account is banned until 2027-01-15 08:00 UTC. No spam.");
        let payload: Value = serde_json::from_str(&told.payload).unwrap();
        let expected =
            json!({"objectType": "user", "objectId": "7", "outcome": "banned", "until": "2027-01-15T08:00:00Z"});
        assert_eq!(payload, expected);
        assert_eq!(wording(&Moderated { until: None, text: "", ..ban }).message, "Your account is banned.");
        let untitled = wording(&Moderated { object_title: "", ..VIDEO });
        assert_eq!(untitled.message, "Moderators have hidden your video.");
        assert_eq!(untitled.payload, r#"{"objectId":"7","objectType":"video","outcome":"hidden"}"#);
    }
}
