//! Claims: only the owner's service may claim an upload, and only once.

use fenz_contract::media::v1::{ClaimUploadRequest, upload_service_client::UploadServiceClient};
use fenz_core::Role;
use fenz_testkit::{PNG, mp4};

use crate::{files, harness::*};

#[tokio::test]
async fn an_upload_is_claimed_once_for_its_owner() {
    on_each(&[], async |media| {
        let id = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        let claim = async |owner, kind, claim| media.claim(id, owner, kind, claim).await;
        assert_eq!(claim(BOB, "video", "video/1").await.unwrap_err(), "UPLOAD_NOT_FOUND");
        assert_eq!(media.claim(id + 1, ALICE, "video", "video/1").await.unwrap_err(), "UPLOAD_NOT_FOUND");
        assert_eq!(claim(ALICE, "image", "video/1").await.unwrap_err(), "UNSUPPORTED_FORMAT");
        let first = claim(ALICE, "video", "video/1").await.unwrap();
        assert_eq!(first.upload.as_ref().unwrap().size_bytes, 10_000);
        assert_eq!(claim(ALICE, "video", "video/1").await.unwrap(), first);
        assert_eq!(claim(ALICE, "video", "video/2").await.unwrap_err(), "UPLOAD_ALREADY_USED");
        assert_eq!(claim(ALICE, "film", "video/1").await.unwrap_err(), "INVALID_PARAMS");
    })
    .await;
}

#[tokio::test]
async fn one_of_many_concurrent_claims_succeeds() {
    on_each(&[], async |media| {
        let id = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        let claims: Vec<_> = (0..20).map(|n| format!("video/{n}")).collect();
        let outcomes = futures::future::join_all(claims.iter().map(|c| media.claim(id, ALICE, "video", c))).await;
        assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1, "{outcomes:?}");
        let lost = outcomes.iter().filter_map(|o| o.as_ref().err());
        assert!(lost.into_iter().all(|reason| reason == "UPLOAD_ALREADY_USED"), "{outcomes:?}");
    })
    .await;
}

#[tokio::test]
async fn a_poster_is_claimed_and_released_with_its_video() {
    on_each(&[], async |media| {
        let id = media.uploaded(ALICE, VIDEO, mp4()).await;
        let claimed = media.claim(id, ALICE, "video", "video/1").await.unwrap();
        let poster = claimed.poster_upload_id;
        let frame = media.play(poster).send().await.unwrap();
        assert_eq!(frame.headers()["content-type"], "image/jpeg");
        assert!(frame.bytes().await.unwrap().starts_with(&[0xFF, 0xD8, 0xFF]));
        // A poster cannot be claimed on its own.
        assert_eq!(media.claim(poster, ALICE, "image", "user/7").await.unwrap_err(), "UPLOAD_NOT_FOUND");

        media.release("video/1", 0, true).await;
        let again = media.claim(id, ALICE, "video", "video/2").await.unwrap();
        assert_eq!(again.poster_upload_id, poster);
        media.release("video/2", id, false).await;
        media.all_deleted().await;
        media.release("video/2", 0, false).await;
    })
    .await;
}

#[tokio::test]
async fn a_claim_releases_one_upload() {
    on_each(&[], async |media| {
        let video = media.uploaded(ALICE, VIDEO, mp4()).await;
        let picture = media.uploaded(ALICE, THUMBNAIL, PNG).await;
        let poster = media.claim(video, ALICE, "video", "video/1").await.unwrap().poster_upload_id;
        media.claim(picture, ALICE, "image", "video/1").await.unwrap();
        media.release("video/1", picture, false).await;
        media.release("video/1", poster, false).await;
        assert_eq!(media.status(picture).await, 404);
        assert_eq!(media.status(poster).await, 404);
        assert_eq!(media.status(video).await, 200);
        assert_eq!(media.count("uploads").await, 1);
    })
    .await;
}

#[tokio::test]
async fn only_services_may_claim() {
    let media = Media::on_sqlite(&[]).await;
    let channel = tonic::transport::Endpoint::new(media.sandbox.url("media")).unwrap().connect().await.unwrap();
    let request = || {
        tonic::Request::new(ClaimUploadRequest {
            upload_id: 1,
            owner_id: ALICE,
            kind: "video".to_owned(),
            claim: "video/1".to_owned(),
        })
    };
    let mut client = UploadServiceClient::new(channel);
    assert_eq!(client.claim_upload(request()).await.unwrap_err().code(), tonic::Code::Unauthenticated);
    let mut by_user = request();
    let token = format!("Bearer {}", media.sandbox.token(ALICE, Role::User));
    by_user.metadata_mut().insert("authorization", token.parse().unwrap());
    let refused = client.claim_upload(by_user).await.unwrap_err().code();
    assert!(matches!(refused, tonic::Code::Unauthenticated | tonic::Code::PermissionDenied), "{refused:?}");
}
