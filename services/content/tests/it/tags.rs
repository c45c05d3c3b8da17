//! Tags of the recommendation service.

use std::sync::{Arc, Mutex};

use fenz_contract::{
    events::v1::TagDeleted,
    recommendation::v1::{FindTagsRequest, FindTagsResponse, Tag, TagCatalogServiceHandler, tag_catalog_service},
};
use fenz_core::{Error, Reason, Result};
use fenz_testkit::{AllowAll, Database, eventually};
use serde_json::json;
use tonic::{Request, Response};

use crate::{
    fleet::{Fleet, OWNER},
    peers::serve,
};

/// A recommendation service with these tags; without any it is unavailable.
#[derive(Clone, Default)]
pub struct Tags {
    pub ids: Arc<Mutex<Vec<i64>>>,
    pub calls: Arc<Mutex<usize>>,
}

impl Tags {
    /// Serves tags, and returns their address.
    pub async fn serve(ids: &[i64]) -> (Self, String) {
        let tags = Self::default();
        tags.ids.lock().unwrap().extend(ids);
        let address = serve(tag_catalog_service(tags.clone(), AllowAll)).await;
        (tags, address)
    }
}

impl TagCatalogServiceHandler for Tags {
    async fn find_tags(&self, request: Request<FindTagsRequest>) -> Result<Response<FindTagsResponse>> {
        *self.calls.lock().unwrap() += 1;
        let existing = self.ids.lock().unwrap().clone();
        if existing.is_empty() {
            return Err(Error::new(Reason::Unavailable, "unavailable"));
        }
        let ids = request.into_inner().ids.into_iter().filter(|id| existing.contains(id));
        let tags = ids.map(|id| Tag { id, ..Tag::default() }).collect();
        Ok(Response::new(FindTagsResponse { tags }))
    }
}

#[tokio::test]
async fn tags_must_exist_and_deleted_tags_are_removed() {
    for database in Database::available() {
        let (tags, address) = Tags::serve(&[1, 2, 3]).await;
        let settings = [("peers.recommendation", address.as_str()), ("content.edit_cooldown", "0s")];
        let fleet = Fleet::start_with_events(database, &settings).await;
        let body =
            json!({"title": "t", "videoUploadId": fleet.upload_video(OWNER).await.to_string(), "tagIds": ["1", "9"]});
        assert_eq!(fleet.post(&body, OWNER).await.refused(404, "TAG_NOT_FOUND").field(), "tagIds");
        let video = fleet.video(json!({"tagIds": ["1", "2"]})).await;
        let put = async |tags: &[&str]| fleet.put(video, &json!({"tagIds": tags}), OWNER).await;
        assert_eq!(put(&["2", "9"]).await.refused(404, "TAG_NOT_FOUND").field(), "tagIds");
        fleet.put(1, &json!({"tagIds": ["9"]}), OWNER).await.refused(404, "VIDEO_NOT_FOUND");
        fleet.put(video, &json!({"tagIds": ["9"]}), 8).await.refused(403, "PERMISSION_DENIED");
        assert_eq!(put(&["3", "2"]).await.ok("video")["tagIds"], json!(["3", "2"]));
        // Known tags are cached.
        let calls = *tags.calls.lock().unwrap();
        assert_eq!(put(&["1", "2"]).await.ok("video")["tagIds"], json!(["1", "2"]));
        assert_eq!(*tags.calls.lock().unwrap(), calls);

        *tags.ids.lock().unwrap() = vec![1, 3];
        fleet.events.publish(TagDeleted { tag_id: 2, version: 2, occurred_at: None }).await;
        eventually(async || fleet.get(&format!("videos/{video}"), OWNER).await.ok("video")["tagIds"] == json!(["1"]))
            .await;
        eventually(async || fleet.last(video).is_some_and(|v| v.tag_ids == [1] && v.version == 4)).await;
        assert_eq!(put(&["1", "2"]).await.refused(404, "TAG_NOT_FOUND").field(), "tagIds");
        tags.ids.lock().unwrap().clear();
        put(&["5"]).await.refused(503, "UNAVAILABLE");
        assert_eq!(put(&[]).await.ok("video")["tagIds"], json!([]));
    }
}
