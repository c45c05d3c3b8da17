//! Consuming auth's events.

use fenz_contract::events::v1::{AuditRecorded, MembershipChanged, UserModerated, UserRegistered, UserUpdated};
use fenz_testkit::{Database, eventually};
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER};

#[tokio::test]
async fn a_registration_creates_one_channel() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        // Without a display name the channel has the username.
        assert_eq!(fleet.get("channels/8", 0).await.ok("channel")["name"], json!("user8"));
        fleet.put("channels/7", &json!({"name": "edited"}), OWNER).await.ok("channel");
        let again = UserRegistered { user_id: 7, username: "user7".into(), version: 1, ..UserRegistered::default() };
        fleet.publish(again).await;
        fleet.sandbox.allow_leftovers("an event without a user id becomes a dead letter");
        fleet.publish(UserRegistered { username: "nobody".into(), ..UserRegistered::default() }).await;
        // The events after them are not blocked.
        fleet.register(10, "頻".repeat(64).as_str()).await;
        assert_eq!(fleet.get("channels/10", 0).await.ok("channel")["name"], json!("頻".repeat(64)));
        assert_eq!(fleet.get("channels/7", 0).await.ok("channel")["name"], json!("edited"));
        assert_eq!(fleet.count("channels").await, 3);
    }
}

#[tokio::test]
async fn the_newest_names_are_stored_in_any_order_of_events() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        assert_eq!(fleet.subscribe(7, OTHER).await.status, 200);
        let named = |version, name: &str| UserUpdated {
            user_id: OTHER,
            username: "user8".into(),
            display_name: name.into(),
            version,
            ..UserUpdated::default()
        };
        fleet.publish(named(5, "fifth")).await;
        let shown = async || {
            let reply = fleet.get("dashboard/subscribers", OWNER).await.ok("subscribers");
            reply[0]["displayName"].as_str().unwrap().to_owned()
        };
        eventually(async || shown().await == "fifth").await;
        fleet.publish(named(4, "fourth")).await;
        fleet.publish(named(6, "sixth")).await;
        eventually(async || shown().await == "sixth").await;
        fleet.publish(named(3, "third")).await;
        // An update of a user whose registration was not consumed.
        fleet.publish(UserUpdated { user_id: 11, ..named(2, "early") }).await;
        eventually(async || fleet.count("user_names WHERE display_name = 'early'").await == 1).await;
        assert_eq!(shown().await, "sixth");
        // Renaming the user does not rename the channel.
        assert_eq!(fleet.get("channels/8", 0).await.ok("channel")["name"], json!("user8"));
    }
}

#[tokio::test]
async fn a_hidden_owner_hides_the_channel() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        assert_eq!(fleet.subscribe(7, OTHER).await.status, 200);
        let updated = |user_id, version, is_hidden| UserUpdated {
            user_id,
            username: "user".into(),
            version,
            is_hidden,
            ..UserUpdated::default()
        };
        fleet.publish(updated(7, 4, true)).await;
        fleet.publish(updated(7, 4, true)).await;
        eventually(async || fleet.get("channels/7", OTHER).await.status == 404).await;
        // An older event, and a newer one that stays hidden.
        fleet.publish(updated(7, 3, false)).await;
        fleet.publish(updated(7, 5, true)).await;
        fleet.register(30, "later").await;
        assert_eq!(fleet.get("channels/7", OWNER).await.ok("channel")["isHidden"], json!(true));
        fleet.get("channels/7", 0).await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.subscribe(7, 30).await.refused(404, "CHANNEL_NOT_FOUND");
        assert_eq!(fleet.get("user/subscriptions", OTHER).await.ok("total"), json!("0"));
        // Two reasons are cleared independently.
        assert_eq!(fleet.moderate(7, "hide").await.status, 200);
        fleet.publish(updated(7, 6, false)).await;
        eventually(async || fleet.count("channels WHERE id = 7 AND hidden_reasons = 1").await == 1).await;
        assert_eq!(fleet.moderate(7, "restore").await.ok("channel")["isHidden"], json!(false));
        assert_eq!(fleet.get("channels/7", OTHER).await.ok("channel")["membershipTier"], json!("subscriber"));

        let moderated = || {
            let moderated = fleet.events.all::<UserModerated>();
            moderated
                .iter()
                .map(|m| (m.user_id, m.outcome.clone(), m.object_type.clone(), m.object_id))
                .collect::<Vec<_>>()
        };
        let entry = |outcome: &str| (7, outcome.to_owned(), "channel".to_owned(), 7);
        eventually(async || moderated().len() == 2).await;
        assert!(moderated().contains(&entry("hidden")) && moderated().contains(&entry("restored")));
        let audited = || {
            let audited = fleet.events.all::<AuditRecorded>();
            let mut entries: Vec<_> =
                audited.iter().map(|a| (a.action.clone(), a.actor_id, a.subject_user_id)).collect();
            entries.sort();
            entries
        };
        let expected = [("channel.hidden".to_owned(), 99, 7), ("channel.restored".to_owned(), 99, 7)];
        eventually(async || audited() == expected).await;

        // Hidden before the registration is consumed, and while they have no channel.
        fleet.publish(updated(40, 2, true)).await;
        eventually(async || fleet.count("user_names WHERE user_id = 40").await == 1).await;
        fleet
            .publish(UserRegistered { user_id: 40, username: "user40".into(), version: 1, ..Default::default() })
            .await;
        eventually(async || fleet.count("channels WHERE id = 40 AND hidden_reasons = 2").await == 1).await;
        fleet.get("channels/40", 0).await.refused(404, "CHANNEL_NOT_FOUND");
        assert_eq!(fleet.delete_own(40).await.status, 200);
        assert_eq!(fleet.create_own(&json!({}), 40).await.ok("channel")["isHidden"], json!(true));
    }
}

/// The same over JetStream, if it is available.
#[tokio::test]
async fn a_registration_creates_a_channel_over_jetstream() {
    let Some(url) = fenz_testkit::Server::Nats.url() else { return };
    let name = format!("CHANNEL{:x}", std::process::id());
    let prefix = name.to_lowercase();
    let settings = [("bus.url", url.as_str()), ("bus.stream", &name), ("bus.prefix", &prefix)];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    assert_eq!(fleet.subscribe(7, OTHER).await.status, 200);
    let events = || fleet.events.all::<MembershipChanged>();
    eventually(async || events().len() == 1).await;
    assert_eq!((events()[0].channel_id, events()[0].user_id, events()[0].tier, events()[0].version), (7, 8, 1, 1));
}
