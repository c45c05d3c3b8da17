//! Reservations: only the owner's service may use an upload, one object has it, and
//! the object's event decides what it keeps.

use std::time::Duration;

use fenz_contract::{
    events::v1::{ChannelChanged, UserUpdated, VideoChanged},
    media::v1::{ReserveUploadRequest, UploadUse, upload_service_client::UploadServiceClient, upload_use::Object},
};
use fenz_core::Role;
use fenz_testkit::{PNG, eventually, mp4};

use crate::{files, harness::*};

/// Video 1 has these uploads.
fn video(version: i64, file: i64, thumbnail: i64) -> VideoChanged {
    VideoChanged {
        video_id: 1,
        channel_id: ALICE,
        owner_id: ALICE,
        is_published: true,
        version,
        video_upload_id: file,
        thumbnail_upload_id: thumbnail,
        ..VideoChanged::default()
    }
}

#[tokio::test]
async fn an_upload_is_reserved_for_one_object_of_its_owner() {
    on_each(&[], async |media| {
        let id = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        let reserve = async |owner, kind, video| media.reserve(id, owner, kind, video).await;
        assert_eq!(reserve(BOB, "video", 1).await.unwrap_err(), "UPLOAD_NOT_FOUND");
        assert_eq!(media.reserve(id + 1, ALICE, "video", 1).await.unwrap_err(), "UPLOAD_NOT_FOUND");
        assert_eq!(reserve(ALICE, "image", 1).await.unwrap_err(), "UNSUPPORTED_FORMAT");
        let first = reserve(ALICE, "video", 1).await.unwrap();
        assert_eq!((first.upload.as_ref().unwrap().size_bytes, first.reserved_for_seconds), (10_000, 600));
        assert_eq!(reserve(ALICE, "video", 1).await.unwrap(), first);
        assert_eq!(reserve(ALICE, "video", 2).await.unwrap_err(), "UPLOAD_ALREADY_USED");
        let by_user = media.reserve_for((id, ALICE, "video"), Object::UserId(1), 3).await;
        assert_eq!(by_user.unwrap_err(), "UPLOAD_ALREADY_USED");
        assert_eq!(reserve(ALICE, "film", 1).await.unwrap_err(), "INVALID_PARAMS");
    })
    .await;
}

#[tokio::test]
async fn one_of_many_objects_that_want_an_upload_gets_it() {
    on_each(&[], async |media| {
        let id = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        let outcomes = futures::future::join_all((1..=20).map(|n| media.reserve(id, ALICE, "video", n))).await;
        assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1, "{outcomes:?}");
        let lost = outcomes.iter().filter_map(|o| o.as_ref().err());
        assert!(lost.into_iter().all(|reason| reason == "UPLOAD_ALREADY_USED"), "{outcomes:?}");
    })
    .await;
}

#[tokio::test]
async fn a_poster_is_reserved_and_deleted_with_its_video() {
    on_each(&[], async |media| {
        let id = media.uploaded(ALICE, VIDEO, mp4()).await;
        let poster = media.reserve(id, ALICE, "video", 1).await.unwrap().poster_upload_id;
        let frame = media.play(poster).send().await.unwrap();
        assert_eq!(frame.headers()["content-type"], "image/jpeg");
        assert!(frame.bytes().await.unwrap().starts_with(&[0xFF, 0xD8, 0xFF]));
        // A poster cannot be reserved on its own.
        assert_eq!(media.reserve(poster, ALICE, "image", 7).await.unwrap_err(), "UPLOAD_NOT_FOUND");

        media.release(1).await;
        assert_eq!(media.reserve(id, ALICE, "video", 2).await.unwrap().poster_upload_id, poster);
        media.delete_video(2).await;
        media.all_deleted().await;
    })
    .await;
}

#[tokio::test]
async fn requests_for_one_object_hold_an_upload_together() {
    on_each(&[], async |media| {
        let id = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        let reserve = async |video, reservation| {
            media.reserve_for((id, ALICE, "video"), Object::VideoId(video), reservation).await
        };
        reserve(1, 10).await.unwrap();
        reserve(1, 11).await.unwrap();
        media.release(10).await;
        assert_eq!(reserve(2, 20).await.unwrap_err(), "UPLOAD_ALREADY_USED");
        media.release(11).await;
        media.release(11).await;
        reserve(2, 20).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_videos_event_confirms_what_it_has_and_removes_what_it_had() {
    on_each(&[], async |media| {
        let file = media.uploaded(ALICE, VIDEO, mp4()).await;
        let poster = media.reserve(file, ALICE, "video", 1).await.unwrap().poster_upload_id;
        media.publish(video(1, file, poster)).await;
        media.events_consumed().await;
        // Confirmed: nothing takes it back.
        media.release(1).await;
        assert_eq!(media.reserve(file, ALICE, "video", 2).await.unwrap_err(), "UPLOAD_ALREADY_USED");

        let pictures = [media.uploaded(ALICE, THUMBNAIL, PNG).await, media.uploaded(ALICE, THUMBNAIL, PNG).await];
        let reserve = async |upload, reservation| {
            media.reserve_for((upload, ALICE, "image"), Object::VideoId(1), reservation).await.unwrap();
        };
        reserve(pictures[0], 2).await;
        media.publish(video(2, file, pictures[0])).await;
        eventually(async || media.status(poster).await == 404).await;
        reserve(pictures[1], 3).await;
        // The edit is committed, and its event overtakes a duplicate of the one before.
        media.publish(video(3, file, pictures[1])).await;
        media.publish(video(2, file, pictures[0])).await;
        media.events_consumed().await;
        eventually(async || media.status(pictures[0]).await == 404).await;
        assert_eq!((media.status(file).await, media.status(pictures[1]).await), (200, 200));
        eventually(async || media.count("uploads").await == 2).await;
        assert_eq!(media.count("reservations").await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_a_request_reserves_again_is_not_removed_under_it() {
    on_each(&[], async |media| {
        let file = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        let [old, new] = [media.uploaded(ALICE, THUMBNAIL, PNG).await, media.uploaded(ALICE, THUMBNAIL, PNG).await];
        let reserve = async |upload, kind, reservation| {
            media.reserve_for((upload, ALICE, kind), Object::VideoId(1), reservation).await.unwrap();
        };
        reserve(file, "video", 1).await;
        reserve(old, "image", 1).await;
        media.publish(video(1, file, old)).await;
        media.events_consumed().await;
        reserve(new, "image", 2).await;
        // Before the event that replaces the old one arrives, another edit wants it back.
        reserve(old, "image", 3).await;
        media.publish(video(2, file, new)).await;
        media.events_consumed().await;
        assert_eq!(media.status(old).await, 200);
        media.publish(video(3, file, old)).await;
        media.events_consumed().await;
        eventually(async || media.status(new).await == 404).await;
        assert_eq!(media.status(old).await, 200);
    })
    .await;
}

#[tokio::test]
async fn pictures_of_channels_and_users_follow_their_events() {
    on_each(&[], async |media| {
        let mut pictures = Vec::new();
        for _ in 0..4 {
            pictures.push(media.uploaded(ALICE, THUMBNAIL, PNG).await);
        }
        for (n, picture) in pictures.iter().enumerate() {
            let object = if n < 2 { Object::ChannelId(ALICE) } else { Object::UserId(ALICE) };
            media.reserve_for((*picture, ALICE, "image"), object, 1).await.unwrap();
        }
        let channel = |version, avatar, banner| ChannelChanged {
            channel_id: ALICE,
            owner_id: ALICE,
            version,
            avatar_upload_id: avatar,
            banner_upload_id: banner,
            ..ChannelChanged::default()
        };
        let user = |version, avatar| UserUpdated {
            user_id: ALICE,
            version,
            avatar_upload_id: avatar,
            ..UserUpdated::default()
        };
        media.publish(channel(1, pictures[0], pictures[1])).await;
        media.publish(user(1, pictures[2])).await;
        media.publish(channel(2, pictures[0], 0)).await;
        media.publish(user(2, pictures[3])).await;
        media.publish(user(1, pictures[2])).await;
        media.events_consumed().await;
        for (picture, status) in pictures.iter().zip([200, 404, 404, 200]) {
            eventually(async || media.status(*picture).await == status).await;
        }
        eventually(async || media.count("uploads").await == 2).await;
    })
    .await;
}

/// No service says whether it uses the upload: it stays reserved.
#[tokio::test]
async fn a_reservation_outlives_its_time_while_nobody_can_be_asked() {
    on_each(&[], async |media| {
        media.sandbox.allow_leftovers("nobody answers whether the upload is used");
        let id = media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
        media.reserve(id, ALICE, "video", 1).await.unwrap();
        media.sandbox.process.clock.advance(Duration::from_secs(601));
        eventually(async || media.count("jobs WHERE kind = 'reservation.settle' AND error <> ''").await == 1).await;
        assert_eq!(media.reserve(id, ALICE, "video", 2).await.unwrap_err(), "UPLOAD_ALREADY_USED");
    })
    .await;
}

#[tokio::test]
async fn only_services_may_reserve() {
    let media = Media::on_sqlite(&[]).await;
    let channel = tonic::transport::Endpoint::new(media.sandbox.url("media")).unwrap().connect().await.unwrap();
    let request = || {
        tonic::Request::new(ReserveUploadRequest {
            upload_id: 1,
            owner_id: ALICE,
            kind: "video".to_owned(),
            used_by: Some(UploadUse { object: Some(Object::VideoId(1)) }),
            reservation_id: 1,
        })
    };
    let mut client = UploadServiceClient::new(channel);
    assert_eq!(client.reserve_upload(request()).await.unwrap_err().code(), tonic::Code::Unauthenticated);
    let mut by_user = request();
    let token = format!("Bearer {}", media.sandbox.token(ALICE, Role::User));
    by_user.metadata_mut().insert("authorization", token.parse().unwrap());
    let refused = client.reserve_upload(by_user).await.unwrap_err().code();
    assert!(matches!(refused, tonic::Code::Unauthenticated | tonic::Code::PermissionDenied), "{refused:?}");
}
