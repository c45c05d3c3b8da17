//! PUT user/avatar, against a stand-in for media that remembers claims.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use fenz_auth::Auth;
use fenz_chassis::{Error, Reason};
use fenz_contract::media::v1::{
    self as pb,
    upload_service_server::{UploadService, UploadServiceServer},
};
use fenz_testkit::{Database, Sandbox};
use reqwest::Method;
use sea_orm::DbBackend;
use serde_json::json;
use tokio::sync::Barrier;
use tonic::{Request, Response, Status};

use crate::fleet::{Fleet, everywhere};

/// Claims by upload, and what was released: claim and whether files stay.
#[derive(Clone, Default)]
pub struct Media {
    claims: Arc<Mutex<BTreeMap<i64, String>>>,
    released: Arc<Mutex<Vec<(String, bool)>>>,
    /// Who claims waits here for the others.
    meeting: Arc<Mutex<Option<Arc<Barrier>>>>,
}

impl Media {
    pub fn server(&self) -> UploadServiceServer<Self> {
        UploadServiceServer::new(self.clone())
    }
}

#[async_trait::async_trait]
impl UploadService for Media {
    async fn claim_upload(
        &self,
        request: Request<pb::ClaimUploadRequest>,
    ) -> Result<Response<pb::ClaimUploadResponse>, Status> {
        let pb::ClaimUploadRequest { upload_id, kind, claim, .. } = request.into_inner();
        assert_eq!(kind, "image");
        let meeting = self.meeting.lock().unwrap().clone();
        if let Some(meeting) = meeting {
            meeting.wait().await;
        }
        if upload_id >= 100 {
            return Err(Error::new(Reason::UploadNotFound, "there is no such upload").into());
        }
        let mut claims = self.claims.lock().unwrap();
        let holder = claims.entry(upload_id).or_insert_with(|| claim.clone());
        if *holder != claim {
            return Err(Error::new(Reason::UploadAlreadyUsed, "the upload is in use").into());
        }
        Ok(Response::new(pb::ClaimUploadResponse::default()))
    }

    async fn release_claim(
        &self,
        request: Request<pb::ReleaseClaimRequest>,
    ) -> Result<Response<pb::ReleaseClaimResponse>, Status> {
        let pb::ReleaseClaimRequest { claim, keep_files, .. } = request.into_inner();
        self.claims.lock().unwrap().retain(|_, holder| *holder != claim);
        self.released.lock().unwrap().push((claim, keep_files));
        Ok(Response::new(pb::ReleaseClaimResponse {}))
    }
}

/// A stand-in in the place of media, for a service that is still to be started.
pub fn serve(media: &Media, sandbox: &mut Sandbox) {
    let listener = sandbox.take_listener("media").unwrap();
    let server = tonic::transport::Server::builder().add_service(media.server());
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let stop = sandbox.process.stop.clone();
    tokio::spawn(async move { server.serve_with_incoming_shutdown(incoming, stop.cancelled_owned()).await });
}

async fn set(fleet: &Fleet, token: &str, upload: i64) -> crate::fleet::Reply {
    fleet.as_user(token, Method::PUT, "user/avatar", json!({"uploadId": upload.to_string()})).await
}

async fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..200 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} did not happen");
}

#[tokio::test]
async fn an_avatar_claims_its_upload_and_lets_the_one_before_go() {
    everywhere(&[], async |mut fleet| {
        let media = Media::default();
        serve(&media, &mut fleet.sandbox);
        let answer = fleet.register("ann").await.is(200);
        let (token, id) = (answer.text("accessToken"), answer.body["user"]["id"].as_str().unwrap());
        let first = set(&fleet, token, 1).await.is(200);
        assert!(first.body["user"]["avatarUrl"].as_str().unwrap().starts_with("/media/1/"), "{first:?}");
        assert_eq!(first.etag(), "\"2\"");
        set(&fleet, token, 1).await.is(200);
        let second = set(&fleet, token, 2).await.is(200);
        assert!(second.body["user"]["avatarUrl"].as_str().unwrap().starts_with("/media/2/"));
        let released = (format!("user/{id}/avatar/1"), false);
        until("the release", || !media.released.lock().unwrap().is_empty()).await;
        assert_eq!(*media.released.lock().unwrap(), [released]);
        assert_eq!(*media.claims.lock().unwrap(), BTreeMap::from([(2, format!("user/{id}/avatar/2"))]));
        // What belongs to another account, or to nobody, changes nothing.
        let ben = fleet.token_of("ben").await;
        set(&fleet, &ben, 2).await.refuses(409, "UPLOAD_ALREADY_USED");
        set(&fleet, &ben, 100).await.refuses(404, "UPLOAD_NOT_FOUND");
        assert_eq!(fleet.get(&ben, "user/me").await.body["user"]["avatarUrl"], "");
    })
    .await;
}

#[tokio::test]
async fn a_change_that_stopped_half_way_hands_the_upload_back() {
    everywhere(&[], async |mut fleet| {
        let token = fleet.token_of("ann").await;
        // Media is not there yet: nobody knows whether the claim arrived.
        set(&fleet, &token, 3).await.refuses(503, "UNAVAILABLE");
        assert_eq!(fleet.get(&token, "user/me").await.body["user"]["avatarUrl"], "");
        let media = Media::default();
        serve(&media, &mut fleet.sandbox);
        fleet.sandbox.process.clock.advance(Duration::from_secs(601));
        until("the release", || !media.released.lock().unwrap().is_empty()).await;
        assert!(media.released.lock().unwrap().iter().all(|(claim, keep)| claim.ends_with("/avatar/3") && *keep));
    })
    .await;
}

#[tokio::test]
async fn the_same_avatar_asked_for_twice_at_once_stays() {
    everywhere(&[], async |mut fleet| {
        let media = Media::default();
        serve(&media, &mut fleet.sandbox);
        let answer = fleet.register("ann").await.is(200);
        let (id, bearer) = (&answer.body["user"]["id"], format!("Bearer {}", answer.text("accessToken")));
        let claim = format!("user/{}/avatar/1", id.as_str().unwrap());
        // Both know the first version and have written down what to undo.
        *media.meeting.lock().unwrap() = Some(Arc::new(Barrier::new(2)));
        let (headers, body) = ([("authorization", bearer.as_str()), ("if-match", "\"1\"")], json!({"uploadId": "1"}));
        let set = || fleet.call(Method::PUT, "/api/v1/user/avatar", &headers, &body);
        let (one, two) = tokio::join!(set(), set());
        assert_eq!((one.is(200).etag(), two.is(200).etag()), ("\"2\"", "\"2\""));
        assert_eq!(fleet.count("media_errands").await, 0);
        // One that came between wrote it down when the other was done, and failed.
        let zone = if fleet.db().await.get_database_backend() == DbBackend::MySql { "" } else { "+00:00" };
        let errand = format!("('{claim}', TRUE, '2026-01-01 00:00:00{zone}', FALSE)");
        fleet.sql(&format!("INSERT INTO media_errands (claim, keep_files, due_at, started) VALUES {errand}")).await;
        for _ in 0..200 {
            if fleet.count("media_errands").await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(fleet.count("media_errands").await, 0);
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
