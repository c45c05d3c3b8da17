//! Subscribing, unsubscribing and their lists.

use fenz_contract::{
    channel::v1::{GetMembershipRequest, ListMembershipsRequest, membership_service_client::MembershipServiceClient},
    events::v1::MembershipChanged,
};
use fenz_testkit::{Database, eventually};
use serde_json::{Value, json};

use crate::fleet::{Fleet, OTHER, OWNER};

fn counts(channel: &Value) -> (&str, &str, &str) {
    let text = |field: &str| channel[field].as_str().expect("text");
    (text("subscriberCount"), text("premiumCount"), text("membershipTier"))
}

#[tokio::test]
async fn subscribe_unsubscribe_and_resubscribe() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        fleet.subscribe(7, 0).await.refused(401, "UNAUTHENTICATED");
        fleet.subscribe(7, OWNER).await.refused(400, "CANNOT_SUBSCRIBE_SELF");
        fleet.subscribe(404, OTHER).await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.unsubscribe(404, OTHER).await.refused(404, "CHANNEL_NOT_FOUND");
        fleet.unsubscribe(7, OTHER).await.refused(400, "NOT_SUBSCRIBED");

        let mut membership = fleet.subscribe(7, OTHER).await.ok("membership");
        assert!(membership["createdAt"].take().is_string());
        let expected =
            json!({"userId": "8", "channelId": "7", "tier": "subscriber", "status": "active", "createdAt": null});
        assert_eq!(membership, expected);
        let before = fleet.get("channels/7", OTHER).await.ok("channel");
        fleet.subscribe(7, OTHER).await.refused(409, "ALREADY_SUBSCRIBED");
        assert_eq!(fleet.get("channels/7", OTHER).await.ok("channel"), before);
        assert_eq!(counts(&before), ("1", "0", "subscriber"));
        assert_eq!(counts(&fleet.get("channels/7", 0).await.ok("channel")), ("1", "0", "none"));

        // Upgraded to tier 2 meanwhile.
        fleet.execute("UPDATE memberships SET tier = 2 WHERE user_id = 8").await;
        fleet.execute("UPDATE channels SET premium_count = 1 WHERE id = 7").await;
        fleet.subscribe(7, OTHER).await.refused(409, "ALREADY_SUBSCRIBED");
        assert_eq!(counts(&fleet.get("channels/7", OTHER).await.ok("channel")), ("1", "1", "premium"));
        let ended = fleet.unsubscribe(7, OTHER).await.ok("membership");
        assert_eq!((&ended["tier"], &ended["status"]), (&json!("none"), &json!("ended")));
        fleet.unsubscribe(7, OTHER).await.refused(400, "NOT_SUBSCRIBED");
        assert_eq!(counts(&fleet.get("channels/7", OTHER).await.ok("channel")), ("0", "0", "none"));
        assert_eq!(fleet.subscribe(7, OTHER).await.ok("membership")["tier"], json!("subscriber"));

        let events = || fleet.events.all::<MembershipChanged>();
        eventually(async || events().len() == 3).await;
        let mut events: Vec<_> = events().iter().map(|e| (e.version, e.channel_id, e.user_id, e.tier)).collect();
        events.sort_unstable();
        assert_eq!(events, [(1, 7, 8, 1), (2, 7, 8, 0), (3, 7, 8, 1)]);
    }
}

#[tokio::test]
async fn other_services_query_memberships() {
    let fleet = Fleet::start(Database::of_a_fleet()).await;
    fleet.register(9, "nine").await;
    for channel in [7, 8] {
        assert_eq!(fleet.subscribe(channel, 9).await.status, 200);
    }
    let mut client = MembershipServiceClient::new(fleet.sandbox.peer("content", "channel").unwrap());
    for (user_id, channel_id, tier) in [(9, 7, 1), (7, 9, 0), (7, 7, 0), (1234, 7, 0)] {
        let reply = client.get_membership(GetMembershipRequest { user_id, channel_id }).await.unwrap();
        assert_eq!(reply.into_inner().tier, tier, "{user_id} {channel_id}");
    }
    let mut list = async |user_id| {
        let reply = client.list_memberships(ListMembershipsRequest { user_id }).await;
        reply.unwrap().into_inner().channel_ids
    };
    assert_eq!(list(9).await, [8, 7]);
    assert_eq!(fleet.unsubscribe(8, 9).await.status, 200);
    assert_eq!(list(9).await, [7]);
    assert_eq!(list(7).await, [0_i64; 0]);
}

#[tokio::test]
async fn lists_are_paged_newest_first() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        for user in 20..27 {
            fleet.register(user, &format!("name of {user}")).await;
            assert_eq!(fleet.subscribe(7, user).await.status, 200);
            assert_eq!(fleet.subscribe(user, OTHER).await.status, 200);
        }
        assert_eq!(fleet.unsubscribe(7, 23).await.status, 200);
        assert_eq!(fleet.unsubscribe(23, OTHER).await.status, 200);

        let page = async |path: &str, name: &str, user| {
            let reply = fleet.get(path, user).await;
            let total = reply.body["total"].clone();
            (reply.ok(name).as_array().unwrap().clone(), total)
        };
        let (first, total) = page("dashboard/subscribers?pageSize=4", "subscribers", OWNER).await;
        let (second, _) = page("dashboard/subscribers?pageSize=4&page=2", "subscribers", OWNER).await;
        let names: Vec<_> = first.iter().chain(&second).map(|s| s["username"].as_str().unwrap()).collect();
        assert_eq!(names, ["user26", "user25", "user24", "user22", "user21", "user20"]);
        assert_eq!(total, json!("6"));
        assert_eq!(first[0]["displayName"], json!("name of 26"));
        assert_eq!(first[0]["membership"]["tier"], json!("subscriber"));

        let (first, total) = page("user/subscriptions?pageSize=4", "subscriptions", OTHER).await;
        let (second, _) = page("user/subscriptions?pageSize=4&page=2", "subscriptions", OTHER).await;
        let ids: Vec<_> = first.iter().chain(&second).map(|s| s["channel"]["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["26", "25", "24", "22", "21", "20"]);
        assert_eq!((total, &first[0]["channel"]["membershipTier"]), (json!("6"), &json!("subscriber")));
        assert_eq!(page("user/subscriptions?page=9", "subscriptions", OTHER).await, (vec![], json!("6")));

        for path in ["user/subscriptions?page=101&pageSize=100", "dashboard/subscribers?page=0"] {
            fleet.get(path, OWNER).await.refused(400, "INVALID_PARAMS");
        }
        fleet.get("dashboard/subscribers", 0).await.refused(401, "UNAUTHENTICATED");
        fleet.get("dashboard/subscribers", 12_345).await.refused(404, "CHANNEL_NOT_FOUND");
    }
}
