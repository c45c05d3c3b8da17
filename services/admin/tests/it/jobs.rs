//! The background jobs of all services.

use fenz_contract::jobs::v1::{Job, JobCount, JobQueue};
use fenz_testkit::Database;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::fleet::{ADMIN, Fleet, MODERATOR};

/// A dead job of a service of which admin knows nothing but what it says.
fn queue() -> JobQueue {
    let count = |state: &str, count, oldest_age_seconds| JobCount {
        kind: "video.publish".to_owned(),
        state: state.to_owned(),
        count,
        oldest_age_seconds,
    };
    let dead = Job {
        id: 7,
        kind: "video.publish".to_owned(),
        key: "42".to_owned(),
        state: "dead".to_owned(),
        attempts: 10,
        error: "broken".to_owned(),
        ..Job::default()
    };
    JobQueue { counts: vec![count("dead", 1, 60), count("waiting", 3, 5)], dead: vec![dead], dead_total: 1 }
}

async fn insert_own(fleet: &Fleet) {
    let insert = "INSERT INTO jobs (id, kind, job_key, payload, priority, attempts, progress, message, error, \
                  enqueued_at, changed_at) VALUES (9, 'test.own', '9', '{}', 1, 10, 0, '', 'broken too', \
                  CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)";
    let url = fleet.sandbox.database_url("admin").expect("a database");
    let db = sea_orm::Database::connect(&url).await.expect("connected");
    db.execute_unprepared(insert).await.expect("inserted");
    db.close().await.expect("closed");
}

async fn jobs(fleet: &Fleet) -> Value {
    fleet.client(ADMIN).get("admin/jobs").await.ok("services")
}

fn of<'a>(jobs: &'a Value, service: &str) -> &'a Value {
    jobs.as_array().expect("a list").iter().find(|jobs| jobs["service"] == service).expect(service)
}

#[tokio::test]
async fn jobs_are_listed_of_every_service_that_answers() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[]).await;
        fleet.sandbox.allow_leftovers("a dead job");
        fleet.services.state().jobs = queue();
        insert_own(&fleet).await;
        let jobs = jobs(&fleet).await;
        let names: Vec<_> = jobs.as_array().expect("a list").iter().map(|jobs| &jobs["service"]).collect();
        assert_eq!(names, fenz_contract::routes::HOSTS);
        let expected = json!({
            "service": "content",
            "status": "ok",
            "counts": [
                {"kind": "video.publish", "state": "dead", "count": "1", "oldestAgeSeconds": "60"},
                {"kind": "video.publish", "state": "waiting", "count": "3", "oldestAgeSeconds": "5"},
            ],
            "dead": [{
                "id": "7", "kind": "video.publish", "key": "42", "state": "dead", "attempts": 10, "message": "",
                "error": "broken",
            }],
            "deadTotal": "1",
        });
        let mut content = of(&jobs, "content").clone();
        content["dead"][0].as_object_mut().expect("a job").retain(|name, _| !name.ends_with("At"));
        assert_eq!(content, expected);
        let own = of(&jobs, "admin");
        assert_eq!(
            (&own["status"], &own["deadTotal"], &own["dead"][0]["id"]),
            (&json!("ok"), &json!("1"), &json!("9"))
        );
        assert!(own["dead"][0]["diedAt"].is_string(), "{own}");
        // Media accepts connections and says nothing, auth and channel lack the RPC,
        // and no setting says where the others are.
        for service in ["auth", "channel", "media", "notification", "recommendation"] {
            assert_eq!(of(&jobs, service)["status"], "unavailable", "{service}");
        }
        fleet.client(MODERATOR).get("admin/jobs").await.refused(403, "ADMIN_REQUIRED");
        fleet.sandbox.stop().await;
    }
}

#[tokio::test]
async fn a_dead_job_is_retried_once_and_recorded() {
    for database in Database::available() {
        let fleet = Fleet::start(database, &[]).await;
        fleet.sandbox.allow_leftovers("admin has no worker for its job");
        fleet.services.state().jobs = queue();
        insert_own(&fleet).await;
        let retry =
            async |path: &str, user| fleet.client(user).post(&format!("admin/jobs/{path}/retry"), &json!({})).await;
        retry("content/7", MODERATOR).await.refused(403, "ADMIN_REQUIRED");
        let job = retry("content/7", ADMIN).await.ok("job");
        assert_eq!((&job["id"], &job["state"]), (&json!("7"), &json!("waiting")));
        let own = retry("admin/9", ADMIN).await.ok("job");
        assert_eq!((&own["kind"], &own["state"], &own["attempts"]), (&json!("test.own"), &json!("waiting"), &json!(0)));

        for (path, field) in
            [("content/7", "id"), ("admin/9", "id"), ("nothing/7", "service"), ("gateway/7", "service")]
        {
            let reply = retry(path, ADMIN).await;
            assert_eq!(reply.refused(404, "JOB_NOT_FOUND").field(), field, "{path}");
        }
        for path in ["content/0", "content/x"] {
            retry(path, ADMIN).await.refused(400, "INVALID_PARAMS");
        }
        retry("notification/7", ADMIN).await.refused(503, "UNAVAILABLE");

        let entries = fleet.audit("action=job.retried", 2).await;
        let entry = entries.iter().find(|entry| entry["objectId"] == "7").expect("an entry");
        assert_eq!((&entry["actorId"], &entry["objectType"]), (&json!("1"), &json!("job")));
        let after: Value = serde_json::from_str(entry["after"].as_str().expect("JSON")).expect("JSON");
        assert_eq!(after, json!({"service": "content", "kind": "video.publish", "state": "waiting"}));
        fleet.sandbox.stop().await;
    }
}
