//! Other services that answer with errors, late or not at all.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicUsize, Ordering},
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
        ClaimUploadRequest, ClaimUploadResponse, ReleaseClaimRequest, ReleaseClaimResponse, UploadServiceHandler,
        upload_service,
    },
};
use fenz_core::{Error, Reason, Result};
use fenz_testkit::{AllowAll, Database, Sandbox, free_address, serve_stub};
use sea_orm::{
    ConnectionTrait,
    sea_query::{Expr, ExprTrait, Query},
};
use serde_json::json;
use tokio::{net::TcpListener, sync::Notify};
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

/// A media service whose claims block until the test resumes them.
#[derive(Clone, Default)]
struct SlowMedia {
    claiming: Arc<Notify>,
    resume: Arc<Notify>,
    released: Arc<AtomicUsize>,
}

impl UploadServiceHandler for SlowMedia {
    async fn claim_upload(&self, _: Request<ClaimUploadRequest>) -> Result<Response<ClaimUploadResponse>> {
        self.claiming.notify_one();
        self.resume.notified().await;
        Ok(Response::new(ClaimUploadResponse::default()))
    }

    async fn release_claim(&self, request: Request<ReleaseClaimRequest>) -> Result<Response<ReleaseClaimResponse>> {
        assert!(request.into_inner().keep_files);
        self.released.fetch_add(1, Ordering::SeqCst);
        Ok(Response::new(ReleaseClaimResponse {}))
    }
}

#[tokio::test]
async fn a_request_whose_intent_expired_creates_no_video() {
    for database in Database::available() {
        let media = SlowMedia::default();
        let fleet = fleet_with_media(database, media.clone()).await;
        let body = json!({"title": "t", "videoUploadId": "5"});
        let expire = async {
            media.claiming.notified().await;
            fleet.sandbox.process.clock.advance(Duration::from_secs(601));
            fleet.pending_calls_done().await;
            assert_eq!(media.released.load(Ordering::SeqCst), 1);
            media.resume.notify_one();
        };
        let (reply, ()) = tokio::join!(fleet.post(&body, OWNER), expire);
        reply.refused(503, "UNAVAILABLE");
        // The claim it made after the release is released too.
        assert_eq!(media.released.load(Ordering::SeqCst), 2);
        assert_eq!(fleet.count("videos").await + fleet.count("pending_calls").await, 0);

        media.resume.notify_one();
        fleet.post(&body, OWNER).await.ok("video");
    }
}

/// A media service whose claims fail and whose releases block until resumed.
#[derive(Clone, Default)]
struct StuckMedia {
    releasing: Arc<Notify>,
    resume: Arc<Notify>,
}

impl UploadServiceHandler for StuckMedia {
    async fn claim_upload(&self, _: Request<ClaimUploadRequest>) -> Result<Response<ClaimUploadResponse>> {
        Err(Error::new(Reason::Internal, "broken"))
    }

    async fn release_claim(&self, _: Request<ReleaseClaimRequest>) -> Result<Response<ReleaseClaimResponse>> {
        self.releasing.notify_one();
        self.resume.notified().await;
        Ok(Response::new(ReleaseClaimResponse {}))
    }
}

/// While a failed request releases its uploads, the job does not run its intent too.
#[tokio::test]
async fn a_failed_request_releases_its_uploads_alone() {
    for database in Database::available() {
        let media = StuckMedia::default();
        let fleet = fleet_with_media(database, media.clone()).await;
        let count_calls = async {
            media.releasing.notified().await;
            let now = fleet.sandbox.process.clock.now();
            let is_due = Expr::col("due_at").lte(now);
            let due = Query::select().column("id").from("pending_calls").and_where(is_due).to_owned();
            let due = fleet.sandbox.database("content").await.query_all(&due).await.unwrap().len();
            let all = fleet.count("pending_calls").await;
            media.resume.notify_one();
            (due, all)
        };
        let body = json!({"title": "t", "videoUploadId": "5"});
        let (reply, found) = tokio::join!(fleet.post(&body, OWNER), count_calls);
        assert_eq!((reply.status, found), (500, (0, 1)));
        assert_eq!(fleet.count("pending_calls").await, 0);
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
    // Kept until media is available.
    assert_eq!(fleet.count("pending_calls WHERE is_intent = false").await, 1);
}
