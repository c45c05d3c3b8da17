//! What other services ask for.

use fenz_contract::content::v1::{
    GetCatalogVideoRequest, ListCatalogRequest, ListWatchedRequest,
    video_catalog_service_client::VideoCatalogServiceClient,
};
use fenz_testkit::Database;
use serde_json::json;

use crate::fleet::{Fleet, OTHER, OWNER};

#[tokio::test]
async fn every_video_is_in_the_catalogue_as_its_event_tells_it() {
    for database in Database::available() {
        let fleet = Fleet::start_with_neighbour(database, &[]).await;
        let mut made = Vec::new();
        for publish in [true, false, true] {
            made.push(fleet.video(json!({"publish": publish, "tagIds": ["5", "3"]})).await);
        }
        fleet.moderate(made[2], "hide", &json!({})).await.video();
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
        assert_eq!(found.iter().map(|v| v.video_id).collect::<Vec<_>>(), made);
        assert_eq!(
            found.iter().map(|v| (v.is_published, v.is_hidden)).collect::<Vec<_>>(),
            [(true, false), (false, false), (true, true)]
        );
        let first = &found[0];
        assert!(first.video_upload_id > 0 && first.thumbnail_upload_id > 0 && first.created_at.is_some());
        assert_eq!(first.tag_ids, [5, 3]);
        crate::fleet::eventually(async || fleet.heard.last(made[2]).is_some_and(|v| v.version == 2)).await;
        let told = fleet.heard.last(made[0]).unwrap();
        let asked = client.get_catalog_video(GetCatalogVideoRequest { id: made[0] }).await.unwrap().into_inner();
        let mut asked = asked.video.unwrap();
        assert!(asked.occurred_at.is_some());
        asked.occurred_at.clone_from(&told.occurred_at);
        assert_eq!(asked, told);
        let gone = client.get_catalog_video(GetCatalogVideoRequest { id: 1 }).await.unwrap_err();
        assert_eq!(gone.code(), tonic::Code::NotFound);

        let request = ListWatchedRequest { user_id: OTHER, limit: None };
        assert_eq!(client.list_watched(request).await.unwrap().into_inner().video_ids, Vec::<i64>::new());
        assert_eq!(fleet.get("videos", OWNER).await.status, 200);
    }
}
