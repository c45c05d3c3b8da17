//! PUT user/avatar, with a fake media service that stores claims.

use fenz_auth::Auth;
use fenz_chassis::status;
use fenz_contract::{
    Guard,
    media::v1::{self as pb, UploadServiceHandler},
    routes::Method as Rpc,
};
use fenz_core::{Caller, Error, Reason, Result};
use fenz_testkit::{Database, Sandbox};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use reqwest::{Method, header::HeaderMap};
use sea_orm::DbBackend;
use serde_json::json;
use tokio::sync::Barrier;
use tonic::{Request, Response, Status, service::RoutesBuilder};

use crate::fleet::{Fleet, on_every_database};

/// Claims by upload, and released claims with `keep_files`.
#[derive(Clone, Default)]
pub struct FakeMedia {
    claims: Arc<Mutex<BTreeMap<i64, String>>>,
    released: Arc<Mutex<Vec<(String, bool)>>>,
    /// Where concurrent claims wait for each other.
    barrier: Arc<Mutex<Option<Arc<Barrier>>>>,
}

/// Authorization is not tested here.
struct AllowAll;

impl Guard for AllowAll {
    async fn admit(&self, _: &'static Rpc, _: &HeaderMap) -> Result<Caller> {
        Ok(Caller::Anonymous)
    }

    fn status(&self, error: Error) -> Status {
        status::from_error(error)
    }
}

impl UploadServiceHandler for FakeMedia {
    async fn claim_upload(
        &self,
        request: Request<pb::ClaimUploadRequest>,
    ) -> Result<Response<pb::ClaimUploadResponse>> {
        let pb::ClaimUploadRequest { upload_id, kind, claim, .. } = request.into_inner();
        assert_eq!(kind, "image");
        let barrier = self.barrier.lock().unwrap().clone();
        if let Some(barrier) = barrier {
            barrier.wait().await;
        }
        if upload_id >= 100 {
            return Err(Error::new(Reason::UploadNotFound, "there is no such upload"));
        }
        let mut claims = self.claims.lock().unwrap();
        let holder = claims.entry(upload_id).or_insert_with(|| claim.clone());
        if *holder != claim {
            return Err(Error::new(Reason::UploadAlreadyUsed, "the upload is in use"));
        }
        Ok(Response::new(pb::ClaimUploadResponse::default()))
    }

    async fn release_claim(
        &self,
        request: Request<pb::ReleaseClaimRequest>,
    ) -> Result<Response<pb::ReleaseClaimResponse>> {
        let pb::ReleaseClaimRequest { claim, keep_files, .. } = request.into_inner();
        self.claims.lock().unwrap().retain(|_, holder| *holder != claim);
        self.released.lock().unwrap().push((claim, keep_files));
        Ok(Response::new(pb::ReleaseClaimResponse {}))
    }
}

/// Serves the fake at the address of media.
pub fn serve(media: &FakeMedia, sandbox: &mut Sandbox) {
    let listener = sandbox.take_listener("media").unwrap();
    let mut routes = RoutesBuilder::default();
    (pb::upload_service(media.clone(), AllowAll).grpc)(&mut routes);
    let server = tonic::transport::Server::builder().add_routes(routes.routes());
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let stop = sandbox.process.stop.clone();
    tokio::spawn(async move { server.serve_with_incoming_shutdown(incoming, stop.cancelled_owned()).await });
}

async fn set(fleet: &Fleet, token: &str, upload: i64) -> crate::fleet::Reply {
    fleet.as_user(token, Method::PUT, "user/avatar", json!({"uploadId": upload.to_string()})).await
}

async fn wait_for_release(media: &FakeMedia) {
    for _ in 0..200 {
        if !media.released.lock().unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no claim was released");
}

#[tokio::test]
async fn an_avatar_claims_its_upload_and_releases_the_previous_one() {
    on_every_database(&[], async |mut fleet| {
        let media = FakeMedia::default();
        serve(&media, &mut fleet.sandbox);
        let ann = fleet.register("ann").await.is(200);
        let (token, id) = (ann.text("accessToken"), ann.body["user"]["id"].as_str().unwrap());
        let first = set(&fleet, token, 1).await.is(200);
        assert!(first.body["user"]["avatarUrl"].as_str().unwrap().starts_with("/media/1/"), "{first:?}");
        assert_eq!(first.etag(), "\"2\"");
        set(&fleet, token, 1).await.is(200);
        let second = set(&fleet, token, 2).await.is(200);
        assert!(second.body["user"]["avatarUrl"].as_str().unwrap().starts_with("/media/2/"));
        wait_for_release(&media).await;
        assert_eq!(*media.released.lock().unwrap(), [(format!("user/{id}/avatar/1"), false)]);
        assert_eq!(*media.claims.lock().unwrap(), BTreeMap::from([(2, format!("user/{id}/avatar/2"))]));
        // Used and unknown uploads change nothing.
        let ben = fleet.token_of("ben").await;
        set(&fleet, &ben, 2).await.refuses(409, "UPLOAD_ALREADY_USED");
        set(&fleet, &ben, 100).await.refuses(404, "UPLOAD_NOT_FOUND");
        assert_eq!(fleet.get(&ben, "user/me").await.body["user"]["avatarUrl"], "");
    })
    .await;
}

#[tokio::test]
async fn an_incomplete_change_releases_the_claim() {
    on_every_database(&[], async |mut fleet| {
        let token = fleet.token_of("ann").await;
        // Media does not run yet: the result of the claim is unknown.
        set(&fleet, &token, 3).await.refuses(503, "UNAVAILABLE");
        assert_eq!(fleet.get(&token, "user/me").await.body["user"]["avatarUrl"], "");
        let media = FakeMedia::default();
        serve(&media, &mut fleet.sandbox);
        fleet.sandbox.process.clock.advance(Duration::from_secs(601));
        wait_for_release(&media).await;
        assert!(media.released.lock().unwrap().iter().all(|(claim, keep)| claim.ends_with("/avatar/3") && *keep));
    })
    .await;
}

#[tokio::test]
async fn two_identical_concurrent_changes_keep_the_avatar() {
    on_every_database(&[], async |mut fleet| {
        let media = FakeMedia::default();
        serve(&media, &mut fleet.sandbox);
        let ann = fleet.register("ann").await.is(200);
        let (id, bearer) = (&ann.body["user"]["id"], format!("Bearer {}", ann.text("accessToken")));
        let claim = format!("user/{}/avatar/1", id.as_str().unwrap());
        // Both have read the first version and scheduled the compensation.
        *media.barrier.lock().unwrap() = Some(Arc::new(Barrier::new(2)));
        let (headers, body) = ([("authorization", bearer.as_str()), ("if-match", "\"1\"")], json!({"uploadId": "1"}));
        let set = || fleet.call(Method::PUT, "/api/v1/user/avatar", &headers, &body);
        let (one, two) = tokio::join!(set(), set());
        assert_eq!((one.is(200).etag(), two.is(200).etag()), ("\"2\"", "\"2\""));
        assert_eq!(fleet.count("pending_calls").await, 0);
        // As a third request that scheduled it after the others, then failed.
        let zone = if fleet.db().await.get_database_backend() == DbBackend::MySql { "" } else { "+00:00" };
        let call = format!("('{claim}', TRUE, '2026-01-01 00:00:00{zone}', FALSE)");
        fleet.sql(&format!("INSERT INTO pending_calls (claim, keep_files, due_at, started) VALUES {call}")).await;
        fleet.wait_for_count("pending_calls", 0).await;
        assert!(media.released.lock().unwrap().is_empty());
        assert_eq!(*media.claims.lock().unwrap(), BTreeMap::from([(1, claim)]));
    })
    .await;
}

#[tokio::test]
async fn without_media_there_are_no_avatars() {
    let mut sandbox = Sandbox::new(Database::Sqlite).await.unwrap();
    sandbox.set("peers.media", "").unwrap();
    sandbox.start::<Auth>().await.unwrap();
    let fleet = Fleet::of(sandbox);
    let token = fleet.token_of("ann").await;
    set(&fleet, &token, 1).await.refuses(503, "UNAVAILABLE");
}
