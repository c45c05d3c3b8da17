//! Tags, which the recommendation service keeps.

use std::sync::{Arc, Mutex};

use fenz_contract::{
    events::v1::TagDeleted,
    recommendation::v1::{
        FindTagsRequest, FindTagsResponse, Tag,
        tag_catalog_service_server::{TagCatalogService, TagCatalogServiceServer},
    },
};
use fenz_testkit::Database;
use serde_json::json;
use tokio::net::TcpListener;
use tonic::{Request, Response, Status};

use crate::{
    fleet::{Fleet, OWNER, eventually},
    peers::serve,
};

/// A recommendation service with these tags; without any it is away.
#[derive(Clone, Default)]
pub struct Tags {
    pub ids: Arc<Mutex<Vec<i64>>>,
    pub asked: Arc<Mutex<usize>>,
}

impl Tags {
    /// Those, and where they are served.
    pub async fn serve(ids: &[i64]) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let tags = Self::default();
        tags.ids.lock().unwrap().extend(ids);
        let service = tags.clone();
        serve(listener, |routes| {
            routes.add_service(TagCatalogServiceServer::new(service));
        });
        (tags, address)
    }
}

#[async_trait::async_trait]
impl TagCatalogService for Tags {
    async fn find_tags(&self, request: Request<FindTagsRequest>) -> Result<Response<FindTagsResponse>, Status> {
        *self.asked.lock().unwrap() += 1;
        let there = self.ids.lock().unwrap().clone();
        if there.is_empty() {
            return Err(Status::unavailable("away"));
        }
        let ids = request.into_inner().ids.into_iter().filter(|id| there.contains(id));
        let tags = ids.map(|id| Tag { id, ..Tag::default() }).collect();
        Ok(Response::new(FindTagsResponse { tags }))
    }
}

#[tokio::test]
async fn tags_must_be_there_and_go_with_their_end() {
    for database in Database::available() {
        let (tags, address) = Tags::serve(&[1, 2, 3]).await;
        let settings = [("peers.recommendation", address.as_str()), ("content.edit_cooldown", "0s")];
        let fleet = Fleet::start_with_neighbour(database, &settings).await;
        let body =
            json!({"title": "t", "videoUploadId": fleet.upload_video(OWNER).await.to_string(), "tagIds": ["1", "9"]});
        assert_eq!(fleet.post(&body, OWNER).await.refused(404, "TAG_NOT_FOUND").field(), "tagIds");
        fleet.errands_done().await;
        let video = fleet.video(json!({"tagIds": ["1", "2"]})).await;
        let put = async |tags: &[&str]| fleet.put(video, &json!({"tagIds": tags}), OWNER).await;
        assert_eq!(put(&["2", "9"]).await.refused(404, "TAG_NOT_FOUND").field(), "tagIds");
        fleet.put(1, &json!({"tagIds": ["9"]}), OWNER).await.refused(404, "VIDEO_NOT_FOUND");
        fleet.put(video, &json!({"tagIds": ["9"]}), 8).await.refused(403, "PERMISSION_DENIED");
        assert_eq!(put(&["3", "2"]).await.video()["tagIds"], json!(["3", "2"]));
        // Those that are known are not asked for again.
        let asked = *tags.asked.lock().unwrap();
        assert_eq!(put(&["1", "2"]).await.video()["tagIds"], json!(["1", "2"]));
        assert_eq!(*tags.asked.lock().unwrap(), asked);

        *tags.ids.lock().unwrap() = vec![1, 3];
        fleet.tell(TagDeleted { tag_id: 2, version: 2, occurred_at: None }).await;
        eventually(async || fleet.get(&format!("videos/{video}"), OWNER).await.video()["tagIds"] == json!(["1"])).await;
        eventually(async || fleet.heard.last(video).is_some_and(|v| v.tag_ids == [1] && v.version == 4)).await;
        assert_eq!(put(&["1", "2"]).await.refused(404, "TAG_NOT_FOUND").field(), "tagIds");
        tags.ids.lock().unwrap().clear();
        put(&["5"]).await.refused(503, "UNAVAILABLE");
        assert_eq!(put(&[]).await.video()["tagIds"], json!([]));
    }
}
