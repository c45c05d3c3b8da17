//! The catalogue of channels for other services.

use fenz_contract::channel::v1::{
    GetCatalogChannelRequest, ListCatalogChannelsRequest, channel_catalog_service_client::ChannelCatalogServiceClient,
};
use fenz_testkit::Database;
use tonic::Code;

use crate::fleet::{Fleet, OTHER};

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
