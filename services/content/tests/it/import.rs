//! Importing catalogues.

use std::time::Duration;

use fenz_contract::{
    content::v1::{
        ImportVideosRequest, ImportVideosResponse, ImportedVideo, video_admin_service_client::VideoAdminServiceClient,
    },
    events::v1::{AuditRecorded, ChannelDeleted, UserDeleted},
};
use fenz_core::Role;
use fenz_testkit::{Database, eventually};
use futures::future::join_all;
use serde_json::json;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::{
    fleet::{Fleet, OTHER, OWNER, STAFF, channel},
    tags::Tags,
};

fn video(key: &str) -> ImportedVideo {
    ImportedVideo { import_key: key.to_owned(), owner_id: OWNER, title: "片 one".to_owned(), ..Default::default() }
}

/// A fleet with the owner's channel.
async fn fleet(database: Database, settings: &[(&str, &str)]) -> Fleet {
    let fleet = Fleet::start_with_events(database, settings).await;
    fleet.events.publish(channel(1, false)).await;
    eventually(async || fleet.count("channel_states").await == 1).await;
    fleet
}

impl Fleet {
    async fn import_as(&self, role: Role, videos: Vec<ImportedVideo>) -> Result<ImportVideosResponse, Status> {
        let mut client = VideoAdminServiceClient::connect(self.sandbox.url("content")).await.unwrap();
        let mut request = Request::new(ImportVideosRequest { videos });
        let token = format!("Bearer {}", self.sandbox.token(STAFF, role));
        request.metadata_mut().insert("authorization", token.parse().unwrap());
        Ok(client.import_videos(request).await?.into_inner())
    }

    async fn import(&self, videos: Vec<ImportedVideo>) -> Result<ImportVideosResponse, Status> {
        self.import_as(Role::Admin, videos).await
    }
}

/// The reason of an error and its fields.
fn rejection(result: Result<ImportVideosResponse, Status>) -> (String, Vec<String>) {
    let details = result.unwrap_err().get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    (details.error_info().unwrap().reason.clone(), violations.into_iter().map(|v| v.field).collect())
}

#[tokio::test]
async fn imported_videos_are_published_once_and_have_no_media() {
    for database in Database::available() {
        let fleet = fleet(database, &[("content.edit_cooldown", "0s")]).await;
        let created = fleet.sandbox.process.clock.ago(Duration::from_secs(86_400));
        let old = ImportedVideo {
            description: "d".to_owned(),
            category_id: Some(3),
            tag_ids: vec![5, 2],
            access_tier: 1,
            duration_seconds: 61,
            created_at: Some(created.into()),
            published_at: Some((created + Duration::from_secs(60)).into()),
            ..video("cat:1")
        };
        // More than one INSERT statement.
        let mut videos: Vec<_> = (3..=300).map(|n| video(&format!("cat:{n}"))).collect();
        videos.splice(0..0, [old.clone(), video("cat:2")]);
        let first = fleet.import(videos.clone()).await.unwrap();
        assert_eq!((first.ids.len(), first.imported), (300, 300));
        let (id, plain) = (first.ids[0], first.ids[1]);

        let owned = fleet.get(&format!("videos/{id}"), OWNER).await.ok("video");
        assert_eq!(owned["playbackUrl"], json!(null));
        for (name, value) in [
            ("title", json!("片 one")),
            ("description", json!("d")),
            ("categoryId", json!("3")),
            ("tagIds", json!(["5", "2"])),
            ("accessTier", json!(1)),
            ("durationSeconds", json!(61)),
            ("isPublished", json!(true)),
            ("thumbnailUrl", json!("")),
            ("width", json!(0)),
            ("channelId", json!("7")),
        ] {
            assert_eq!(owned[name], value, "{name}");
        }
        let time = |name: &str| chrono::DateTime::parse_from_rfc3339(owned[name].as_str().unwrap()).unwrap().to_utc();
        assert_eq!(
            (time("createdAt") - created, time("publishedAt") - created),
            (chrono::TimeDelta::zero(), chrono::TimeDelta::seconds(60))
        );
        // Open to anyone, but without media.
        assert_eq!(fleet.get(&format!("videos/{plain}"), 0).await.ok("video")["playbackUrl"], json!(null));
        fleet.get(&format!("videos/{id}"), OTHER).await.refused(403, "MEMBERSHIP_REQUIRED");

        eventually(async || fleet.changed().len() == 300).await;
        let event = fleet.last(id).unwrap();
        assert_eq!((event.version, event.is_published, event.video_upload_id, event.tag_ids), (1, true, 0, vec![5, 2]));
        assert_eq!(event.published_at, old.published_at);

        // A repeat with one more adds only that.
        videos.push(video("cat:301"));
        videos.reverse();
        let again = fleet.import(videos).await.unwrap();
        assert_eq!(again.imported, 1);
        assert_eq!(again.ids[1..].iter().rev().copied().collect::<Vec<_>>(), first.ids);
        assert_eq!(fleet.count("videos").await, 301);
        eventually(async || fleet.actions() == ["video.imported", "video.imported"]).await;
        let acts = fleet.events.all::<AuditRecorded>();
        assert!(acts.iter().any(|act| act.actor_id == STAFF && act.after == r#"{"count":300}"#), "{acts:?}");
        eventually(async || fleet.changed().len() == 301).await;
        let nothing = fleet.import(vec![]).await.unwrap();
        assert_eq!((nothing.ids, nothing.imported), (vec![], 0));
        eventually(async || fleet.count("outbox").await == 0).await;
        assert_eq!(fleet.changed().len(), 301);
    }
}

#[tokio::test]
async fn an_imported_video_is_edited_and_deleted() {
    for database in Database::available() {
        let fleet = fleet(database, &[("content.edit_cooldown", "0s")]).await;
        let ids = fleet.import(vec![video("a"), video("b")]).await.unwrap().ids;
        let thumbnail = fleet.upload_thumbnail(OWNER).await;
        let body = json!({"title": "two", "thumbnailUploadId": thumbnail.to_string()});
        let edited = fleet.put(ids[0], &body, OWNER).await.ok("video");
        assert_eq!((&edited["title"], &edited["playbackUrl"]), (&json!("two"), &json!(null)));
        assert_eq!(fleet.media(&edited["thumbnailUrl"]).await, 200);
        for id in &ids {
            fleet.publish(*id, false, OWNER).await.ok("video");
            fleet.publish(*id, true, OWNER).await.ok("video");
            fleet.publish(*id, false, OWNER).await.ok("video");
        }
        assert_eq!(fleet.delete(ids[1], OWNER).await.status, 200);
        assert_eq!(fleet.delete(ids[0], OWNER).await.status, 200);
        fleet.file_deleted(&edited["thumbnailUrl"]).await;
        eventually(async || ids.iter().all(|id| fleet.is_deleted(*id))).await;
        // Its key can be used again.
        assert_eq!(fleet.import(vec![video("b")]).await.unwrap().imported, 1);
    }
}

#[tokio::test]
async fn concurrent_calls_create_each_video_once() {
    for database in Database::available() {
        let fleet = fleet(database, &[]).await;
        let of = |numbers: std::ops::Range<usize>| numbers.map(|n| video(&format!("k{n}"))).collect::<Vec<_>>();
        let calls = join_all((0..6).map(|call| fleet.import(of(call * 10..call * 10 + 40)))).await;
        let replies: Vec<_> = calls.into_iter().map(Result::unwrap).collect();
        assert_eq!(replies.iter().map(|reply| reply.imported).sum::<i32>(), 90);
        assert_eq!(fleet.count("videos").await, 90);
        assert_eq!(replies[0].ids[10..], replies[1].ids[..30]);
        eventually(async || fleet.changed().len() == 90).await;
    }
}

#[tokio::test]
async fn errors_name_the_field_of_a_video_and_nothing_is_stored() {
    for database in Database::available() {
        let (tags, address) = Tags::serve(&[1, 2, 3]).await;
        let fleet = fleet(database, &[("peers.recommendation", address.as_str())]).await;
        let now = fleet.sandbox.process.clock.now();
        let at = |seconds| Some((now + chrono::TimeDelta::seconds(seconds)).into());
        let valid = || ImportedVideo { tag_ids: vec![1, 2], ..video("good") };
        let invalid = |change: &dyn Fn(&mut ImportedVideo)| {
            let mut changed = video("bad");
            change(&mut changed);
            vec![valid(), changed]
        };
        for (reason, field, videos) in [
            ("INVALID_PARAMS", "title", invalid(&|v| v.title.clear())),
            ("INVALID_PARAMS", "title", invalid(&|v| v.title = "字".repeat(201))),
            ("INVALID_PARAMS", "description", invalid(&|v| v.description = "字".repeat(10_001))),
            ("INVALID_PARAMS", "accessTier", invalid(&|v| v.access_tier = 3)),
            ("INVALID_PARAMS", "durationSeconds", invalid(&|v| v.duration_seconds = -1)),
            ("INVALID_PARAMS", "ownerId", invalid(&|v| v.owner_id = 0)),
            ("INVALID_PARAMS", "importKey", invalid(&|v| v.import_key.clear())),
            ("INVALID_PARAMS", "importKey", invalid(&|v| v.import_key = "a ".to_owned())),
            ("INVALID_PARAMS", "importKey", invalid(&|v| v.import_key = "a".repeat(65))),
            ("INVALID_PARAMS", "importKey", invalid(&|v| v.import_key = "good".to_owned())),
            ("INVALID_PARAMS", "createdAt", invalid(&|v| v.created_at = at(60))),
            ("INVALID_PARAMS", "createdAt", invalid(&|v| v.created_at = Some(pbjson_types::Timestamp::default()))),
            ("INVALID_PARAMS", "publishedAt", invalid(&|v| v.published_at = at(-60))),
            ("INVALID_PARAMS", "publishedAt", invalid(&|v| (v.created_at, v.published_at) = (at(-60), at(60)))),
            ("TAG_LIMIT_EXCEEDED", "tagIds", invalid(&|v| v.tag_ids = vec![1, 2, 3, 4, 5, 6])),
            ("TAG_NOT_FOUND", "tagIds", invalid(&|v| v.tag_ids = vec![1, 9])),
            ("CATEGORY_NOT_FOUND", "categoryId", invalid(&|v| v.category_id = Some(99))),
            ("CHANNEL_NOT_FOUND", "ownerId", invalid(&|v| v.owner_id = OTHER)),
        ] {
            let expected = (reason.to_owned(), vec![format!("videos[1].{field}")]);
            assert_eq!(rejection(fleet.import(videos).await), expected);
        }
        let many = (0..1_001).map(|n| video(&n.to_string())).collect();
        assert_eq!(rejection(fleet.import(many).await), ("INVALID_PARAMS".to_owned(), vec!["videos".to_owned()]));
        assert_eq!(fleet.import_as(Role::Moderator, vec![valid()]).await.unwrap_err().code(), Code::PermissionDenied);
        assert_eq!(fleet.count("videos").await + fleet.count("video_tags").await, 0);
        // Tags are cached after the first query.
        let calls = *tags.calls.lock().unwrap();
        fleet.import(vec![valid(), ImportedVideo { tag_ids: vec![2, 1], ..video("other") }]).await.unwrap();
        assert_eq!(*tags.calls.lock().unwrap(), calls);
        // Without recommendation only existing videos pass.
        tags.ids.lock().unwrap().clear();
        let unknown = ImportedVideo { tag_ids: vec![3, 8], ..video("third") };
        assert_eq!(rejection(fleet.import(vec![unknown.clone()]).await).0, "UNAVAILABLE");
        assert_eq!(fleet.import(vec![valid()]).await.unwrap().imported, 0);
        assert_eq!(fleet.count("videos").await, 2);
    }
}

#[tokio::test]
async fn imported_videos_are_deleted_with_their_channel_and_owner() {
    for database in Database::available() {
        let fleet = fleet(database, &[]).await;
        let old = || {
            let created_at = Some(fleet.sandbox.process.clock.ago(Duration::from_secs(3_600)).into());
            ImportedVideo { created_at, ..video("old") }
        };
        fleet.import(vec![video("a"), video("b")]).await.unwrap();
        let now = fleet.sandbox.process.clock.now();
        let deleted = ChannelDeleted { channel_id: OWNER, owner_id: OWNER, version: 2, occurred_at: Some(now.into()) };
        fleet.events.publish(deleted).await;
        eventually(async || fleet.count("videos").await == 0).await;
        assert_eq!(rejection(fleet.import(vec![old()]).await).0, "CHANNEL_NOT_FOUND");
        fleet.events.publish(channel(3, false)).await;
        eventually(async || fleet.import(vec![video("new")]).await.is_ok()).await;
        // Older than the deleted channel, it would be deleted by the cascade.
        let rejected = rejection(fleet.import(vec![old()]).await);
        assert_eq!(rejected, ("UNAVAILABLE".to_owned(), vec!["videos[0].ownerId".to_owned()]));

        fleet.events.publish(UserDeleted { user_id: OWNER, erasure_id: 3, version: 9, occurred_at: None }).await;
        eventually(async || fleet.reports().len() == 1).await;
        assert_eq!(fleet.count("videos").await, 0);
        assert_eq!(rejection(fleet.import(vec![video("a")]).await).0, "CHANNEL_NOT_FOUND");
    }
}
