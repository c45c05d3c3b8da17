//! The catalogue of channels for other services.

use fenz_contract::channel::v1::{
    GetCatalogChannelRequest, GetUploadUseRequest, ListCatalogChannelsRequest,
    channel_catalog_service_client::ChannelCatalogServiceClient,
};
use fenz_testkit::Database;
use serde_json::json;
use tonic::Code;

use crate::fleet::{Fleet, OTHER, OWNER};

#[tokio::test]
async fn the_catalog_lists_every_existing_channel() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        fleet.register(20, "twenty").await;
        fleet.register(21, "twenty-one").await;
        assert_eq!(fleet.moderate(20, "hide").await.status, 200);
        assert_eq!(fleet.delete_own(OTHER).await.status, 200);
        let mut client = ChannelCatalogServiceClient::new(fleet.sandbox.peer("recommendation", "channel").unwrap());
        let mut list = async |after_id, limit| {
            let reply = client.list_catalog_channels(ListCatalogChannelsRequest { after_id, limit }).await.unwrap();
            let summary = |c: &fenz_contract::events::v1::ChannelChanged| (c.channel_id, c.is_hidden, c.version);
            reply.into_inner().channels.iter().map(summary).collect::<Vec<_>>()
        };
        assert_eq!(list(0, None).await, [(7, false, 1), (20, true, 2), (21, false, 1)]);
        assert_eq!(list(0, Some(2)).await, [(7, false, 1), (20, true, 2)]);
        assert_eq!(list(20, Some(2)).await, [(21, false, 1)]);
        assert_eq!(list(21, None).await, []);
        let one_of = GetCatalogChannelRequest { id: 20 };
        assert_eq!(
            client.get_catalog_channel(one_of).await.unwrap_err().code(),
            Code::PermissionDenied,
            "it is admin's"
        );
        let mut client = ChannelCatalogServiceClient::new(fleet.sandbox.peer("admin", "channel").unwrap());
        let one = client.get_catalog_channel(one_of).await.unwrap().into_inner();
        assert_eq!(one.channel.unwrap().name, "twenty");
        let deleted = client.get_catalog_channel(GetCatalogChannelRequest { id: OTHER }).await.unwrap_err();
        assert_eq!(deleted.code(), Code::NotFound);
    }
}

#[tokio::test]
async fn media_learns_whether_an_upload_is_a_picture() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        let (avatar, banner, unused) =
            (fleet.upload(OWNER).await, fleet.upload(OWNER).await, fleet.upload(OWNER).await);
        let body = json!({"avatarUploadId": avatar, "bannerUploadId": banner});
        fleet.put("channels/7", &body, OWNER).await.ok("channel");
        let mut client = ChannelCatalogServiceClient::new(fleet.sandbox.peer("media", "channel").unwrap());
        let mut is_used = async |channel_id, upload: &str| {
            let request = GetUploadUseRequest { channel_id, upload_id: upload.parse().unwrap() };
            client.get_upload_use(request).await.unwrap().into_inner().is_used
        };
        assert!(is_used(OWNER, &avatar).await && is_used(OWNER, &banner).await);
        assert!(!is_used(OWNER, &unused).await && !is_used(OTHER, &avatar).await && !is_used(404, &avatar).await);
        // The catalog tells both as well.
        let mut catalog = ChannelCatalogServiceClient::new(fleet.sandbox.peer("recommendation", "channel").unwrap());
        let request = ListCatalogChannelsRequest { after_id: 0, limit: Some(1) };
        let listed = catalog.list_catalog_channels(request).await.unwrap().into_inner().channels.remove(0);
        assert_eq!(
            (listed.avatar_upload_id.to_string(), listed.banner_upload_id.to_string()),
            (avatar.clone(), banner)
        );
        assert_eq!(fleet.delete_own(OWNER).await.status, 200);
        assert!(!is_used(OWNER, &avatar).await);
    }
}
