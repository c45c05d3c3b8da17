//! kill -9 at the worst moments leaves a consistent state.

use std::time::Duration;

use futures::StreamExt;
use reqwest::{Method, multipart};
use serde_json::{Value, json};

use crate::{
    client::{PASSWORD, Person, video},
    platform::Platform,
};

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_an_upload() {
    let mut platform =
        Platform::standalone(&[("FENZ_MEDIA__INTERRUPTED_AFTER", "2s"), ("FENZ_MEDIA__SWEEP_EVERY", "1s")]).await;
    let creator = Person::register(&platform.url, "creator").await;
    // The start of a real video, then zeros, slowly: several parts are stored
    // when the process dies.
    let start = std::fs::read(video()).unwrap();
    let rest = futures::stream::iter(0..).then(|i| async move {
        if i > 40 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok::<_, std::io::Error>(vec![0u8; 1 << 20])
    });
    let body = reqwest::Body::wrap_stream(futures::stream::iter([Ok(start)]).chain(rest));
    let form = multipart::Form::new().part("file", multipart::Part::stream(body).file_name("big.mp4"));
    let upload = creator.request(Method::POST, "/api/v1/upload/video").multipart(form).send();
    let upload = tokio::spawn(upload);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!upload.is_finished(), "{:?}", upload.await);
    platform.programs[0].kill().await;
    assert!(upload.await.unwrap().is_err(), "nothing was acknowledged");

    platform.start_again().await;
    for _ in 0..200 {
        if platform.objects().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(platform.objects().is_empty(), "left behind: {:?}", platform.objects());
    creator.publish("After the crash", &video()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_during_registrations() {
    let mut platform = Platform::standalone(&[]).await;
    for round in 0..3 {
        let tries = (0..12).map(|i| {
            let url = platform.url.clone();
            tokio::spawn(async move {
                let name = format!("user_{round}_{i}");
                let body = json!({"username": name, "email": format!("{name}@example.org"), "password": PASSWORD});
                let person = Person::anonymous(&url);
                let sent = person.request(Method::POST, "/api/v1/auth/register").json(&body).send().await;
                (name, sent.is_ok_and(|r| r.status() == 200))
            })
        });
        let tries: Vec<_> = tries.collect();
        tokio::time::sleep(Duration::from_millis(150 + 100 * round)).await;
        platform.programs[0].kill().await;
        let outcomes = futures::future::join_all(tries).await;
        platform.start_again().await;
        for outcome in outcomes {
            let (name, acknowledged) = outcome.unwrap();
            consistent(&platform.url, &name, acknowledged).await;
        }
    }
}

/// Acknowledged: there, and whole. Not acknowledged: whole or not at all.
async fn consistent(url: &str, name: &str, acknowledged: bool) {
    let anonymous = Person::anonymous(url);
    let login = json!({"username": name, "password": PASSWORD});
    let response = anonymous.send(Method::POST, "/api/v1/auth/login", login).await;
    if response.status() == 200 {
        let token = response.json::<Value>().await.unwrap()["accessToken"].as_str().unwrap().to_owned();
        let person = Person { token: Some(token), ..anonymous };
        assert_eq!(person.get("/api/v1/user/me").await["user"]["username"], name);
    } else {
        assert!(!acknowledged, "{name} was acknowledged and is gone");
        Person::register(url, name).await;
    }
}
