//! Hidden, unpublished and deleted videos are not playable, also with a valid
//! signature.

use std::time::Duration;

use fenz_contract::{
    events::v1::{ChannelChanged, ChannelDeleted, VideoChanged, VideoDeleted},
    media::v1::upload_use::Object,
};
use fenz_testkit::{PNG, eventually, mp4};
use futures::StreamExt;

use crate::{files, harness::*};

fn refused() -> (u16, String) {
    (404, "VIDEO_NOT_FOUND".to_owned())
}

fn removed() -> (u16, String) {
    (404, "UPLOAD_NOT_FOUND".to_owned())
}

fn played() -> (u16, String) {
    (200, String::new())
}

fn changed(version: i64, is_published: bool, is_hidden: bool) -> VideoChanged {
    VideoChanged {
        video_id: 1,
        channel_id: ALICE,
        owner_id: ALICE,
        is_published,
        is_hidden,
        version,
        ..VideoChanged::default()
    }
}

fn channel(version: i64, is_hidden: bool) -> ChannelChanged {
    ChannelChanged { channel_id: ALICE, owner_id: ALICE, is_hidden, version, ..ChannelChanged::default() }
}

fn channel_deleted(version: i64) -> ChannelDeleted {
    ChannelDeleted { channel_id: ALICE, owner_id: ALICE, version, ..ChannelDeleted::default() }
}

/// The uploads of video 1: file, poster and thumbnail.
async fn video(media: &Media) -> [i64; 3] {
    let id = media.uploaded(ALICE, VIDEO, mp4()).await;
    let poster = media.reserve(id, ALICE, "video", 1).await.unwrap().poster_upload_id;
    let thumbnail = media.uploaded(ALICE, THUMBNAIL, PNG).await;
    media.reserve(thumbnail, ALICE, "image", 1).await.unwrap();
    [id, poster, thumbnail]
}

async fn becomes(media: &Media, id: i64, expected: (u16, String)) {
    eventually(async || media.play_publicly(id).await == expected).await;
}

#[tokio::test]
async fn a_video_is_playable_only_while_it_is_public() {
    on_each(&[], async |media| {
        let files = video(&media).await;
        let [id, ..] = files;
        let avatar = media.uploaded(ALICE, THUMBNAIL, PNG).await;
        media.reserve_for((avatar, ALICE, "image"), Object::ChannelId(ALICE), 9).await.unwrap();
        // No event is consumed yet.
        assert_eq!(media.play_publicly(id).await, played());
        for (event, public) in [
            (changed(1, false, false), refused()),
            (changed(2, true, false), played()),
            (changed(3, true, true), refused()),
            (changed(4, true, false), played()),
            (changed(6, false, false), refused()),
            // An older event changes nothing.
            (changed(5, true, false), refused()),
            (changed(7, true, false), played()),
        ] {
            media.publish(event).await;
            becomes(&media, id, public.clone()).await;
            media.events_consumed().await;
            for file in files {
                assert_eq!(media.play_publicly(file).await, public);
                assert_eq!(media.status_for_insider(file).await, 200);
            }
        }
        media.publish(channel(3, true)).await;
        becomes(&media, id, refused()).await;
        media.publish(channel(2, false)).await;
        media.events_consumed().await;
        assert_eq!((media.play_publicly(id).await, media.status_for_insider(id).await), (refused(), 200));
        assert_eq!(media.play_publicly(avatar).await, played());
        media.publish(channel(4, false)).await;
        becomes(&media, id, played()).await;

        let deleted = VideoDeleted { video_id: 1, channel_id: ALICE, version: 9, ..VideoDeleted::default() };
        media.publish(deleted).await;
        becomes(&media, id, removed()).await;
        media.publish(changed(8, true, false)).await;
        media.publish(changed(10, true, false)).await;
        media.events_consumed().await;
        for file in files {
            assert_eq!((media.play_publicly(file).await, media.status_for_insider(file).await), (removed(), 404));
        }
        assert_eq!(media.play_publicly(avatar).await, played());
        media.release(9).await;
        // Later the state is deleted too.
        media.sandbox.process.clock.advance(Duration::from_secs(9 * 24 * 3600));
        eventually(async || media.count("video_states").await == 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_deleted_channel_stops_playback_and_uploads() {
    on_each(&[], async |media| {
        let [id, ..] = video(&media).await;
        media.publish(changed(1, true, false)).await;
        // The deletion is consumed before older events.
        media.publish(channel_deleted(5)).await;
        media.publish(channel(4, false)).await;
        becomes(&media, id, refused()).await;
        assert_eq!(media.status_for_insider(id).await, 404);
        media.events_consumed().await;
        let reply = media.client(ALICE).upload(VIDEO, &files::noise(10_000)).await;
        reply.refused(404, "CHANNEL_NOT_FOUND");
        media.uploaded(ALICE, THUMBNAIL, PNG).await;
        media.uploaded(BOB, VIDEO, &files::noise(10_000)).await;
        // The channel is recreated.
        media.publish(channel(6, false)).await;
        media.events_consumed().await;
        media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
    })
    .await;
}

/// The player's request arrives before the event that publishes the video.
#[tokio::test]
async fn playback_waits_for_the_publishing_event() {
    let media = Media::on_sqlite(&[]).await;
    let [id, ..] = video(&media).await;
    // On a busy machine an event may come after the request's last retry.
    for version in [1, 3, 5, 7, 9] {
        media.publish(changed(version, false, false)).await;
        becomes(&media, id, refused()).await;
        let publishing = async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            media.events.publish(changed(version + 1, true, false)).await;
        };
        let (answer, ()) = futures::future::join(media.play_publicly(id), publishing).await;
        if answer == played() {
            return;
        }
    }
    panic!("no request waited for its event");
}

#[tokio::test]
async fn playback_in_progress_is_stopped() {
    let media = Media::on_sqlite(&[]).await;
    let size = 64 << 20;
    let id = media.uploaded(ALICE, VIDEO, &files::noise(size)).await;
    media.reserve(id, ALICE, "video", 1).await.unwrap();
    media.publish(changed(1, true, false)).await;
    media.events_consumed().await;
    let mut bytes = media.play(id).send().await.unwrap().bytes_stream();
    let mut got = bytes.next().await.unwrap().unwrap().len();
    media.publish(changed(2, true, true)).await;
    media.events_consumed().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let broken = loop {
        match bytes.next().await {
            Some(Ok(chunk)) => got += chunk.len(),
            Some(Err(_)) => break true,
            None => break false,
        }
    };
    assert!(broken && got < size, "{got} of {size}");
}

/// The cached status is used while the database is unavailable.
#[tokio::test]
async fn playback_continues_without_the_database() {
    let media = Media::on_sqlite(&[]).await;
    let [id, ..] = video(&media).await;
    assert_eq!(media.play_publicly(id).await, played());
    media.sandbox.execute("media", "ALTER TABLE uploads RENAME TO renamed").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(media.play_publicly(id).await, played());
    media.sandbox.execute("media", "ALTER TABLE renamed RENAME TO uploads").await;
}
