//! The catalogue for other services.

use fenz_contract::content::v1::{
    GetCatalogVideoRequest, ListCatalogRequest, ListWatchedRequest,
    video_catalog_service_client::VideoCatalogServiceClient,
};
use fenz_testkit::Database;
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER};

#[tokio::test]
async fn the_catalogue_has_every_video_as_in_its_event() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[]).await;
        let mut created = Vec::new();
        for publish in [true, false, true] {
            created.push(fleet.video(json!({"publish": publish, "tagIds": ["5", "3"]})).await);
        }
        fleet.moderate(created[2], "hide", &json!({})).await.ok("video");
        let mut client = VideoCatalogServiceClient::new(fleet.sandbox.peer("recommendation", "content").unwrap());
        let mut found = Vec::new();
        loop {
            let after_id = found.last().map_or(0, |v: &fenz_contract::events::v1::VideoChanged| v.video_id);
            let page = client.list_catalog(ListCatalogRequest { after_id, limit: Some(2) }).await.unwrap();
            let page = page.into_inner().videos;
            let end = page.len() < 2;
            found.extend(page);
            if end {
                break;
            }
        }
        assert_eq!(found.iter().map(|v| v.video_id).collect::<Vec<_>>(), created);
        assert_eq!(
            found.iter().map(|v| (v.is_published, v.is_hidden)).collect::<Vec<_>>(),
            [(true, false), (false, false), (true, true)]
        );
        let first = &found[0];
        assert!(first.video_upload_id > 0 && first.thumbnail_upload_id > 0 && first.created_at.is_some());
        assert_eq!(first.tag_ids, [5, 3]);
        fenz_testkit::eventually(async || fleet.last(created[2]).is_some_and(|v| v.version == 2)).await;
        let event = fleet.last(created[0]).unwrap();
        let mut admin = VideoCatalogServiceClient::new(fleet.sandbox.peer("admin", "content").unwrap());
        let reply = admin.get_catalog_video(GetCatalogVideoRequest { id: created[0] }).await.unwrap().into_inner();
        let mut video = reply.video.unwrap();
        assert!(video.occurred_at.is_some());
        video.occurred_at.clone_from(&event.occurred_at);
        assert_eq!(video, event);
        let missing = admin.get_catalog_video(GetCatalogVideoRequest { id: 1 }).await.unwrap_err();
        assert_eq!(missing.code(), tonic::Code::NotFound);

        let request = ListWatchedRequest { user_id: OTHER, limit: None };
        assert_eq!(client.list_watched(request).await.unwrap().into_inner().video_ids, Vec::<i64>::new());
        assert_eq!(fleet.get("videos", OWNER).await.status, 200);
    }
}
