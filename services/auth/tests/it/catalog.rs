//! `UserCatalogService`, for other services.

use fenz_contract::user::v1::{
    GetUploadUseRequest, GetUserRoleRequest, user_catalog_service_client::UserCatalogServiceClient,
};
use serde_json::json;
use tonic::{Code, Request};

use crate::{
    avatar::User,
    fleet::{ADMIN_PASSWORD, on_every_database, on_every_database_with_media},
};

#[tokio::test]
async fn other_services_get_the_current_role_of_an_account() {
    on_every_database(&[], async |fleet| {
        let admin = fleet.admin().await;
        let mut client = UserCatalogServiceClient::new(fleet.sandbox.peer("admin", "auth").unwrap());
        let mut role = async |id: &str| {
            let id = id.parse().unwrap();
            let reply = client.get_user_role(GetUserRoleRequest { id }).await.map(tonic::Response::into_inner);
            reply.map(|account| (account.role, account.is_admitted)).map_err(|status| status.code())
        };
        let is = |role: &str, is_admitted: bool| Ok((role.to_owned(), is_admitted));
        for name in ["user", "moderator", "admin"] {
            let (id, ..) = fleet.account(&admin, name.get(..4).unwrap(), name).await;
            assert_eq!(role(&id).await, is(name, true));
        }
        let (id, ..) = fleet.account(&admin, "max", "moderator").await;
        let path = format!("admin/users/{id}");
        let put = async |what: &str, body| {
            admin.put(&format!("{path}{what}"), &body).await.expect(200);
        };
        put("/hide", json!({})).await;
        assert_eq!(role(&id).await, is("moderator", false));
        put("/restore", json!({})).await;
        assert_eq!(role(&id).await, is("moderator", true));
        put("/ban", json!({})).await;
        assert_eq!(role(&id).await, is("moderator", false));
        put("/unban", json!({})).await;
        put("", json!({"role": "user"})).await;
        assert_eq!(role(&id).await, is("user", true));
        admin.delete(&path).await.expect(200);
        assert_eq!(role(&id).await, Err(Code::NotFound));
        assert_eq!(role("4242").await, Err(Code::NotFound));
    })
    .await;
}

#[tokio::test]
async fn media_learns_whether_an_upload_is_an_avatar() {
    on_every_database_with_media(async |fleet| {
        let ann = User::register(&fleet, "ann").await;
        let (first, second) = (ann.upload().await, ann.upload().await);
        let mut client = UserCatalogServiceClient::new(fleet.sandbox.peer("media", "auth").unwrap());
        let mut is_used = async |user_id, upload_id| {
            client.get_upload_use(GetUploadUseRequest { user_id, upload_id }).await.unwrap().into_inner().is_used
        };
        assert!(!is_used(ann.id(), first).await);
        ann.set(first).await.expect(200);
        assert!(is_used(ann.id(), first).await);
        assert!(!is_used(ann.id(), second).await && !is_used(4242, first).await);
        ann.set(second).await.expect(200);
        assert!(is_used(ann.id(), second).await && !is_used(ann.id(), first).await);
        let mut others = UserCatalogServiceClient::new(fleet.sandbox.peer("admin", "auth").unwrap());
        let refused = others.get_upload_use(GetUploadUseRequest { user_id: ann.id(), upload_id: second }).await;
        assert_eq!(refused.unwrap_err().code(), Code::PermissionDenied);
    })
    .await;
}

#[tokio::test]
async fn only_services_may_call_the_catalog() {
    on_every_database(&[], async |fleet| {
        let url = fleet.sandbox.url("auth");
        let mut client = UserCatalogServiceClient::connect(url).await.unwrap();
        let request_with = |token: &str| {
            let mut request = Request::new(GetUserRoleRequest { id: 1 });
            request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
            request
        };
        let login = fleet.client.login("admin", ADMIN_PASSWORD).await;
        assert!(client.get_user_role(request_with(login.text("accessToken"))).await.is_err());
        assert!(client.get_user_role(GetUserRoleRequest { id: 1 }).await.is_err());
    })
    .await;
}
