//! Erasing a user.

use fenz_contract::events::v1::{ChannelDeleted, MembershipChanged, UserErased, UserRegistered, UserUpdated};
use fenz_testkit::{Database, eventually};
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER};

#[tokio::test]
async fn all_data_of_a_deleted_user_is_erased() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        fleet.register(20, "twenty").await;
        let picture = fleet.upload(OWNER).await;
        let edited = fleet.put("channels/7", &json!({"bannerUploadId": picture}), OWNER).await.ok("channel");
        for (channel, user) in [(7, OTHER), (7, 20), (8, OWNER), (20, OWNER), (20, OTHER)] {
            assert_eq!(fleet.subscribe(channel, user).await.status, 200);
        }
        assert_eq!(fleet.unsubscribe(8, OWNER).await.status, 200);

        for _ in 0..2 {
            fleet.delete_user(OWNER).await;
        }
        let erased =
            || fleet.events.all::<UserErased>().iter().filter(|e| e.service == "channel").cloned().collect::<Vec<_>>();
        let idle =
            async || fleet.count("mailbox WHERE consumer = 'channel'").await == 0 && fleet.count("erasures").await == 0;
        eventually(async || !erased().is_empty() && idle().await).await;
        assert!(erased().iter().all(|e| e.user_id == OWNER && e.erasure_id == OWNER));
        for rows in [
            "channels WHERE id = 7 OR owner_id = 7",
            "memberships WHERE user_id = 7 OR channel_id = 7",
            "user_names WHERE user_id = 7",
        ] {
            assert_eq!(fleet.count(rows).await, 0, "{database:?} {rows}");
        }
        eventually(async || fleet.count("jobs WHERE kind = 'channel.cleanup'").await == 0).await;
        eventually(async || fleet.media(&edited["bannerUrl"]).await == 404).await;
        // Other users' data is unchanged, and the counts are right.
        assert_eq!(fleet.get("channels/20", 0).await.ok("channel")["subscriberCount"], json!("1"));
        assert_eq!(fleet.get("channels/8", 0).await.ok("channel")["subscriberCount"], json!("0"));
        assert_eq!(fleet.get("user/subscriptions", OTHER).await.ok("total"), json!("1"));
        assert_eq!(fleet.get("user/subscriptions", 20).await.ok("total"), json!("0"));
        let ended = |channel, user| {
            let events = fleet.events.all::<MembershipChanged>();
            events.iter().any(|m| (m.channel_id, m.user_id, m.tier) == (channel, user, 0))
        };
        eventually(async || ended(7, OTHER) && ended(7, 20) && ended(20, OWNER)).await;
        eventually(async || !fleet.events.all::<ChannelDeleted>().is_empty()).await;
        let deleted = fleet.events.all::<ChannelDeleted>();
        assert_eq!(deleted.iter().map(|d| (d.channel_id, d.version)).collect::<Vec<_>>(), [(7, 3)]);

        // Late events and a token that is still valid recreate nothing.
        let (username, display_name) = ("user7".to_owned(), "the owner".to_owned());
        fleet
            .publish(UserRegistered { user_id: 7, username: username.clone(), version: 1, ..Default::default() })
            .await;
        fleet.publish(UserUpdated { user_id: 7, username, display_name, version: 9, ..Default::default() }).await;
        fleet.subscribe(20, OWNER).await.refused(401, "UNAUTHENTICATED");
        fleet.create_own(&json!({}), OWNER).await.refused(401, "UNAUTHENTICATED");
        fleet.register(30, "later").await;
        eventually(idle).await;
        assert_eq!(fleet.count("channels WHERE owner_id = 7").await, 0);
        assert_eq!(fleet.count("user_names WHERE user_id = 7").await, 0);
        // A repeated deletion is reported again.
        let before = erased().len();
        fleet.delete_user(OWNER).await;
        eventually(async || erased().len() > before).await;
    }
}

#[tokio::test]
async fn a_channel_deleted_earlier_is_erased() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        assert_eq!(fleet.subscribe(7, OTHER).await.status, 200);
        assert_eq!(fleet.delete_own(OWNER).await.status, 200);
        fleet.delete_user(OWNER).await;
        let erased = || fleet.events.all::<UserErased>().iter().any(|e| e.service == "channel");
        eventually(async || erased()).await;
        assert_eq!(fleet.count("channels WHERE id = 7").await, 0);
        assert_eq!(fleet.count("memberships").await, 0);
        eventually(async || fleet.events.all::<ChannelDeleted>().len() == 1).await;
    }
}

/// It has passed its check for erased users when the deletion is consumed.
#[tokio::test]
async fn a_concurrent_subscription_is_erased() {
    for database in Database::available() {
        let (at, lock_waits) = match database {
            // A single writer: the two cannot overlap.
            Database::Sqlite => continue,
            Database::Postgres => (
                "2026-01-01 00:00:00+00:00",
                "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            ),
            Database::MariaDb => (
                "2026-01-01 00:00:00",
                "information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id \
                 WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'",
            ),
        };
        let fleet = Fleet::start(database).await;
        let erased = || fleet.events.all::<UserErased>().iter().any(|e| e.service == "channel");
        // An uncommitted row with the same key blocks the subscription's last statement.
        let db = fleet.database().await;
        let blocker = db.begin().await.unwrap();
        let row = format!("VALUES (7, 8, 1, 'active', '{at}', 1)");
        let columns = "channel_id, user_id, tier, status, created_at, version";
        blocker.execute_unprepared(&format!("INSERT INTO memberships ({columns}) {row}")).await.unwrap();
        let deletion = async {
            eventually(async || {
                // MariaDB refreshes innodb_trx only when it was not read for 100 ms.
                tokio::time::sleep(std::time::Duration::from_millis(150)).await;
                fleet.count(lock_waits).await == 1
            })
            .await;
            fleet.delete_user(OTHER).await;
            // Long enough for an erasure that wrongly does not wait.
            for _ in 0..80 {
                if erased() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(25)).await;
            }
            blocker.rollback().await.unwrap();
        };
        let (subscribed, ()) = tokio::join!(fleet.subscribe(7, OTHER), deletion);
        assert_eq!(subscribed.status, 200, "{database:?}");
        eventually(async || erased()).await;
        assert_eq!(fleet.count("memberships WHERE user_id = 8").await, 0, "{database:?}");
        assert_eq!(fleet.get("channels/7", 0).await.ok("channel")["subscriberCount"], json!("0"));
        db.close().await.unwrap();
    }
}
