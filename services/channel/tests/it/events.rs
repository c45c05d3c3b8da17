//! What auth's events make of channels and names.

use fenz_contract::events::v1::{UserRegistered, UserUpdated};
use fenz_testkit::Database;
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER, eventually};

#[tokio::test]
async fn a_user_gets_one_channel() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        // Without a display name the channel has the username.
        assert_eq!(fleet.get("channels/8", 0).await.of("channel")["name"], json!("user8"));
        fleet.put("channels/7", &json!({"name": "edited"}), OWNER).await.of("channel");
        let again = UserRegistered { user_id: 7, username: "user7".into(), version: 1, ..UserRegistered::default() };
        fleet.tell(again).await;
        fleet.tell(UserRegistered { username: "nobody".into(), ..UserRegistered::default() }).await;
        // What comes after them is not held up.
        fleet.register(10, "頻".repeat(64).as_str()).await;
        assert_eq!(fleet.get("channels/10", 0).await.of("channel")["name"], json!("頻".repeat(64)));
        assert_eq!(fleet.get("channels/7", 0).await.of("channel")["name"], json!("edited"));
        assert_eq!(fleet.count("channels").await, 3);
    }
}

#[tokio::test]
async fn the_newest_names_hold_in_any_order() {
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
        fleet.tell(named(5, "fifth")).await;
        let shown = async || {
            let reply = fleet.get("dashboard/subscribers", OWNER).await.of("subscribers");
            reply[0]["displayName"].as_str().unwrap().to_owned()
        };
        eventually(async || shown().await == "fifth").await;
        fleet.tell(named(4, "fourth")).await;
        fleet.tell(named(6, "sixth")).await;
        eventually(async || shown().await == "sixth").await;
        fleet.tell(named(3, "third")).await;
        // A user of whom only a change has come.
        fleet.tell(UserUpdated { user_id: 11, ..named(2, "early") }).await;
        eventually(async || fleet.count("user_names WHERE display_name = 'early'").await == 1).await;
        assert_eq!(shown().await, "sixth");
        // A rename is not the channel's.
        assert_eq!(fleet.get("channels/8", 0).await.of("channel")["name"], json!("user8"));
    }
}

#[tokio::test]
async fn a_hidden_owner_hides_the_channel() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        assert_eq!(fleet.subscribe(7, OTHER).await.status, 200);
        let told = |user_id, version, is_hidden| UserUpdated {
            user_id,
            username: "user".into(),
            version,
            is_hidden,
            ..UserUpdated::default()
        };
        fleet.tell(told(7, 4, true)).await;
        fleet.tell(told(7, 4, true)).await;
        eventually(async || fleet.get("channels/7", OTHER).await.status == 404).await;
        // An older word, and one about something else.
        fleet.tell(told(7, 3, false)).await;
        fleet.tell(told(7, 5, true)).await;
        fleet.register(30, "later").await;
        assert_eq!(fleet.get("channels/7", OWNER).await.of("channel")["isHidden"], json!(true));
        fleet.get("channels/7", 0).await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.subscribe(7, 30).await.refused(404, "CHANNEL_NOT_FOUND");
        assert_eq!(fleet.get("user/subscriptions", OTHER).await.of("total"), json!("0"));
        // Of two reasons, each is taken back on its own.
        assert_eq!(fleet.moderate(7, "hide").await.status, 200);
        fleet.tell(told(7, 6, false)).await;
        eventually(async || fleet.count("channels WHERE id = 7 AND hidden_reasons = 1").await == 1).await;
        assert_eq!(fleet.moderate(7, "restore").await.of("channel")["isHidden"], json!(false));
        assert_eq!(fleet.get("channels/7", OTHER).await.of("channel")["membershipTier"], json!("subscriber"));

        let moderated = || {
            let moderated = fleet.heard.moderated.lock().unwrap();
            moderated
                .iter()
                .map(|m| (m.user_id, m.outcome.clone(), m.object_type.clone(), m.object_id))
                .collect::<Vec<_>>()
        };
        let of = |outcome: &str| (7, outcome.to_owned(), "channel".to_owned(), 7);
        eventually(async || moderated().len() == 2).await;
        assert!(moderated().contains(&of("hidden")) && moderated().contains(&of("restored")));
        let audited = || {
            let audited = fleet.heard.audited.lock().unwrap();
            let mut acts: Vec<_> = audited.iter().map(|a| (a.action.clone(), a.actor_id, a.subject_user_id)).collect();
            acts.sort();
            acts
        };
        let expected = [("channel.hidden".to_owned(), 99, 7), ("channel.restored".to_owned(), 99, 7)];
        eventually(async || audited() == expected).await;

        // Hidden before we heard of them, and while they have no channel.
        fleet.tell(told(40, 2, true)).await;
        eventually(async || fleet.count("user_names WHERE user_id = 40").await == 1).await;
        fleet.tell(UserRegistered { user_id: 40, username: "user40".into(), version: 1, ..Default::default() }).await;
        eventually(async || fleet.count("channels WHERE id = 40 AND hidden_reasons = 2").await == 1).await;
        fleet.get("channels/40", 0).await.refused(404, "CHANNEL_NOT_FOUND");
        assert_eq!(fleet.delete_own(40).await.status, 200);
        assert_eq!(fleet.create_own(&json!({}), 40).await.of("channel")["isHidden"], json!(true));
    }
}

/// The same over JetStream, where there is one.
#[tokio::test]
async fn a_channel_comes_with_its_user_over_the_broker_too() {
    let Ok(url) = std::env::var("FENZ_TEST_NATS") else { return };
    let name = format!("CHANNEL{:x}", std::process::id());
    let prefix = name.to_lowercase();
    let settings = [("bus.url", url.as_str()), ("bus.stream", &name), ("bus.prefix", &prefix)];
    let fleet = Fleet::start_with(Database::of_a_fleet(), &settings).await;
    assert_eq!(fleet.subscribe(7, OTHER).await.status, 200);
    let told = || fleet.heard.memberships.lock().expect("no panic before").clone();
    eventually(async || told().len() == 1).await;
    assert_eq!((told()[0].channel_id, told()[0].user_id, told()[0].tier, told()[0].version), (7, 8, 1, 1));
}
