//! Moderation.

use fenz_contract::events::v1::{AuditRecorded, UserModerated, VideoUpdate};
use fenz_core::Role;
use fenz_testkit::{Database, eventually, id};
use serde_json::{Value, json};

use crate::fleet::{Fleet, OTHER, OWNER, STAFF, channel};

#[tokio::test]
async fn hiding_and_restoring_is_published_and_audited_once() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[]).await;
        let video = fleet.video(json!({"title": "one"})).await;
        let path = format!("videos/{video}");
        assert_eq!(fleet.get(&path, OTHER).await.status, 200);
        let hidden = fleet.moderate(video, "hide", &json!({"text": "not here"})).await.ok("video");
        assert_eq!(hidden["isHidden"], json!(true));
        assert_eq!(fleet.media(&hidden["playbackUrl"]).await, 200);
        fleet.get(&path, OTHER).await.refused(404, "VIDEO_NOT_FOUND");
        assert!(fleet.public().await.is_empty());
        assert_eq!(fleet.get(&path, OWNER).await.ok("video")["isHidden"], json!(true));
        fleet.moderate(video, "hide", &json!({})).await.ok("video");
        // The owner cannot restore it.
        fleet.publish(video, false, OWNER).await.ok("video");
        fleet.publish(video, true, OWNER).await.ok("video");
        assert!(fleet.public().await.is_empty());
        fleet.moderate(video, "restore", &json!({})).await.ok("video");
        fleet.moderate(video, "restore", &json!({})).await.ok("video");
        assert_eq!(fleet.public().await, [video]);
        assert_eq!(fleet.get(&path, OTHER).await.status, 200);

        let moderated = || fleet.events.all::<UserModerated>();
        eventually(async || moderated().len() == 2 && fleet.actions().len() == 2).await;
        let moderated = moderated();
        for (outcome, text) in [("hidden", "not here"), ("restored", "")] {
            let event = moderated.iter().find(|m| m.outcome == outcome).unwrap();
            let about = (event.user_id, event.object_type.as_str(), event.object_id, event.object_title.as_str());
            assert_eq!((about, event.text.as_str()), ((OWNER, "video", video, "one"), text));
        }
        assert_eq!(fleet.actions(), ["video.hidden", "video.restored"]);
        let act = fleet.events.all::<AuditRecorded>()[0].clone();
        assert_eq!((act.actor_id, act.object_id, act.subject_user_id), (STAFF, video.to_string(), OWNER));
        // Hide, publish, publish, restore.
        eventually(async || fleet.last(video).is_some_and(|last| last.version == 5 && !last.is_hidden)).await;
        fleet.moderate(1, "hide", &json!({})).await.refused(404, "VIDEO_NOT_FOUND");
    }
}

#[tokio::test]
async fn updates_of_hidden_videos_do_not_notify_subscribers() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[("content.edit_cooldown", "0s")]).await;
        let video = fleet.video(json!({"title": "one"})).await;
        let rename = async |title: &str| fleet.put(video, &json!({"title": title}), OWNER).await.ok("video");
        fleet.moderate(video, "hide", &json!({})).await.ok("video");
        rename("two").await;
        fleet.moderate(video, "restore", &json!({})).await.ok("video");
        rename("three").await;
        let titles = || fleet.events.all::<VideoUpdate>().iter().map(|e| e.title.clone()).collect::<Vec<_>>();
        eventually(async || titles().contains(&"three".to_owned())).await;
        eventually(async || fleet.changed().iter().filter(|e| e.video_id == video).count() == 5).await;
        assert_eq!(titles(), ["three"]);
    }
}

/// Restoring a channel does not restore videos that moderators hid.
#[tokio::test]
async fn hidden_reasons_are_independent() {
    let fleet = Fleet::start_with_events(Database::of_a_fleet(), &[]).await;
    let (hidden, other) = (fleet.video(json!({})).await, fleet.video(json!({})).await);
    fleet.events.publish(channel(1, true)).await;
    eventually(async || fleet.public().await.is_empty()).await;
    fleet.moderate(hidden, "hide", &json!({})).await.ok("video");
    fleet.events.publish(channel(2, false)).await;
    eventually(async || fleet.public().await == [other]).await;
    fleet.get(&format!("videos/{hidden}"), OTHER).await.refused(404, "VIDEO_NOT_FOUND");
    // The event of a video does not include its channel's state.
    eventually(async || fleet.last(hidden).is_some_and(|last| last.is_hidden)).await;
    fleet.events.publish(channel(3, true)).await;
    eventually(async || fleet.public().await.is_empty()).await;
    let restored = fleet.moderate(hidden, "restore", &json!({})).await.ok("video");
    assert_eq!(restored["isHidden"], json!(true));
    eventually(async || fleet.last(hidden).is_some_and(|last| !last.is_hidden)).await;
}

#[tokio::test]
async fn moderators_list_videos_in_every_state_by_every_filter() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let public = fleet.video(json!({})).await;
        let draft = fleet.video(json!({"publish": false})).await;
        let hidden = fleet.video(json!({})).await;
        fleet.moderate(hidden, "hide", &json!({})).await.ok("video");
        let foreign = fleet.video_of(OTHER, json!({})).await;
        for (query, expected) in [
            ("", vec![foreign, hidden, draft, public]),
            ("?channelId=7", vec![hidden, draft, public]),
            ("?isHidden=true", vec![hidden]),
            ("?isHidden=false", vec![foreign, draft, public]),
            ("?isPublished=false", vec![draft]),
            ("?isPublished=true&channelId=8", vec![foreign]),
            ("?pageSize=1&page=2&isHidden=false", vec![draft]),
        ] {
            let list = fleet.moderator().get(&format!("admin/videos{query}")).await;
            assert_eq!(list.ids("videos"), expected, "{query}");
        }
        let list = fleet.moderator().get("admin/videos").await.body;
        assert_eq!(list["total"], "4");
        let by_id = |video: i64| list["videos"].as_array().unwrap().iter().find(|v| id(v) == video).unwrap();
        // Videos that are not public have insider URLs.
        let has_insider_url =
            |video: i64| by_id(video)["thumbnailUrl"].as_str().unwrap().split('/').any(|p| p.ends_with('i'));
        assert!(has_insider_url(draft) && has_insider_url(hidden) && !has_insider_url(public));
    }
}

#[tokio::test]
async fn only_moderators_moderate() {
    let fleet = Fleet::start(Database::Sqlite).await;
    let video = fleet.video(json!({})).await;
    for path in [format!("admin/videos/{video}/hide"), format!("admin/videos/{video}/restore")] {
        let body = json!({});
        fleet.client(OWNER).put(&path, &body).await.refused(403, "PERMISSION_DENIED");
        fleet.client(0).put(&path, &body).await.refused(401, "UNAUTHENTICATED");
    }
    fleet.get("admin/videos", OWNER).await.refused(403, "PERMISSION_DENIED");
    // Nobody moderates their own video.
    for what in ["hide", "restore"] {
        let own = fleet.sandbox.client_as("content", OWNER, Role::Admin);
        own.put(&format!("admin/videos/{video}/{what}"), &json!({})).await.refused(403, "PERMISSION_DENIED");
    }
}

#[tokio::test]
async fn insider_urls_are_short_lived_and_public_ones_are_not() {
    let fleet = Fleet::start(Database::Sqlite).await;
    let video = fleet.video(json!({"publish": false})).await;
    let expires = |url: &Value| url.as_str().unwrap().split('/').nth(3).unwrap().to_owned();
    let clock = &fleet.sandbox.process.clock;
    let before = clock.unix();
    let draft = fleet.get(&format!("videos/{video}"), OWNER).await.ok("video");
    let lifetime = before + 900..=clock.unix() + 900;
    for url in [&draft["playbackUrl"], &draft["thumbnailUrl"]] {
        let seconds: i64 = expires(url).strip_suffix('i').unwrap().parse().unwrap();
        assert!(lifetime.contains(&seconds), "{url}");
    }
    let before = clock.unix();
    let public = fleet.publish(video, true, OWNER).await.ok("video");
    let seconds: i64 = expires(&public["playbackUrl"]).parse().unwrap();
    assert!((before + 21_600..=clock.unix() + 21_600).contains(&seconds));
    assert!(expires(&public["thumbnailUrl"]).parse::<i64>().is_ok());
}
