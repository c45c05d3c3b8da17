//! What is hidden, unpublished or deleted is not played, whatever the signature
//! says.

use std::time::{Duration, Instant};

use fenz_contract::events::v1::{ChannelChanged, ChannelDeleted, VideoChanged, VideoDeleted};
use futures::StreamExt;

use crate::{files, harness::*};

const REFUSED: (u16, &str) = (404, "VIDEO_NOT_FOUND");

fn refused() -> (u16, String) {
    (REFUSED.0, REFUSED.1.to_owned())
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

/// A video with a thumbnail, in use by `video/1`.
async fn video(media: &Media) -> [i64; 3] {
    let id = media.uploaded(ALICE, VIDEO, &files::mp4()).await;
    let poster = media.claim(id, ALICE, "video", "video/1").await.unwrap().poster_upload_id;
    let thumbnail = media.uploaded(ALICE, THUMBNAIL, &files::png()).await;
    media.claim(thumbnail, ALICE, "image", "video/1").await.unwrap();
    [id, poster, thumbnail]
}

async fn comes_to(media: &Media, id: i64, expected: (u16, String)) {
    let start = Instant::now();
    while media.play_outside(id).await != expected {
        assert!(start.elapsed() < Duration::from_secs(3), "it does not come to {expected:?}");
    }
    println!("{expected:?} after {:?}", start.elapsed());
}

#[tokio::test]
async fn a_video_plays_only_while_it_is_in_sight() {
    on_each(&[], async |media| {
        let files = video(&media).await;
        let [id, ..] = files;
        let avatar = media.uploaded(ALICE, THUMBNAIL, &files::png()).await;
        media.claim(avatar, ALICE, "image", "channel/7/avatar/9").await.unwrap();
        // Nothing is known of it yet.
        assert_eq!(media.play_outside(id).await, played());
        for (told, outside) in [
            (changed(1, false, false), refused()),
            (changed(2, true, false), played()),
            (changed(3, true, true), refused()),
            (changed(4, true, false), played()),
            (changed(6, false, false), refused()),
            // Late ones change nothing.
            (changed(5, true, false), refused()),
            (changed(7, true, false), played()),
        ] {
            media.tell(told).await;
            comes_to(&media, id, outside.clone()).await;
            media.heard_all().await;
            for file in files {
                assert_eq!(media.play_outside(file).await, outside);
                assert_eq!(media.play_inside(file).await, 200);
            }
        }
        media.tell(channel(3, true)).await;
        comes_to(&media, id, refused()).await;
        media.tell(channel(2, false)).await;
        media.heard_all().await;
        assert_eq!((media.play_outside(id).await, media.play_inside(id).await), (refused(), 200));
        assert_eq!(media.play_outside(avatar).await, played());
        media.tell(channel(4, false)).await;
        comes_to(&media, id, played()).await;

        let deleted = VideoDeleted { video_id: 1, channel_id: ALICE, version: 9, ..VideoDeleted::default() };
        media.tell(deleted).await;
        comes_to(&media, id, refused()).await;
        media.tell(changed(8, true, false)).await;
        media.tell(changed(10, true, false)).await;
        media.heard_all().await;
        for file in files {
            assert_eq!((media.play_outside(file).await, media.play_inside(file).await), (refused(), 404));
        }
        assert_eq!(media.play_outside(avatar).await, played());
        // Content lets go of the files, and later nothing is known any more.
        media.release("video/1", 0, false).await;
        assert_eq!(media.play_outside(id).await, (404, "UPLOAD_NOT_FOUND".to_owned()));
        media.sandbox.process.clock.advance(Duration::from_secs(9 * 24 * 3600));
        eventually("forgotten", async || media.number("SELECT COUNT(*) AS n FROM video_states").await == 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_deleted_channel_takes_its_videos_along_and_none_in() {
    on_each(&[], async |media| {
        let [id, ..] = video(&media).await;
        media.tell(changed(1, true, false)).await;
        // The deletion comes before what went before it.
        media.tell(channel_deleted(5)).await;
        media.tell(channel(4, false)).await;
        comes_to(&media, id, refused()).await;
        assert_eq!(media.play_inside(id).await, 404);
        media.heard_all().await;
        let reply = media.upload(ALICE, VIDEO, &files::noise(10_000)).await;
        assert_eq!(reply.refusal(), (404, "CHANNEL_NOT_FOUND"));
        media.uploaded(ALICE, THUMBNAIL, &files::png()).await;
        media.uploaded(BOB, VIDEO, &files::noise(10_000)).await;
        // A new one of the same id.
        media.tell(channel(6, false)).await;
        media.heard_all().await;
        media.uploaded(ALICE, VIDEO, &files::noise(10_000)).await;
    })
    .await;
}

/// A player that is quicker than the word that the video is published.
#[tokio::test]
async fn a_fresh_address_waits_for_the_word() {
    on_sqlite(&[], async |media| {
        let [id, ..] = video(&media).await;
        media.tell(changed(1, false, false)).await;
        comes_to(&media, id, refused()).await;
        let (answer, ()) = futures::future::join(media.play_outside(id), async {
            tokio::time::sleep(Duration::from_millis(60)).await;
            media.heard.tell(changed(2, true, false)).await;
        })
        .await;
        assert_eq!(answer, played());
    })
    .await;
}

#[tokio::test]
async fn a_player_under_way_is_stopped() {
    on_sqlite(&[], async |media| {
        let size = 64 << 20;
        let id = media.uploaded(ALICE, VIDEO, &files::noise(size)).await;
        media.claim(id, ALICE, "video", "video/1").await.unwrap();
        media.tell(changed(1, true, false)).await;
        media.heard_all().await;
        let mut bytes = media.play(id, &[]).await.bytes_stream();
        let mut got = bytes.next().await.unwrap().unwrap().len();
        media.tell(changed(2, true, true)).await;
        media.heard_all().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let broken = loop {
            match bytes.next().await {
                Some(Ok(chunk)) => got += chunk.len(),
                Some(Err(_)) => break true,
                None => break false,
            }
        };
        assert!(broken && got < size, "{got} of {size}");
    })
    .await;
}

/// What was known counts while the database is away: nobody is thrown out.
#[tokio::test]
async fn playing_goes_on_without_the_database() {
    on_sqlite(&[], async |media| {
        let [id, ..] = video(&media).await;
        assert_eq!(media.play_outside(id).await, played());
        media.execute("ALTER TABLE uploads RENAME TO away").await;
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(media.play_outside(id).await, played());
        media.execute("ALTER TABLE away RENAME TO uploads").await;
    })
    .await;
}
