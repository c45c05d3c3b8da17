//! Deleting and recreating a channel.

use fenz_channel::Channels;
use fenz_contract::{
    channel::v1::{GetMembershipRequest, membership_service_client::MembershipServiceClient},
    events::v1::{AuditRecorded, ChannelChanged, ChannelDeleted, MembershipChanged},
};
use fenz_testkit::{Database, Reply, eventually};
use reqwest::Method;
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER};

/// The newest event of each membership of a channel: user, tier, version.
fn newest(fleet: &Fleet, channel: i64) -> Vec<(i64, i32, i64)> {
    let mut newest = std::collections::BTreeMap::new();
    for event in fleet.events.all::<MembershipChanged>().iter().filter(|m| m.channel_id == channel) {
        let known = newest.entry(event.user_id).or_insert((event.tier, event.version));
        if event.version > known.1 {
            *known = (event.tier, event.version);
        }
    }
    newest.into_iter().map(|(user, (tier, version))| (user, tier, version)).collect()
}

/// Waits for the cleanups of deleted channels.
async fn cleaned_up(fleet: &Fleet) {
    eventually(async || fleet.count("jobs WHERE kind = 'channel.cleanup'").await == 0).await;
}

#[tokio::test]
async fn deleting_a_channel_deletes_its_memberships_and_pictures() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let picture = fleet.upload(OWNER).await;
        let edited = fleet.put("channels/7", &json!({"avatarUploadId": picture}), OWNER).await.ok("channel");
        for user in [OTHER, 20, 21] {
            assert_eq!(fleet.subscribe(7, user).await.status, 200);
        }
        assert_eq!(fleet.unsubscribe(7, 21).await.status, 200);
        assert_eq!(fleet.subscribe(8, OWNER).await.status, 200);
        fleet.delete_own(0).await.refused(401, "UNAUTHENTICATED");
        fleet.delete_own(12_345).await.refused(404, "CHANNEL_NOT_FOUND");

        assert_eq!(fleet.delete_own(OWNER).await.status, 200);
        for (user, path) in
            [(OWNER, "channels/7"), (OTHER, "channels/7"), (OWNER, "dashboard/fee"), (OWNER, "dashboard/subscribers")]
        {
            fleet.get(path, user).await.refused(404, "CHANNEL_NOT_FOUND");
        }
        let moderator = fleet.request_as(Method::GET, "channels/7", 99, fenz_core::Role::Moderator);
        Reply::of(moderator).await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.moderate(7, "hide").await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.put("channels/7", &json!({"name": "n"}), OWNER).await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.subscribe(7, 22).await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.unsubscribe(7, OTHER).await.refused(404, "CHANNEL_NOT_FOUND");
        assert_eq!(fleet.get("user/subscriptions", OTHER).await.ok("total"), json!("0"));
        // The owner's memberships of other channels stay.
        assert_eq!(fleet.get("user/subscriptions", OWNER).await.ok("total"), json!("1"));
        let mut members = MembershipServiceClient::new(fleet.sandbox.peer("content", "channel").unwrap());
        let asked = GetMembershipRequest { user_id: OTHER, channel_id: 7 };
        assert_eq!(members.get_membership(asked).await.unwrap().into_inner().tier, 0);
        fleet.delete_own(OWNER).await.refused(409, "CHANNEL_ALREADY_DELETED");

        eventually(async || fleet.count("memberships WHERE channel_id = 7").await == 0).await;
        cleaned_up(&fleet).await;
        eventually(async || fleet.media(&edited["avatarUrl"]).await == 404).await;
        eventually(async || newest(&fleet, 7).len() == 3 && newest(&fleet, 7).iter().all(|m| m.1 == 0)).await;
        let deleted = || fleet.events.all::<ChannelDeleted>();
        eventually(async || deleted().len() == 1).await;
        assert_eq!((deleted()[0].channel_id, deleted()[0].owner_id, deleted()[0].version), (7, 7, 3));
        // A redelivered registration creates no channel.
        fleet.publish(fenz_contract::events::v1::UserRegistered { user_id: 7, version: 1, ..Default::default() }).await;
        fleet.register(30, "later").await;
        fleet.get("channels/7", OWNER).await.refused(404, "CHANNEL_NOT_FOUND");
    }
}

#[tokio::test]
async fn a_recreated_channel_has_the_same_id_and_higher_versions() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        fleet.create_own(&json!({}), 0).await.refused(401, "UNAUTHENTICATED");
        fleet.create_own(&json!({}), OWNER).await.refused(409, "CHANNEL_ALREADY_EXISTS");
        for user in [OTHER, 20] {
            assert_eq!(fleet.subscribe(7, user).await.status, 200);
        }
        fleet.put("channels/7", &json!({"description": "d"}), OWNER).await.ok("channel");
        fleet.put("dashboard/fee", &json!({"amount": "5.00", "currency": "EUR"}), OWNER).await.ok("fee");
        assert_eq!(fleet.delete_own(OWNER).await.status, 200);
        for (body, field) in [
            (json!({"name": " "}), "name"),
            (json!({"name": "a\nb"}), "name"),
            (json!({"name": "n".repeat(65)}), "name"),
            (json!({"description": "d".repeat(5_001)}), "description"),
        ] {
            assert_eq!(fleet.create_own(&body, OWNER).await.refused(400, "INVALID_PARAMS").field(), field);
        }
        let created = fleet.create_own(&json!({"description": "new"}), OWNER).await;
        assert_eq!(created.headers["etag"], "\"5\"");
        let mut created = created.ok("channel");
        assert!(created["createdAt"].take().is_string());
        assert_eq!(
            created,
            json!({
                "id": "7", "ownerId": "7", "name": "the owner", "description": "new", "avatarUrl": "",
                "bannerUrl": "", "monthlyFee": {"amount": "0.00", "currency": "USD"}, "subscriberCount": "0",
                "premiumCount": "0", "membershipTier": "none", "isHidden": false, "createdAt": null,
            })
        );
        fleet.create_own(&json!({}), OWNER).await.refused(409, "CHANNEL_ALREADY_EXISTS");
        // The membership of the deleted channel does not count, whether it is cleaned up yet
        // or not.
        assert_eq!(fleet.subscribe(7, OTHER).await.ok("membership")["tier"], json!("subscriber"));
        cleaned_up(&fleet).await;
        let seen = fleet.get("channels/7", OTHER).await.ok("channel");
        assert_eq!((&seen["subscriberCount"], &seen["membershipTier"]), (&json!("1"), &json!("subscriber")));
        assert_eq!(fleet.get("channels/7", 20).await.ok("channel")["membershipTier"], json!("none"));
        assert_eq!(fleet.get("dashboard/subscribers", OWNER).await.ok("total"), json!("1"));
        eventually(async || {
            let tiers: Vec<_> = newest(&fleet, 7).iter().map(|m| (m.0, m.1)).collect();
            tiers == [(OTHER, 1), (20, 0)]
        })
        .await;

        let second = fleet.delete_own(OWNER).await;
        assert_eq!(second.status, 200);
        assert_eq!(fleet.create_own(&json!({"name": "third"}), OWNER).await.ok("channel")["name"], json!("third"));
        fleet.unsubscribe(7, OTHER).await.refused(400, "NOT_SUBSCRIBED");
        let versions = || {
            let changed = fleet.events.all::<ChannelChanged>().into_iter().filter(|c| c.channel_id == 7);
            let deleted = fleet.events.all::<ChannelDeleted>();
            let mut all: Vec<_> = changed.map(|c| c.version).chain(deleted.iter().map(|c| c.version)).collect();
            all.sort_unstable();
            all
        };
        eventually(async || versions() == [1, 2, 3, 4, 5, 6, 7]).await;
        let audited = || {
            let audited = fleet.events.all::<AuditRecorded>();
            let mut entries: Vec<_> =
                audited.iter().map(|a| (a.action.clone(), a.actor_id, a.object_id.clone())).collect();
            entries.sort();
            entries
        };
        let entry = |action: &str| (action.to_owned(), OWNER, "7".to_owned());
        let expected =
            [entry("channel.created"), entry("channel.created"), entry("channel.deleted"), entry("channel.deleted")];
        eventually(async || audited() == expected).await;
    }
}

#[tokio::test]
async fn moderation_survives_recreation() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        assert_eq!(fleet.moderate(7, "hide").await.status, 200);
        assert_eq!(fleet.delete_own(OWNER).await.status, 200);
        assert_eq!(fleet.create_own(&json!({}), OWNER).await.ok("channel")["isHidden"], json!(true));
        fleet.get("channels/7", OTHER).await.refused(404, "CHANNEL_NOT_FOUND");
        assert_eq!(fleet.moderate(7, "restore").await.ok("channel")["isHidden"], json!(false));
        assert_eq!(fleet.get("channels/7", OTHER).await.status, 200);
    }
}

/// The registration event is not consumed yet.
#[tokio::test]
async fn no_channel_is_created_without_a_name() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let early = fleet.create_own(&json!({}), 20).await;
        assert_eq!(early.refused(503, "UNAVAILABLE").headers["retry-after"], "1");
        fleet.get("channels/20", 20).await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.register(20, "twenty").await;
        assert_eq!(fleet.get("channels/20", 0).await.ok("channel")["name"], json!("twenty"));
        // With an explicit name there is no need to wait.
        assert_eq!(fleet.create_own(&json!({"name": "mine"}), 21).await.ok("channel")["name"], json!("mine"));
    }
}

/// Deleting, creating and subscribing concurrently: one request of each kind
/// succeeds, and the counts match the rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_concurrent_deletion_and_one_creation_succeed() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let body = json!({});
        for _ in 0..3 {
            let deletes = futures::future::join_all((0..5).map(|_| fleet.delete_own(OWNER)));
            let joins = futures::future::join_all((40..60).map(|user| fleet.subscribe(7, user)));
            let (deletes, _) = futures::future::join(deletes, joins).await;
            assert_eq!(deletes.iter().filter(|r| r.status == 200).count(), 1, "{deletes:?}");
            assert!(deletes.iter().all(|r| r.status == 200 || r.reason() == "CHANNEL_ALREADY_DELETED"));
            let creates = futures::future::join_all((0..5).map(|_| fleet.create_own(&body, OWNER)));
            let joins = futures::future::join_all((40..60).map(|user| fleet.subscribe(7, user)));
            let (creates, joins) = futures::future::join(creates, joins).await;
            assert_eq!(creates.iter().filter(|r| r.status == 200).count(), 1, "{creates:?}");
            assert!(creates.iter().all(|r| r.status == 200 || r.reason() == "CHANNEL_ALREADY_EXISTS"));
            assert!(joins.iter().all(|r| r.status < 500), "{joins:?}");
        }
        cleaned_up(&fleet).await;
        let members = fleet.count("memberships WHERE channel_id = 7 AND tier > 0").await;
        let seen = fleet.get("channels/7", 0).await.ok("channel");
        assert_eq!(seen["subscriberCount"], json!(members.to_string()), "{database:?}");
    }
}

/// Inserts memberships of the first version.
async fn insert_memberships(fleet: &Fleet, database: Database, channel: i64, users: std::ops::Range<i64>) {
    let at = if database == Database::MariaDb { "2026-01-01 00:00:00" } else { "2026-01-01 00:00:00+00:00" };
    let rows: Vec<_> = users.map(|user| format!("({channel}, {user}, 1, 'active', '{at}', 1)")).collect();
    let columns = "channel_id, user_id, tier, status, created_at, version";
    fleet.execute(&format!("INSERT INTO memberships ({columns}) VALUES {}", rows.join(","))).await;
}

/// More members than fit in a batch.
#[tokio::test]
async fn many_memberships_are_deleted_in_batches() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        insert_memberships(&fleet, database, 7, 1_000..1_700).await;
        fleet.execute("UPDATE channels SET subscriber_count = 700 WHERE id = 7").await;
        assert_eq!(fleet.delete_own(OWNER).await.status, 200);
        assert_eq!(fleet.create_own(&json!({}), OWNER).await.ok("channel")["subscriberCount"], json!("0"));
        eventually(async || fleet.count("memberships").await == 0).await;
        eventually(async || newest(&fleet, 7).len() == 700).await;
        assert!(newest(&fleet, 7).iter().all(|m| m.1 == 0 && m.2 == 2));
    }
}

/// An earlier release deleted their channels and was replaced before it cleaned up.
#[tokio::test]
async fn memberships_without_a_cleanup_are_found() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        fleet.register(20, "twenty").await;
        for owner in [OWNER, OTHER] {
            assert_eq!(fleet.delete_own(owner).await.status, 200);
        }
        cleaned_up(&fleet).await;
        // One is recreated and has a member of its own.
        fleet.create_own(&json!({}), OTHER).await.ok("channel");
        assert_eq!(fleet.subscribe(OTHER, 30).await.status, 200);
        for channel in [OWNER, OTHER, 20] {
            insert_memberships(&fleet, database, channel, 1_000..1_003).await;
        }
        fleet.sandbox.start_replica::<Channels>().await.unwrap();
        eventually(async || fleet.count("memberships WHERE channel_id IN (7, 8)").await == 1).await;
        cleaned_up(&fleet).await;
        assert_eq!(fleet.count("memberships WHERE channel_id = 8 AND user_id = 30").await, 1);
        assert_eq!(fleet.count("memberships WHERE channel_id = 20").await, 3);
        eventually(async || newest(&fleet, 7).len() == 3 && newest(&fleet, 8).len() == 4).await;
        let tiers: Vec<_> = newest(&fleet, 8).iter().map(|m| (m.0, m.1)).collect();
        assert_eq!(tiers, [(30, 1), (1_000, 0), (1_001, 0), (1_002, 0)]);
    }
}
