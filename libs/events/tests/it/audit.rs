//! Telling who did what.

use std::sync::{Arc, Mutex};

use fenz_chassis::{Error, Reason, Result, UserId, database::Txn, request::Context};
use fenz_contract::events::v1::AuditRecorded;
use fenz_events::{Act, Consumer, Outbox, Received};
use http::{HeaderMap, HeaderValue};
use serde_json::json;

use crate::fleet::{eventually, insert, on_each};

/// Keeps what is told, and makes an effect of each.
fn recording(told: &Arc<Mutex<Vec<AuditRecorded>>>) -> Consumer {
    let told = told.clone();
    Consumer::new().on(move |txn: Txn, Received { event, .. }: Received<AuditRecorded>| {
        let told = told.clone();
        async move {
            insert(&txn, "effects", event.actor_id).await?;
            told.lock().unwrap().push(event);
            Ok(())
        }
    })
}

fn hidden(object: i64) -> Act<'static> {
    Act {
        actor: Some(UserId(1)),
        action: "user.hidden",
        object_type: "user",
        object_id: object.to_string(),
        before: Some(json!({"hidden": false})),
        after: Some(json!({"hidden": true})),
        about: Some(UserId(object)),
        address: None,
    }
}

async fn audit(outbox: &Outbox, act: &Act<'_>) -> Result<()> {
    outbox.transact(|txn| async move { outbox.audit(&txn, act.clone()).await }).await
}

fn request() -> Context {
    let mut headers = HeaderMap::new();
    headers.insert("x-request-id", HeaderValue::from_static("the-request-1"));
    headers.insert("x-fenz-client-address", HeaderValue::from_static("2001:db8::7"));
    Context::of(&headers)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_is_told_with_the_request_that_did_it_if_it_was_done() {
    on_each(|fleet| async move {
        let told = Arc::default();
        let hearer = fleet.hearer(recording(&told)).await;
        let (teller, outbox) = fleet.teller().await;
        request().scope(audit(&outbox, &hidden(7))).await.unwrap();
        // Where the actor is counts for more than where the request comes from.
        let elsewhere = Act { address: Some("192.0.2.9".to_owned()), ..hidden(8) };
        request().scope(audit(&outbox, &elsewhere)).await.unwrap();
        // Nobody was signed in, and there is no request.
        let failed = Act { action: "auth.login_failed", object_type: "user", ..Act::default() };
        audit(&outbox, &failed).await.unwrap();
        // What is undone is not told.
        let undone = outbox.transact(|txn| {
            let outbox = &outbox;
            async move {
                outbox.audit(&txn, hidden(9)).await?;
                Err::<(), _>(Error::new(Reason::UserNotFound, "there is no such user"))
            }
        });
        undone.await.unwrap_err();
        hearer.wait_for(3).await;
        eventually("an empty outbox", async || teller.count("outbox").await == 0).await;
        let mut told = std::mem::take(&mut *told.lock().unwrap());
        told.sort_by_key(|act| (act.actor_id, act.object_id.clone()));
        let [failed, here, there] = told.try_into().unwrap();
        assert_eq!((failed.actor_id, failed.action.as_str(), failed.subject_user_id), (0, "auth.login_failed", 0));
        assert_eq!((failed.request_id.as_str(), failed.address.as_str()), ("", ""));
        assert_eq!((failed.before.as_str(), failed.after.as_str()), ("", ""));
        assert_eq!((here.request_id.as_str(), here.address.as_str()), ("the-request-1", "2001:db8::7"));
        assert_eq!((here.object_id.as_str(), here.subject_user_id), ("7", 7));
        assert_eq!((here.before.as_str(), here.after.as_str()), (r#"{"hidden":false}"#, r#"{"hidden":true}"#));
        assert!(here.occurred_at.is_some());
        assert_eq!((there.request_id.as_str(), there.address.as_str()), ("the-request-1", "192.0.2.9"));
    })
    .await;
}
