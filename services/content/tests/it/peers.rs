//! Other services that answer with errors, late or not at all.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI32, Ordering},
    },
    time::Duration,
};

use fenz_contract::{
    Endpoint,
    channel::v1::{
        GetMembershipRequest, GetMembershipResponse, ListMembershipsRequest, ListMembershipsResponse,
        MembershipServiceHandler, membership_service,
    },
    media::v1::{
        GetUploadRequest, GetUploadResponse, ReleaseReservationRequest, ReleaseReservationResponse,
        ReserveUploadRequest, ReserveUploadResponse, UploadServiceHandler, upload_service,
    },
};
use fenz_core::{Error, Reason, Result};
use fenz_testkit::{AllowAll, Database, Sandbox, free_address, serve_stub};
use serde_json::json;
use tokio::net::TcpListener;
use tonic::{Request, Response};

use crate::fleet::{Fleet, OTHER, OWNER};

/// Serves a stub and returns its address.
pub async fn serve(endpoint: Endpoint) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    serve_stub(listener, [endpoint]);
    address
}

/// A fleet whose media service is a stub.
async fn fleet_with_media(database: Database, media: impl UploadServiceHandler) -> Fleet {
    let mut sandbox = Sandbox::new(database).await.unwrap();
    serve_stub(sandbox.take_listener("media").unwrap(), [upload_service(media, AllowAll)]);
    sandbox.start_auth_stand_in().await.unwrap();
    Fleet::over(sandbox).await
}

/// A channel service in which everyone has the same membership; negative is unavailable.
#[derive(Clone, Default)]
pub struct Channel(pub Arc<AtomicI32>);

impl Channel {
    /// Serves it and returns its address.
    pub async fn serve(&self) -> String {
        serve(membership_service(self.clone(), AllowAll)).await
    }
}

impl MembershipServiceHandler for Channel {
    async fn get_membership(&self, request: Request<GetMembershipRequest>) -> Result<Response<GetMembershipResponse>> {
        assert_eq!(request.into_inner(), GetMembershipRequest { user_id: OTHER, channel_id: OWNER });
        match self.0.load(Ordering::SeqCst) {
            ..0 => Err(Error::new(Reason::Unavailable, "unavailable")),
            tier => Ok(Response::new(GetMembershipResponse { tier })),
        }
    }

    async fn list_memberships(&self, _: Request<ListMembershipsRequest>) -> Result<Response<ListMembershipsResponse>> {
        Err(Error::new(Reason::MethodNotAllowed, "not called by content"))
    }
}

#[tokio::test]
async fn memberships_grant_their_tiers_and_count_as_members() {
    let channel = Channel::default();
    let address = channel.serve().await;
    let settings =
        [("peers.channel", address.as_str()), ("content.cache.ttl", "1ms"), ("content.membership_ttl", "1ms")];
    let fleet = Fleet::start_with(Database::Sqlite, &settings).await;
    let mut videos = Vec::new();
    for tier in 0..3 {
        videos.push(fleet.video(json!({"accessTier": tier})).await);
    }
    let unpublished = fleet.video(json!({"accessTier": 2, "publish": false})).await;
    for (tier, expected) in [
        (0, ["", "MEMBERSHIP_REQUIRED", "MEMBERSHIP_REQUIRED"]),
        (1, ["", "", "PREMIUM_REQUIRED"]),
        (2, ["", "", ""]),
        (-1, ["", "UNAVAILABLE", "UNAVAILABLE"]),
    ] {
        channel.0.store(tier, Ordering::SeqCst);
        for (video, expected) in videos.iter().zip(expected) {
            let reply = fleet.get(&format!("videos/{video}"), OTHER).await;
            assert_eq!(reply.reason(), expected, "{tier} {}", reply.body);
        }
        fleet.get(&format!("videos/{unpublished}"), OTHER).await.refused(404, "VIDEO_NOT_FOUND");
        fleet.sandbox.process.clock.advance(Duration::from_secs(3601));
    }
    let views = async |video: i64| {
        let video = fleet.get(&format!("videos/{video}"), OWNER).await.ok("video");
        (video["viewsMember"].clone(), video["viewsNonMember"].clone())
    };
    // Tier 0 and unavailable count as non-members, tiers 1 and 2 as members.
    assert_eq!(views(videos[0]).await, (json!("2"), json!("2")));
    assert_eq!(views(videos[1]).await, (json!("2"), json!("0")));
    assert_eq!(views(videos[2]).await, (json!("1"), json!("0")));
}

/// A media service whose reservations are over at once.
#[derive(Clone, Default)]
struct HastyMedia {
    reserved: Arc<Mutex<Vec<i64>>>,
    released: Arc<Mutex<Vec<i64>>>,
}

impl UploadServiceHandler for HastyMedia {
    async fn get_upload(&self, _: Request<GetUploadRequest>) -> Result<Response<GetUploadResponse>> {
        Err(Error::new(Reason::MethodNotAllowed, "not called by content"))
    }

    async fn reserve_upload(&self, request: Request<ReserveUploadRequest>) -> Result<Response<ReserveUploadResponse>> {
        self.reserved.lock().unwrap().push(request.into_inner().reservation_id);
        Ok(Response::new(ReserveUploadResponse::default()))
    }

    async fn release_reservation(
        &self,
        request: Request<ReleaseReservationRequest>,
    ) -> Result<Response<ReleaseReservationResponse>> {
        self.released.lock().unwrap().push(request.into_inner().reservation_id);
        Ok(Response::new(ReleaseReservationResponse {}))
    }
}

#[tokio::test]
async fn no_video_is_stored_whose_reservation_is_nearly_over() {
    for database in Database::available() {
        let media = HastyMedia::default();
        let fleet = fleet_with_media(database, media.clone()).await;
        let body = json!({"title": "t", "videoUploadId": "5"});
        fleet.post(&body, OWNER).await.refused(503, "UNAVAILABLE");
        assert_eq!(fleet.count("videos").await, 0);
        let reserved = media.reserved.lock().unwrap().clone();
        assert_eq!((reserved.len(), &reserved), (1, &*media.released.lock().unwrap()));
    }
}

#[tokio::test]
async fn without_media_no_video_is_created_and_reads_work() {
    let mut sandbox = Sandbox::new(Database::Sqlite).await.unwrap();
    sandbox.set("peers.media", &format!("http://{}", free_address())).unwrap();
    sandbox.start_auth_stand_in().await.unwrap();
    let fleet = Fleet::over(sandbox).await;
    fleet.post(&json!({"title": "t", "videoUploadId": "5"}), OWNER).await.refused(503, "UNAVAILABLE");
    assert_eq!(fleet.get("videos", 0).await.body["total"], "0");
    assert_eq!(fleet.count("videos").await, 0);
}
