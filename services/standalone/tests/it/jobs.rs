//! Background jobs as an administrator sees them.

use std::time::Duration;

use fenz_contract::routes::HOSTS;
use fenz_testkit::{Client, within};
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};

use crate::platform::Platform;

#[tokio::test(flavor = "multi_thread")]
async fn standalone() {
    a_dead_job_is_listed_and_retried(&Platform::standalone(&[]).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fleet() {
    // Separate processes reach each other through a broker only.
    if fenz_testkit::Server::Nats.url().is_some() {
        let mut platform = Platform::fleet(&[]).await;
        a_dead_job_is_listed_and_retried(&platform).await;
        platform.kill("notification").await;
        let admin = platform.administrator().await;
        for service in HOSTS {
            let status = if *service == "notification" { "unavailable" } else { "ok" };
            assert_eq!(jobs_of(&admin, service).await["status"], status, "{service}");
        }
    }
}

async fn jobs_of(admin: &Client, service: &str) -> Value {
    let services = admin.get("admin/jobs").await.ok("services");
    let of_service = services.as_array().unwrap().iter().find(|jobs| jobs["service"] == service);
    of_service.unwrap_or_else(|| panic!("no {service}: {services}")).clone()
}

async fn a_dead_job_is_listed_and_retried(platform: &Platform) {
    let admin = platform.administrator().await;
    for service in HOSTS {
        let jobs = jobs_of(&admin, service).await;
        assert_eq!((&jobs["status"], &jobs["deadTotal"]), (&json!("ok"), &json!("0")), "{jobs}");
    }
    // As a worker leaves it after its last attempt.
    let insert = "INSERT INTO jobs (id, kind, job_key, payload, priority, attempts, progress, message, error, \
                  enqueued_at, changed_at) VALUES (7, 'upload.delete_files', 'all', '{}', 1, 10, 0, '', 'broken', \
                  CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)";
    let media = Database::connect(&platform.databases["media"]).await.unwrap();
    media.execute_unprepared(insert).await.unwrap();
    media.close().await.unwrap();

    let jobs = jobs_of(&admin, "media").await;
    let dead = &jobs["dead"][0];
    assert_eq!((&jobs["deadTotal"], &dead["id"], &dead["error"]), (&json!("1"), &json!("7"), &json!("broken")));
    let retry = "admin/jobs/media/7/retry";
    admin.post(retry, &json!({})).await.ok("job");
    // In less than the half minute in which SQLite is polled.
    within(Duration::from_secs(10), async || {
        let jobs = jobs_of(&admin, "media").await;
        let mut counts = jobs["counts"].as_array().unwrap().iter();
        jobs["deadTotal"] == "0" && !counts.any(|count| count["kind"] == "upload.delete_files")
    })
    .await;
    admin.post(retry, &json!({})).await.refused(404, "JOB_NOT_FOUND");
}
