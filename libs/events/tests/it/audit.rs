//! Entries of the audit log.

use std::sync::{Arc, Mutex};

use fenz_chassis::request::Context;
use fenz_contract::events::v1::AuditRecorded;
use fenz_core::{Error, Random, Reason, Result, UserId};
use fenz_database::Txn;
use fenz_events::{AuditEntry, Consumer, Outbox, ReceivedEvent};
use http::{HeaderMap, HeaderValue};
use serde_json::json;

use crate::fleet::{eventually, insert, on_each};

/// Keeps the recorded entries, and inserts an effect for each.
fn recording(recorded: &Arc<Mutex<Vec<AuditRecorded>>>) -> Consumer {
    let recorded = recorded.clone();
    Consumer::new().on(move |txn: Txn, ReceivedEvent { event, .. }: ReceivedEvent<AuditRecorded>| {
        let recorded = recorded.clone();
        async move {
            insert(&txn, "effects", event.actor_id).await?;
            recorded.lock().unwrap().push(event);
            Ok(())
        }
    })
}

fn hidden(object: i64) -> AuditEntry<'static> {
    AuditEntry {
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

async fn audit(outbox: &Outbox, entry: &AuditEntry<'_>) -> Result<()> {
    outbox.transact(|txn| async move { outbox.audit(&txn, entry.clone()).await }).await
}

fn request() -> Context {
    let mut headers = HeaderMap::new();
    headers.insert("x-request-id", HeaderValue::from_static("the-request-1"));
    headers.insert("x-fenz-client-address", HeaderValue::from_static("2001:db8::7"));
    Context::of(&headers, &Random::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_published_with_its_request_if_the_transaction_commits() {
    on_each(|fleet| async move {
        let recorded = Arc::default();
        let subscriber = fleet.subscriber(recording(&recorded)).await;
        let (publisher, outbox) = fleet.publisher().await;
        request().scope(audit(&outbox, &hidden(7))).await.unwrap();
        // The actor's address takes precedence over the request's.
        let elsewhere = AuditEntry { address: Some("192.0.2.9".to_owned()), ..hidden(8) };
        request().scope(audit(&outbox, &elsewhere)).await.unwrap();
        // No actor and no request.
        let failed = AuditEntry { action: "auth.login_failed", object_type: "user", ..AuditEntry::default() };
        audit(&outbox, &failed).await.unwrap();
        // What is rolled back is not published.
        let rolled_back = outbox.transact(|txn| {
            let outbox = &outbox;
            async move {
                outbox.audit(&txn, hidden(9)).await?;
                Err::<(), _>(Error::new(Reason::UserNotFound, "there is no such user"))
            }
        });
        rolled_back.await.unwrap_err();
        subscriber.wait_for(3).await;
        eventually("an empty outbox", async || publisher.count("outbox").await == 0).await;
        let mut recorded = std::mem::take(&mut *recorded.lock().unwrap());
        recorded.sort_by_key(|entry| (entry.actor_id, entry.object_id.clone()));
        let [failed, here, there] = recorded.try_into().unwrap();
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
