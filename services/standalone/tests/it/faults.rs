//! kill -9 at the worst moments leaves a consistent state.

use std::time::Duration;

use fenz_testkit::{PASSWORD, within};
use futures::StreamExt;
use reqwest::{Method, multipart};
use serde_json::json;

use crate::{
    platform::Platform,
    videos::{publish, video},
};

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_an_upload() {
    let mut platform =
        Platform::standalone(&[("FENZ_MEDIA__INTERRUPTED_AFTER", "2s"), ("FENZ_MEDIA__SWEEP_EVERY", "1s")]).await;
    let creator = platform.register("creator").await;
    // The start of a real video, then zeros, slowly: several parts are stored
    // when the process dies.
    let rest = futures::stream::iter(0..).then(|i| async move {
        if i > 40 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok::<_, std::io::Error>(vec![0u8; 1 << 20])
    });
    let body = reqwest::Body::wrap_stream(futures::stream::iter([Ok(video().to_vec())]).chain(rest));
    let form = multipart::Form::new().part("file", multipart::Part::stream(body).file_name("big.mp4"));
    let upload = creator.request(Method::POST, "/api/v1/upload/video").multipart(form).send();
    let upload = tokio::spawn(upload);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!upload.is_finished(), "{:?}", upload.await);
    platform.programs[0].kill().await;
    assert!(upload.await.unwrap().is_err(), "nothing was acknowledged");

    platform.start_again().await;
    within(Duration::from_secs(20), async || platform.objects().is_empty()).await;
    publish(&creator, "After the crash").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_registrations() {
    let mut platform = Platform::standalone(&[]).await;
    for round in 0..3 {
        let tries = (0..12).map(|i| {
            let name = format!("user_{round}_{i}");
            let body = json!({"username": name, "email": format!("{name}@example.com"), "password": PASSWORD});
            let request = platform.client.request(Method::POST, "/api/v1/auth/register").json(&body);
            tokio::spawn(async move { (name, request.send().await.is_ok_and(|r| r.status() == 200)) })
        });
        let tries: Vec<_> = tries.collect();
        tokio::time::sleep(Duration::from_millis(150 + 100 * round)).await;
        platform.programs[0].kill().await;
        let outcomes = futures::future::join_all(tries).await;
        platform.start_again().await;
        for outcome in outcomes {
            let (name, acknowledged) = outcome.unwrap();
            consistent(&platform, &name, acknowledged).await;
        }
    }
}

/// Acknowledged: there, and whole. Not acknowledged: whole or not at all.
async fn consistent(platform: &Platform, name: &str, acknowledged: bool) {
    let login = platform.client.login(name, PASSWORD).await;
    if login.status == 200 {
        let user = platform.client.signed_in(&login).get("user/me").await.ok("user");
        assert_eq!(user["username"], name);
    } else {
        assert!(!acknowledged, "{name} was acknowledged and is gone");
        platform.register(name).await;
    }
}
