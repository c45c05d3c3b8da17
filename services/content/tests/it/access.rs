//! Access to videos.

use fenz_core::Role;
use fenz_testkit::Database;
use reqwest::Method;
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER};

#[tokio::test]
async fn access_is_checked_by_hidden_then_published_then_tier() {
    for database in Database::available() {
        let fleet = Fleet::start_with(database, &[("content.cache.ttl", "1ms")]).await;
        let public = fleet.video(json!({})).await;
        let subscribers = fleet.video(json!({"accessTier": 1, "title": "for members"})).await;
        let premium = fleet.video(json!({"accessTier": 2})).await;
        let unpublished = fleet.video(json!({"publish": false})).await;
        let hidden = fleet.video(json!({})).await;
        fleet.sandbox.execute("content", &format!("UPDATE videos SET hidden_reasons = 3 WHERE id = {hidden}")).await;

        // Without a channel service nobody has a membership.
        for (video, expected) in [
            (public, ""),
            (subscribers, "MEMBERSHIP_REQUIRED"),
            (premium, "MEMBERSHIP_REQUIRED"),
            (unpublished, "VIDEO_NOT_FOUND"),
            (hidden, "VIDEO_NOT_FOUND"),
        ] {
            let path = format!("videos/{video}");
            for (user, role, expected) in [
                (0, Role::User, expected),
                (OTHER, Role::User, expected),
                (OTHER, Role::Moderator, ""),
                (OTHER, Role::Admin, ""),
                (OWNER, Role::User, ""),
            ] {
                let reply = fleet.sandbox.client_as("content", user, role).get(&path).await;
                assert_eq!(reply.reason(), expected, "{video} {user} {role:?} {}", reply.body);
                let status = match expected {
                    "" => 200,
                    "VIDEO_NOT_FOUND" => 404,
                    _ => 403,
                };
                assert_eq!(reply.status, status);
                assert_eq!(reply.body["video"]["playbackUrl"].is_string(), status == 200);
            }
        }
        let refused = fleet.get(&format!("videos/{subscribers}"), 0).await;
        let metadata = &refused.detail("ErrorInfo")["metadata"];
        assert_eq!((&metadata["tier"], &metadata["title"]), (&json!("1"), &json!("for members")));
        assert_eq!(fleet.media(&metadata["thumbnailUrl"]).await, 200);
        let seen = fleet.get(&format!("videos/{hidden}"), OWNER).await.ok("video");
        assert_eq!(seen["isHidden"], json!(true));
    }
}

#[tokio::test]
async fn only_the_owner_changes_a_video() {
    let fleet = Fleet::start_with(Database::of_a_fleet(), &[("content.edit_cooldown", "0s")]).await;
    let public = fleet.video(json!({})).await;
    let unpublished = fleet.video(json!({"publish": false})).await;
    for (method, suffix, body) in [
        (Method::PUT, "", json!({"title": "mine"})),
        (Method::DELETE, "", json!(null)),
        (Method::PATCH, "/publish", json!({"published": true})),
    ] {
        for (video, user, role, status, reason) in [
            (public, 0, Role::User, 401, "UNAUTHENTICATED"),
            (1, 0, Role::User, 401, "UNAUTHENTICATED"),
            (1, OTHER, Role::User, 404, "VIDEO_NOT_FOUND"),
            (public, OTHER, Role::User, 403, "PERMISSION_DENIED"),
            (unpublished, OTHER, Role::User, 403, "PERMISSION_DENIED"),
            (public, OTHER, Role::Moderator, 403, "PERMISSION_DENIED"),
            (public, OTHER, Role::Admin, 403, "PERMISSION_DENIED"),
            (0, OWNER, Role::User, 400, "INVALID_PARAMS"),
        ] {
            let path = format!("videos/{video}{suffix}");
            let client = fleet.sandbox.client_as("content", user, role);
            client.send(method.clone(), &path, &body).await.refused(status, reason);
        }
    }
    assert_eq!(fleet.count("videos").await, 2);
}
