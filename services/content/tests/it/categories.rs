//! Administration of categories.

use fenz_contract::events::v1::AuditRecorded;
use fenz_testkit::{Database, eventually};
use serde_json::{Value, json};

use crate::fleet::{Fleet, OWNER};

#[tokio::test]
async fn categories_are_created_updated_and_deleted_with_audit() {
    for database in Database::available() {
        let fleet = Fleet::start_with_events(database, &[]).await;
        let admin = fleet.admin();
        let post =
            async |name: &str, slug: &str| admin.post("admin/categories", &json!({"name": name, "slug": slug})).await;
        let created = post(" Ärzte ", "doctors").await;
        assert_eq!(created.ok("category")["name"], "Ärzte");
        let id = created.id("category");
        let path = format!("admin/categories/{id}");
        assert_eq!(post("äRZTE", "medics").await.refused(409, "CATEGORY_TAKEN").field(), "name");
        assert_eq!(post("medics", "doctors").await.refused(409, "CATEGORY_TAKEN").field(), "slug");
        assert_eq!(post("音樂", "music2").await.refused(409, "CATEGORY_TAKEN").field(), "name");
        post("  ", "blank").await.refused(400, "INVALID_PARAMS");
        post("caps", "Caps").await.refused(400, "INVALID_PARAMS");

        let put = async |body: Value| admin.put(&path, &body).await;
        assert_eq!(put(json!({"name": "ärzte"})).await.body["category"]["name"], "ärzte");
        put(json!({})).await;
        put(json!({"slug": "music"})).await.refused(409, "CATEGORY_TAKEN");
        admin.put("admin/categories/99", &json!({"name": "x"})).await.refused(404, "CATEGORY_NOT_FOUND");
        assert_eq!(fleet.get("categories", 0).await.body["total"], "11");

        let video = fleet.video(json!({"categoryId": id.to_string()})).await;
        let other = fleet.video(json!({"categoryId": "1"})).await;
        assert_eq!(admin.delete(&path).await.status, 200);
        let category =
            async |video: i64| fleet.get(&format!("videos/{video}"), OWNER).await.ok("video")["categoryId"].clone();
        assert_eq!((category(video).await, category(other).await), (json!("0"), json!("1")));
        eventually(async || fleet.last(video).is_some_and(|v| v.version == 2 && v.category_id == 0)).await;
        admin.delete(&path).await.refused(404, "CATEGORY_NOT_FOUND");
        assert_eq!(fleet.get("categories", 0).await.body["total"], "10");
        eventually(async || fleet.events.all::<AuditRecorded>().len() == 3).await;
        assert_eq!(fleet.actions(), ["category.created", "category.updated", "category.deleted"]);
    }
}

#[tokio::test]
async fn concurrent_requests_for_a_name_create_one_category() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let admin = fleet.admin();
        let create =
            async |n| admin.post("admin/categories", &json!({"name": "the same", "slug": format!("s{n}")})).await;
        let replies = futures::future::join_all((0..6).map(create)).await;
        let (created, rejected): (Vec<_>, Vec<_>) = replies.iter().partition(|r| r.status == 200);
        assert_eq!((created.len(), rejected.len()), (1, 5));
        assert!(rejected.iter().all(|r| r.reason() == "CATEGORY_TAKEN"));
    }
}

#[tokio::test]
async fn only_administrators_change_categories() {
    let fleet = Fleet::start(Database::Sqlite).await;
    let body = json!({"name": "n", "slug": "s"});
    assert_eq!(fleet.moderator().post("admin/categories", &body).await.status, 403);
}
