//! An orderly stop: readiness red, event streams ended, open requests answered,
//! background work flushed.

use std::time::Duration;

use futures::{StreamExt, stream};
use reqwest::{Body, Method, Response, multipart};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    client::{Person, video},
    platform::Platform,
};

const PRE_DRAIN: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_announced_answers_open_requests_and_loses_no_view() {
    let settings = [
        ("FENZ_SERVER__PRE_DRAIN", "2s"),
        ("FENZ_SERVER__DRAIN_TIMEOUT", "12s"),
        // Not before the stop.
        ("FENZ_CONTENT__VIEWS__FLUSH_EVERY", "1h"),
    ];
    let mut platform = Platform::standalone(&settings).await;
    let url = platform.url.clone();
    let creator = Person::register(&url, "creator").await;
    let made = creator.publish("Watched", &video()).await;
    let path = format!("/api/v1/videos/{}", made["id"].as_str().unwrap());
    let viewer = Person::register(&url, "viewer").await;
    viewer.get(&path).await;
    let events = viewer.request(Method::GET, "/api/v1/notifications/stream").send().await.unwrap();
    assert_eq!(events.status(), 200);

    // Still uploading when accepting has ended.
    let upload = slow_upload(&creator, PRE_DRAIN + Duration::from_secs(2));
    let during = async {
        sleep(PRE_DRAIN / 2).await;
        let ready = reqwest::get(format!("{url}/readyz")).await.unwrap().status();
        (ready, Person::anonymous(&url).send(Method::GET, "/api/v1/categories", Value::Null).await.status())
    };
    let begin = Instant::now();
    let stop = platform.programs[0].terminate();
    let ((_, is_success), (ready, answer), uploaded, streamed) =
        tokio::join!(stop, during, upload, end_of(events, begin));
    assert_eq!((ready.as_u16(), answer.as_u16()), (503, 200), "readiness is red while requests are accepted");
    assert_eq!(uploaded.status(), 200, "an open request is answered");
    assert!(streamed < PRE_DRAIN + Duration::from_millis(1500), "an open stream does not hold the stop: {streamed:?}");
    assert!(is_success);

    platform.start_again().await;
    assert_eq!(creator.get(&path).await["video"]["views"], "1", "the view in memory is stored");
}

/// When an event stream ends, measured from a time on.
async fn end_of(events: Response, from: Instant) -> Duration {
    let mut chunks = events.bytes_stream();
    while let Some(Ok(_)) = chunks.next().await {}
    from.elapsed()
}

/// Uploads a video, its second half after a delay.
async fn slow_upload(creator: &Person, delay: Duration) -> Response {
    let bytes = std::fs::read(video()).unwrap();
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
