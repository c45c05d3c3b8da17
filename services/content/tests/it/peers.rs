//! What happens when the other services answer otherwise, late or not at all.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use fenz_contract::{
    channel::v1::{
        GetMembershipRequest, GetMembershipResponse, ListMembershipsRequest, ListMembershipsResponse,
        membership_service_server::{MembershipService, MembershipServiceServer},
    },
    media::v1::{
        ClaimUploadRequest, ClaimUploadResponse, ReleaseClaimRequest, ReleaseClaimResponse,
        upload_service_server::{UploadService, UploadServiceServer},
    },
};
use fenz_testkit::{Database, Sandbox};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::json;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, service::RoutesBuilder};

use crate::fleet::{Fleet, OTHER, OWNER};

pub fn serve(listener: TcpListener, add: impl FnOnce(&mut RoutesBuilder)) -> JoinHandle<()> {
    let mut routes = RoutesBuilder::default();
    add(&mut routes);
    let server = tonic::transport::Server::builder().add_routes(routes.routes());
    tokio::spawn(async move { server.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("served") })
}

/// A channel service in which everybody holds the same membership.
#[derive(Clone, Default)]
pub struct Channel(pub Arc<AtomicI32>);

pub fn serve_channel(listener: TcpListener, channel: Channel) -> JoinHandle<()> {
    serve(listener, |routes| {
        routes.add_service(MembershipServiceServer::new(channel));
    })
}

#[async_trait::async_trait]
impl MembershipService for Channel {
    async fn get_membership(
        &self,
        request: Request<GetMembershipRequest>,
    ) -> Result<Response<GetMembershipResponse>, Status> {
        assert_eq!(request.into_inner(), GetMembershipRequest { user_id: OTHER, channel_id: OWNER });
        match self.0.load(Ordering::SeqCst) {
            ..0 => Err(Status::unavailable("away")),
            tier => Ok(Response::new(GetMembershipResponse { tier })),
        }
    }

    async fn list_memberships(
        &self,
        _: Request<ListMembershipsRequest>,
    ) -> Result<Response<ListMembershipsResponse>, Status> {
        Err(Status::unimplemented("content does not ask for lists"))
    }
}

#[tokio::test]
async fn memberships_open_their_tiers_and_count_as_members() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let channel = Channel::default();
    serve_channel(listener, channel.clone());
    let settings =
        [("peers.channel", address.as_str()), ("content.cache.ttl", "1ms"), ("content.membership_ttl", "1ms")];
    let fleet = Fleet::start_with(Database::Sqlite, &settings).await;
    let mut videos = Vec::new();
    for tier in 0..3 {
        videos.push(fleet.video(json!({"accessTier": tier})).await);
    }
    let unpublished = fleet.video(json!({"accessTier": 2, "publish": false})).await;
    for (held, expected) in [
        (0, ["", "MEMBERSHIP_REQUIRED", "MEMBERSHIP_REQUIRED"]),
        (1, ["", "", "PREMIUM_REQUIRED"]),
        (2, ["", "", ""]),
        (-1, ["", "UNAVAILABLE", "UNAVAILABLE"]),
    ] {
        channel.0.store(held, Ordering::SeqCst);
        for (video, expected) in videos.iter().zip(expected) {
            let reply = fleet.get(&format!("videos/{video}"), OTHER).await;
            assert_eq!(reply.reason(), expected, "{held} {}", reply.body);
        }
        fleet.get(&format!("videos/{unpublished}"), OTHER).await.refused(404, "VIDEO_NOT_FOUND");
        fleet.sandbox.process.clock.advance(Duration::from_secs(3601));
    }
    let views = async |video: i64| {
        let video = fleet.get(&format!("videos/{video}"), OWNER).await.video();
        (video["viewsMember"].clone(), video["viewsNonMember"].clone())
    };
    // Held 0 and not to be found out: no member's; held 1 and 2: a member's.
    assert_eq!(views(videos[0]).await, (json!("2"), json!("2")));
    assert_eq!(views(videos[1]).await, (json!("2"), json!("0")));
    assert_eq!(views(videos[2]).await, (json!("1"), json!("0")));
}

/// A media service whose claims take as long as the test wants.
#[derive(Clone, Default)]
struct SlowMedia {
    asked: Arc<Notify>,
    go_on: Arc<Notify>,
    released: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl UploadService for SlowMedia {
    async fn claim_upload(&self, _: Request<ClaimUploadRequest>) -> Result<Response<ClaimUploadResponse>, Status> {
        self.asked.notify_one();
        self.go_on.notified().await;
        Ok(Response::new(ClaimUploadResponse::default()))
    }

    async fn release_claim(
        &self,
        request: Request<ReleaseClaimRequest>,
    ) -> Result<Response<ReleaseClaimResponse>, Status> {
        assert!(request.into_inner().keep_files);
        self.released.fetch_add(1, Ordering::SeqCst);
        Ok(Response::new(ReleaseClaimResponse {}))
    }
}

#[tokio::test]
async fn a_request_that_was_given_up_makes_no_video() {
    for database in Database::available() {
        let mut sandbox = Sandbox::new(database).await.unwrap();
        let media = SlowMedia::default();
        let served = serve(sandbox.take_listener("media").unwrap(), |routes| {
            routes.add_service(UploadServiceServer::new(media.clone()));
        });
        sandbox.start_auth_stand_in().await.unwrap();
        sandbox.start::<fenz_content::Content>().await.unwrap();
        let fleet = Fleet::over(sandbox);
        let body = json!({"title": "t", "videoUploadId": "5"});
        let outlived = async {
            media.asked.notified().await;
            fleet.sandbox.process.clock.advance(Duration::from_secs(601));
            fleet.errands_done().await;
            assert_eq!(media.released.load(Ordering::SeqCst), 1);
            media.go_on.notify_one();
        };
        let (reply, ()) = tokio::join!(fleet.post(&body, OWNER), outlived);
        reply.refused(503, "UNAVAILABLE");
        // What it claimed after the release is handed back too.
        assert_eq!(media.released.load(Ordering::SeqCst), 2);
        assert_eq!(fleet.count("videos").await + fleet.count("media_errands").await, 0);

        media.go_on.notify_one();
        fleet.post(&body, OWNER).await.video();
        served.abort();
    }
}

/// A media service that takes nothing into use, and hands nothing back before it
/// may.
#[derive(Clone, Default)]
struct StuckMedia {
    releasing: Arc<Notify>,
    go_on: Arc<Notify>,
}

#[async_trait::async_trait]
impl UploadService for StuckMedia {
    async fn claim_upload(&self, _: Request<ClaimUploadRequest>) -> Result<Response<ClaimUploadResponse>, Status> {
        Err(Status::internal("broken"))
    }

    async fn release_claim(&self, _: Request<ReleaseClaimRequest>) -> Result<Response<ReleaseClaimResponse>, Status> {
        self.releasing.notify_one();
        self.go_on.notified().await;
        Ok(Response::new(ReleaseClaimResponse {}))
    }
}

/// While a failed request hands its uploads back, no job does the same beside it.
#[tokio::test]
async fn a_failed_request_cleans_up_alone() {
    for database in Database::available() {
        let mut sandbox = Sandbox::new(database).await.unwrap();
        let media = StuckMedia::default();
        let served = serve(sandbox.take_listener("media").unwrap(), |routes| {
            routes.add_service(UploadServiceServer::new(media.clone()));
        });
        sandbox.start_auth_stand_in().await.unwrap();
        sandbox.start::<fenz_content::Content>().await.unwrap();
        let fleet = Fleet::over(sandbox);
        let look = async {
            media.releasing.notified().await;
            let now = fleet.sandbox.process.clock.now();
            let is_due = Expr::col("due_at").lte(now);
            let due = Query::select().column("id").from("media_errands").and_where(is_due).to_owned();
            let db = fleet.database().await;
            let due = db.query_all(&due).await.unwrap().len();
            db.close().await.unwrap();
            let all = fleet.count("media_errands").await;
            media.go_on.notify_one();
            (due, all)
        };
        let body = json!({"title": "t", "videoUploadId": "5"});
        let (reply, found) = tokio::join!(fleet.post(&body, OWNER), look);
        assert_eq!((reply.status, found), (500, (0, 1)));
        assert_eq!(fleet.count("media_errands").await, 0);
        served.abort();
    }
}

#[tokio::test]
async fn without_media_nothing_is_made_and_all_else_goes_on() {
    let mut sandbox = Sandbox::new(Database::Sqlite).await.unwrap();
    drop(sandbox.take_listener("media").unwrap());
    sandbox.start_auth_stand_in().await.unwrap();
    sandbox.start::<fenz_content::Content>().await.unwrap();
    let fleet = Fleet::over(sandbox);
    fleet.post(&json!({"title": "t", "videoUploadId": "5"}), OWNER).await.refused(503, "UNAVAILABLE");
    assert_eq!(fleet.get("videos", 0).await.body["total"], "0");
    assert_eq!(fleet.count("videos").await, 0);
    // Kept until media hears of it.
    assert_eq!(fleet.count("media_errands WHERE is_intent = false").await, 1);
}
