//! PUT user/avatar, with a fake media service that stores claims.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use fenz_auth::Auth;
use fenz_contract::media::v1::{self as pb, UploadServiceHandler};
use fenz_core::{Error, Reason, Result};
use fenz_testkit::{AllowAll, Client, Database, Reply, Sandbox, eventually, serve_stub};
use sea_orm::DbBackend;
use serde_json::json;
use tokio::sync::Barrier;
use tonic::{Request, Response};

use crate::fleet::{Fleet, on_every_database};

/// Claims by upload, and released claims with `keep_files`.
#[derive(Clone, Default)]
pub struct FakeMedia {
    claims: Arc<Mutex<BTreeMap<i64, String>>>,
    released: Arc<Mutex<Vec<(String, bool)>>>,
    /// Where concurrent claims wait for each other.
    barrier: Arc<Mutex<Option<Arc<Barrier>>>>,
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
    serve_stub(sandbox.take_listener("media").unwrap(), [pb::upload_service(media.clone(), AllowAll)]);
}

async fn set(user: &Client, upload: i64) -> Reply {
    user.put("user/avatar", &json!({"uploadId": upload.to_string()})).await
}

async fn wait_for_release(media: &FakeMedia) {
    eventually(async || !media.released.lock().unwrap().is_empty()).await;
}

#[tokio::test]
async fn an_avatar_claims_its_upload_and_releases_the_previous_one() {
    on_every_database(&[], async |mut fleet| {
        let media = FakeMedia::default();
        serve(&media, &mut fleet.sandbox);
        let ann = fleet.user("ann").await;
        let id = ann.user();
        let first = set(&ann, 1).await;
        assert!(first.ok("user")["avatarUrl"].as_str().unwrap().starts_with("/media/1/"), "{first:?}");
        assert_eq!(first.header("etag"), "\"2\"");
        set(&ann, 1).await.expect(200);
        let second = set(&ann, 2).await;
        assert!(second.ok("user")["avatarUrl"].as_str().unwrap().starts_with("/media/2/"));
        wait_for_release(&media).await;
        assert_eq!(*media.released.lock().unwrap(), [(format!("user/{id}/avatar/1"), false)]);
        assert_eq!(*media.claims.lock().unwrap(), BTreeMap::from([(2, format!("user/{id}/avatar/2"))]));
        // Used and unknown uploads change nothing.
        let ben = fleet.user("ben").await;
        set(&ben, 2).await.refused(409, "UPLOAD_ALREADY_USED");
        set(&ben, 100).await.refused(404, "UPLOAD_NOT_FOUND");
        assert_eq!(ben.get("user/me").await.ok("user")["avatarUrl"], "");
    })
    .await;
}

#[tokio::test]
async fn an_incomplete_change_releases_the_claim() {
    on_every_database(&[], async |mut fleet| {
        let ann = fleet.user("ann").await;
        // Media does not run yet: the result of the claim is unknown.
        set(&ann, 3).await.refused(503, "UNAVAILABLE");
        assert_eq!(ann.get("user/me").await.ok("user")["avatarUrl"], "");
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
        let ann = fleet.user("ann").await;
        let claim = format!("user/{}/avatar/1", ann.user());
        // Both have read the first version and scheduled the compensation.
        *media.barrier.lock().unwrap() = Some(Arc::new(Barrier::new(2)));
        let body = json!({"uploadId": "1"});
        let set = || ann.put_if_match("user/avatar", "\"1\"", &body);
        let (one, two) = tokio::join!(set(), set());
        assert_eq!((one.expect(200).header("etag"), two.expect(200).header("etag")), ("\"2\"", "\"2\""));
        assert_eq!(fleet.sandbox.count("auth", "pending_calls").await, 0);
        // As a third request that scheduled it after the others, then failed.
        let zone =
            if fleet.sandbox.database("auth").await.get_database_backend() == DbBackend::MySql { "" } else { "+00:00" };
        let call = format!("('{claim}', TRUE, '2026-01-01 00:00:00{zone}', FALSE)");
        fleet
            .sandbox
            .execute("auth", &format!("INSERT INTO pending_calls (claim, keep_files, due_at, started) VALUES {call}"))
            .await;
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
    let ann = fleet.user("ann").await;
    set(&ann, 1).await.refused(503, "UNAVAILABLE");
}
