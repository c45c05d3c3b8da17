//! Administration of categories.

use fenz_core::Role;
use fenz_testkit::Database;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fleet::{Fleet, OWNER, Reply, STAFF, eventually, send};

async fn request(fleet: &Fleet, method: Method, path: &str, body: Option<Value>) -> Reply {
    let mut request = fleet.request_as(method, &format!("admin/categories{path}"), STAFF, Role::Admin);
    if let Some(body) = body {
        request = request.json(&body);
    }
    send(request).await
}

#[tokio::test]
async fn categories_are_created_updated_and_deleted_with_audit() {
    for database in Database::available() {
        let fleet = Fleet::start_with_stub(database, &[]).await;
        let post = async |name: &str, slug: &str| {
            request(&fleet, Method::POST, "", Some(json!({"name": name, "slug": slug}))).await
        };
        let created = post(" Ärzte ", "doctors").await;
        assert_eq!((created.status, &created.body["category"]["name"]), (200, &json!("Ärzte")), "{}", created.body);
        let id = created.body["category"]["id"].as_str().unwrap().to_owned();
        assert_eq!(post("äRZTE", "medics").await.assert_error(409, "CATEGORY_TAKEN").field(), "name");
        assert_eq!(post("medics", "doctors").await.assert_error(409, "CATEGORY_TAKEN").field(), "slug");
        assert_eq!(post("音樂", "music2").await.assert_error(409, "CATEGORY_TAKEN").field(), "name");
        post("  ", "blank").await.assert_error(400, "INVALID_PARAMS");
        post("caps", "Caps").await.assert_error(400, "INVALID_PARAMS");

        let put = async |body: Value| request(&fleet, Method::PUT, &format!("/{id}"), Some(body)).await;
        assert_eq!(put(json!({"name": "ärzte"})).await.body["category"]["name"], "ärzte");
        put(json!({})).await;
        put(json!({"slug": "music"})).await.assert_error(409, "CATEGORY_TAKEN");
        request(&fleet, Method::PUT, "/99", Some(json!({"name": "x"}))).await.assert_error(404, "CATEGORY_NOT_FOUND");
        assert_eq!(fleet.get("categories", 0).await.body["total"], "11");

        let video = fleet.video(json!({"categoryId": id})).await;
        let other = fleet.video(json!({"categoryId": "1"})).await;
        assert_eq!(request(&fleet, Method::DELETE, &format!("/{id}"), None).await.status, 200);
        let category =
            async |video: i64| fleet.get(&format!("videos/{video}"), OWNER).await.video()["categoryId"].clone();
        assert_eq!((category(video).await, category(other).await), (json!("0"), json!("1")));
        eventually(async || fleet.received.last(video).is_some_and(|v| v.version == 2 && v.category_id == 0)).await;
        request(&fleet, Method::DELETE, &format!("/{id}"), None).await.assert_error(404, "CATEGORY_NOT_FOUND");
        assert_eq!(fleet.get("categories", 0).await.body["total"], "10");
        eventually(async || fleet.received.audited.lock().unwrap().len() == 3).await;
        assert_eq!(fleet.received.actions(), ["category.created", "category.updated", "category.deleted"]);
    }
}

#[tokio::test]
async fn concurrent_requests_for_a_name_create_one_category() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let requests = (0..6).map(|n| {
            let body = json!({"name": "the same", "slug": format!("s{n}")});
            request(&fleet, Method::POST, "", Some(body))
        });
        let replies = futures::future::join_all(requests).await;
        let (created, rejected): (Vec<_>, Vec<_>) = replies.iter().partition(|r| r.status == 200);
        assert_eq!((created.len(), rejected.len()), (1, 5));
        assert!(rejected.iter().all(|r| r.reason() == "CATEGORY_TAKEN"));
    }
}

#[tokio::test]
async fn only_administrators_change_categories() {
    let fleet = Fleet::start(Database::Sqlite).await;
    let body = json!({"name": "n", "slug": "s"});
    let request = fleet.request_as(Method::POST, "admin/categories", STAFF, Role::Moderator);
    assert_eq!(send(request.json(&body)).await.status, 403);
}
