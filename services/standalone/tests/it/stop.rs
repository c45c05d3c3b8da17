//! An orderly stop: readiness red, event streams ended, open requests answered,
//! background work flushed.

use std::time::Duration;

use fenz_testkit::Client;
use futures::{StreamExt, stream};
use reqwest::{Body, Method, Response, multipart};
use sea_orm::{ConnectionTrait, Database, TransactionTrait};
use tokio::time::{Instant, sleep};

use crate::{
    platform::Platform,
    videos::{path, publish, video},
};

const PRE_DRAIN: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_announced_answers_open_requests_and_loses_no_view() {
    let settings = [
        ("FENZ_SERVER__PRE_DRAIN", "4s"),
        ("FENZ_SERVER__DRAIN_TIMEOUT", "12s"),
        // Not before the stop.
        ("FENZ_CONTENT__VIEWS__FLUSH_EVERY", "1h"),
    ];
    let mut platform = Platform::standalone(&settings).await;
    let client = platform.client.clone();
    let creator = platform.register("creator").await;
    let made = publish(&creator, "Watched").await;
    let path = path(&made);
    let viewer = platform.register("viewer").await;
    viewer.get(&path).await.expect(200);
    let events = viewer.request(Method::GET, "/api/v1/notifications/stream").send().await.unwrap();
    assert_eq!(events.status(), 200);

    // Still uploading when accepting has ended.
    let upload = slow_upload(&creator, PRE_DRAIN + Duration::from_secs(4));
    let during = async {
        sleep(PRE_DRAIN / 2).await;
        (client.status("/readyz").await, client.get("categories").await.status)
    };
    let begin = Instant::now();
    let stop = platform.programs[0].terminate();
    let ((_, is_success), (ready, answer), uploaded, streamed) =
        tokio::join!(stop, during, upload, end_of(events, begin));
    assert_eq!((ready, answer), (503, 200), "readiness is red while requests are accepted");
    assert_eq!(uploaded.status(), 200, "an open request is answered");
    assert!(streamed < PRE_DRAIN + Duration::from_millis(3500), "an open stream does not hold the stop: {streamed:?}");
    assert!(is_success);

    platform.start_again().await;
    assert_eq!(creator.get(&path).await.ok("video")["views"], "1", "the view in memory is stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once() {
    let mut platform = Platform::standalone(&[("FENZ_SERVER__DRAIN_TIMEOUT", "14s")]).await;
    // Made before the time runs.
    video();
    let creator = platform.register("creator").await;
    let upload = tokio::spawn(async move { slow_upload(&creator, Duration::from_secs(20)).await });
    sleep(Duration::from_secs(1)).await;
    let program = &mut platform.programs[0];
    program.signal().await;
    sleep(Duration::from_secs(2)).await;
    assert!(!upload.is_finished(), "the upload continues after the first signal");
    let (took, is_success) = program.terminate().await;
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(!is_success, "a stop that cuts a request fails");
    upload.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn background_work_that_does_not_end_in_time_is_named() {
    let settings = [("FENZ_SERVER__STOP_TIMEOUT", "1s"), ("FENZ_CONTENT__VIEWS__FLUSH_EVERY", "1h")];
    let mut platform = Platform::standalone(&settings).await;
    let creator = platform.register("creator").await;
    let path = path(&publish(&creator, "Watched").await);
    platform.register("viewer").await.get(&path).await.expect(200);
    // The flush of the view waits for this lock longer than the stop does for the flush.
    let db = Database::connect(&platform.databases["content"]).await.unwrap();
    let locked = db.begin().await.unwrap();
    locked.execute_unprepared("DELETE FROM view_flushes").await.unwrap();

    let (_, is_success) = platform.programs[0].terminate().await;
    assert!(!is_success);
    let log = std::fs::read_to_string(platform.folder.path().join("fenzvideo.log")).unwrap();
    let line = log.lines().find(|line| line.contains("did not end within the stop timeout"));
    assert!(line.is_some_and(|line| line.contains("content.views")), "{log}");
    locked.rollback().await.unwrap();
}

/// When an event stream ends, measured from a time on.
async fn end_of(events: Response, from: Instant) -> Duration {
    let mut chunks = events.bytes_stream();
    while let Some(Ok(_)) = chunks.next().await {}
    from.elapsed()
}

/// Uploads a video, its second half after a delay.
async fn slow_upload(creator: &Client, delay: Duration) -> Response {
    let bytes = video();
    let length = bytes.len() as u64;
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let halves = [(first.to_vec(), Duration::ZERO), (second.to_vec(), delay)];
    let body = Body::wrap_stream(stream::iter(halves).then(async |(half, delay)| {
        sleep(delay).await;
        Ok::<_, std::io::Error>(half)
    }));
    let part = multipart::Part::stream_with_length(body, length).file_name("slow.mp4");
    let form = multipart::Form::new().part("file", part);
    creator.request(Method::POST, "/api/v1/upload/video").multipart(form).send().await.unwrap()
}
