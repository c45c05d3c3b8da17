//! Catalogues that are taken over.

use std::time::Duration;

use fenz_chassis::Role;
use fenz_contract::{
    content::v1::{
        ImportVideosRequest, ImportVideosResponse, ImportedVideo, video_admin_service_client::VideoAdminServiceClient,
    },
    events::v1::{ChannelChanged, ChannelDeleted, UserDeleted},
};
use fenz_testkit::Database;
use futures::future::join_all;
use serde_json::json;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

use crate::{
    fleet::{Fleet, OTHER, OWNER, STAFF, eventually},
    tags::Tags,
};

fn video(key: &str) -> ImportedVideo {
    ImportedVideo { import_key: key.to_owned(), owner_id: OWNER, title: "片 one".to_owned(), ..Default::default() }
}

fn channel(version: i64) -> ChannelChanged {
    ChannelChanged { channel_id: OWNER, owner_id: OWNER, version, ..ChannelChanged::default() }
}

/// With the owner's channel.
async fn fleet(database: Database, settings: &[(&str, &str)]) -> Fleet {
    let fleet = Fleet::start_with_neighbour(database, settings).await;
    fleet.tell(channel(1)).await;
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

/// The reason of a refusal and the fields that it names.
fn refusal(refused: Result<ImportVideosResponse, Status>) -> (String, Vec<String>) {
    let details = refused.unwrap_err().get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    (details.error_info().unwrap().reason.clone(), violations.into_iter().map(|v| v.field).collect())
}

#[tokio::test]
async fn imported_videos_are_told_once_and_have_no_media() {
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
        // More than one statement takes.
        let mut videos: Vec<_> = (3..=300).map(|n| video(&format!("cat:{n}"))).collect();
        videos.splice(0..0, [old.clone(), video("cat:2")]);
        let first = fleet.import(videos.clone()).await.unwrap();
        assert_eq!((first.ids.len(), first.imported), (300, 300));
        let (id, plain) = (first.ids[0], first.ids[1]);

        let owned = fleet.get(&format!("videos/{id}"), OWNER).await.video();
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
        // Anybody watches what is open, as far as there is something.
        assert_eq!(fleet.get(&format!("videos/{plain}"), 0).await.video()["playbackUrl"], json!(null));
        fleet.get(&format!("videos/{id}"), OTHER).await.refused(403, "MEMBERSHIP_REQUIRED");

        eventually(async || fleet.heard.changed.lock().unwrap().len() == 300).await;
        let told = fleet.heard.last(id).unwrap();
        assert_eq!((told.version, told.is_published, told.video_upload_id, told.tag_ids), (1, true, 0, vec![5, 2]));
        assert_eq!(told.published_at, old.published_at);

        // Again, and with one more: that alone is new.
        videos.push(video("cat:301"));
        videos.reverse();
        let again = fleet.import(videos).await.unwrap();
        assert_eq!(again.imported, 1);
        assert_eq!(again.ids[1..].iter().rev().copied().collect::<Vec<_>>(), first.ids);
        assert_eq!(fleet.count("videos").await, 301);
        eventually(async || fleet.heard.actions() == ["video.imported", "video.imported"]).await;
        let act = fleet.heard.audited.lock().unwrap()[0].clone();
        assert_eq!((act.actor_id, act.after.as_str()), (STAFF, r#"{"count":300}"#));
        eventually(async || fleet.heard.changed.lock().unwrap().len() == 301).await;
        let nothing = fleet.import(vec![]).await.unwrap();
        assert_eq!((nothing.ids, nothing.imported), (vec![], 0));
        eventually(async || fleet.count("outbox").await == 0).await;
        assert_eq!(fleet.count("media_errands").await, 0);
        assert_eq!(fleet.heard.changed.lock().unwrap().len(), 301);
    }
}

#[tokio::test]
async fn an_imported_video_is_edited_and_deleted_and_media_hears_of_what_it_has_alone() {
    for database in Database::available() {
        let fleet = fleet(database, &[("content.edit_cooldown", "0s")]).await;
        let ids = fleet.import(vec![video("a"), video("b")]).await.unwrap().ids;
        let picture = fleet.upload_picture(OWNER).await;
        let body = json!({"title": "two", "thumbnailUploadId": picture.to_string()});
        let pictured = fleet.put(ids[0], &body, OWNER).await.video();
        assert_eq!((&pictured["title"], &pictured["playbackUrl"]), (&json!("two"), &json!(null)));
        assert_eq!(fleet.media(&pictured["thumbnailUrl"]).await, 200);
        for id in &ids {
            fleet.publish(*id, false, OWNER).await.video();
            fleet.publish(*id, true, OWNER).await.video();
            fleet.publish(*id, false, OWNER).await.video();
        }
        // Without a file there is nothing for media to do, and so no errand.
        let errands = fleet.count("media_errands").await;
        assert_eq!(fleet.delete(ids[1], OWNER).await.status, 200);
        assert_eq!(fleet.count("media_errands").await, errands);
        assert_eq!(fleet.delete(ids[0], OWNER).await.status, 200);
        fleet.gone(&pictured["thumbnailUrl"]).await;
        fleet.errands_done().await;
        eventually(async || ids.iter().all(|id| fleet.heard.is_deleted(*id))).await;
        // Its key is free again.
        assert_eq!(fleet.import(vec![video("b")]).await.unwrap().imported, 1);
    }
}

#[tokio::test]
async fn calls_at_once_make_each_video_once() {
    for database in Database::available() {
        let fleet = fleet(database, &[]).await;
        let of = |numbers: std::ops::Range<usize>| numbers.map(|n| video(&format!("k{n}"))).collect::<Vec<_>>();
        let calls = join_all((0..6).map(|call| fleet.import(of(call * 10..call * 10 + 40)))).await;
        let replies: Vec<_> = calls.into_iter().map(Result::unwrap).collect();
        assert_eq!(replies.iter().map(|reply| reply.imported).sum::<i32>(), 90);
        assert_eq!(fleet.count("videos").await, 90);
        assert_eq!(replies[0].ids[10..], replies[1].ids[..30]);
        eventually(async || fleet.heard.changed.lock().unwrap().len() == 90).await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_one_is_told_on_its_field_and_none_is_stored() {
    for database in Database::available() {
        let (tags, address) = Tags::serve(&[1, 2, 3]).await;
        let fleet = fleet(database, &[("peers.recommendation", address.as_str())]).await;
        let now = fleet.sandbox.process.clock.now();
        let at = |seconds| Some((now + chrono::TimeDelta::seconds(seconds)).into());
        let good = || ImportedVideo { tag_ids: vec![1, 2], ..video("good") };
        let bad = |change: &dyn Fn(&mut ImportedVideo)| {
            let mut bad = video("bad");
            change(&mut bad);
            vec![good(), bad]
        };
        for (reason, field, videos) in [
            ("INVALID_PARAMS", "title", bad(&|v| v.title.clear())),
            ("INVALID_PARAMS", "title", bad(&|v| v.title = "字".repeat(201))),
            ("INVALID_PARAMS", "description", bad(&|v| v.description = "字".repeat(10_001))),
            ("INVALID_PARAMS", "accessTier", bad(&|v| v.access_tier = 3)),
            ("INVALID_PARAMS", "durationSeconds", bad(&|v| v.duration_seconds = -1)),
            ("INVALID_PARAMS", "ownerId", bad(&|v| v.owner_id = 0)),
            ("INVALID_PARAMS", "importKey", bad(&|v| v.import_key.clear())),
            ("INVALID_PARAMS", "importKey", bad(&|v| v.import_key = "a ".to_owned())),
            ("INVALID_PARAMS", "importKey", bad(&|v| v.import_key = "a".repeat(65))),
            ("INVALID_PARAMS", "importKey", bad(&|v| v.import_key = "good".to_owned())),
            ("INVALID_PARAMS", "createdAt", bad(&|v| v.created_at = at(60))),
            ("INVALID_PARAMS", "createdAt", bad(&|v| v.created_at = Some(pbjson_types::Timestamp::default()))),
            ("INVALID_PARAMS", "publishedAt", bad(&|v| v.published_at = at(-60))),
            ("INVALID_PARAMS", "publishedAt", bad(&|v| (v.created_at, v.published_at) = (at(-60), at(60)))),
            ("TAG_LIMIT_EXCEEDED", "tagIds", bad(&|v| v.tag_ids = vec![1, 2, 3, 4, 5, 6])),
            ("TAG_NOT_FOUND", "tagIds", bad(&|v| v.tag_ids = vec![1, 9])),
            ("CATEGORY_NOT_FOUND", "categoryId", bad(&|v| v.category_id = Some(99))),
            ("CHANNEL_NOT_FOUND", "ownerId", bad(&|v| v.owner_id = OTHER)),
        ] {
            let expected = (reason.to_owned(), vec![format!("videos[1].{field}")]);
            assert_eq!(refusal(fleet.import(videos).await), expected);
        }
        let many = (0..1_001).map(|n| video(&n.to_string())).collect();
        assert_eq!(refusal(fleet.import(many).await), ("INVALID_PARAMS".to_owned(), vec!["videos".to_owned()]));
        assert_eq!(fleet.import_as(Role::Moderator, vec![good()]).await.unwrap_err().code(), Code::PermissionDenied);
        assert_eq!(fleet.count("videos").await + fleet.count("video_tags").await, 0);
        // All that were asked about are known now, so that one question was enough.
        let asked = *tags.asked.lock().unwrap();
        fleet.import(vec![good(), ImportedVideo { tag_ids: vec![2, 1], ..video("other") }]).await.unwrap();
        assert_eq!(*tags.asked.lock().unwrap(), asked);
        // Without recommendation nothing new comes in; what is there needs none.
        tags.ids.lock().unwrap().clear();
        let unknown = ImportedVideo { tag_ids: vec![3, 8], ..video("third") };
        assert_eq!(refusal(fleet.import(vec![unknown.clone()]).await).0, "UNAVAILABLE");
        assert_eq!(fleet.import(vec![good()]).await.unwrap().imported, 0);
        assert_eq!(fleet.count("videos").await, 2);
    }
}

#[tokio::test]
async fn they_go_with_their_channel_and_their_owner() {
    for database in Database::available() {
        let fleet = fleet(database, &[]).await;
        let old = || {
            let created_at = Some(fleet.sandbox.process.clock.ago(Duration::from_secs(3_600)).into());
            ImportedVideo { created_at, ..video("old") }
        };
        fleet.import(vec![video("a"), video("b")]).await.unwrap();
        let gone = fleet.sandbox.process.clock.now();
        let deleted = ChannelDeleted { channel_id: OWNER, owner_id: OWNER, version: 2, occurred_at: Some(gone.into()) };
        fleet.tell(deleted).await;
        eventually(async || fleet.count("videos").await == 0).await;
        assert_eq!(refusal(fleet.import(vec![old()]).await).0, "CHANNEL_NOT_FOUND");
        fleet.tell(channel(3)).await;
        eventually(async || fleet.import(vec![video("new")]).await.is_ok()).await;
        // As old as the channel before, it would go with what was in that.
        let refused = refusal(fleet.import(vec![old()]).await);
        assert_eq!(refused, ("UNAVAILABLE".to_owned(), vec!["videos[0].ownerId".to_owned()]));

        fleet.tell(UserDeleted { user_id: OWNER, erasure_id: 3, version: 9, occurred_at: None }).await;
        eventually(async || fleet.heard.reports().len() == 1).await;
        assert_eq!(fleet.count("videos").await + fleet.count("media_errands").await, 0);
        assert_eq!(refusal(fleet.import(vec![video("a")]).await).0, "CHANNEL_NOT_FOUND");
    }
}
