//! Streams of one replica, fed by events that another replica projects.

use std::time::Duration;

use bytes::Bytes;
use fenz_contract::events::v1::SessionsEnded;
use fenz_core::{Reason, UserId};
use fenz_database::DbError;
use futures::channel::mpsc::Receiver;
use sea_orm::ConnectionTrait;
use tokio_util::sync::CancellationToken;

use super::{App, Fixture, fixtures};
use crate::{
    Config,
    store::{readers, sequence},
};

const A: i64 = 1;

async fn text(frames: &mut Receiver<Bytes>) -> String {
    let frame = tokio::time::timeout(Duration::from_secs(5), frames.recv()).await.unwrap().unwrap();
    String::from_utf8(frame.to_vec()).unwrap()
}

/// Another replica, whose dispatcher only polls.
pub fn replica(fixture: &Fixture) -> (App, CancellationToken) {
    let (db, erasures) = (fixture.db().clone(), fixture.app.erasures.clone());
    let app = App::new(&fixture.platform, db, Config::default(), erasures, super::frame);
    let (streams, stop) = (app.streams.clone(), CancellationToken::new());
    let ended = stop.clone();
    tokio::spawn(async move { streams.dispatch(Duration::from_millis(20), ended).await });
    (app, stop)
}

#[tokio::test]
async fn another_replica_receives_events_by_polling() {
    for fixture in fixtures().await {
        fixture.member(A, 7, 1, 1).await;
        fixture.tick();
        let (other, stop) = replica(&fixture);
        let (missed, mut opened) = other.open_stream(UserId(A), None).await.unwrap();
        assert!(missed.is_empty());
        fixture.publish(7, 71, "one").await;
        assert!(text(&mut opened.frames).await.contains("\"one\""));
        // A membership that arrives after the event it is for.
        fixture.tick();
        let joined = fixture.clock.now();
        fixture.tick();
        fixture.publish(8, 81, "late").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        fixture.member_since(A, 8, (1, 1), joined).await;
        assert!(text(&mut opened.frames).await.contains("\"late\""));
        // Nothing from a channel that was left or is hidden; the next visible event arrives.
        fixture.member(A, 8, 0, 2).await;
        fixture.publish(8, 82, "no member").await;
        fixture.channel(7, "Seven", true, 1).await;
        fixture.publish(7, 72, "hidden").await;
        // Until the dispatcher has passed its position.
        let hidden = sequence::last(fixture.db()).await.unwrap();
        while other.open_stream(UserId(A), None).await.unwrap().1.position < hidden {}
        fixture.channel(7, "Seven", false, 2).await;
        fixture.publish(7, 73, "back").await;
        let after_all = text(&mut opened.frames).await;
        assert!(after_all.contains("\"back\""), "{after_all}");

        let (missed, _) = other.open_stream(UserId(A), Some(0)).await.unwrap();
        assert!(missed.len() >= 2, "{missed:?}");
        stop.cancel();
        while opened.frames.recv().await.is_ok() {}
        let refused = other.open_stream(UserId(A), None).await.err().unwrap();
        assert_eq!(refused.reason, Reason::Unavailable);
    }
}

/// The closing position lies in one batch of positions, and the user's last change in
/// the next.
#[tokio::test]
async fn streams_end_even_when_a_later_change_follows() {
    for fixture in fixtures().await {
        let (other, stop) = replica(&fixture);
        let (_, mut opened) = other.open_stream(UserId(A), None).await.unwrap();
        let projection = &fixture.app.projection;
        fixture
            .transact(|txn| async move {
                let ended = SessionsEnded { user_id: A, ..SessionsEnded::default() };
                projection.sessions_ended(&*txn, &ended).await?;
                txn.execute_unprepared("UPDATE sequence SET last = last + 600").await.map_err(DbError::from)?;
                let later = sequence::next_in_txn(&*txn).await?;
                Ok(readers::mark_changed_in_txn(&*txn, UserId(A), later).await?)
            })
            .await;
        let end = async { while opened.frames.recv().await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(5), end).await.unwrap();
        stop.cancel();
    }
}

#[tokio::test]
async fn a_user_has_at_most_the_configured_number_of_streams() {
    let fixture = super::fixture(fenz_testkit::Database::Sqlite).await;
    let (other, stop) = replica(&fixture);
    let mut streams = Vec::new();
    for _ in 0..=other.config.streams_per_user {
        streams.push(other.open_stream(UserId(A), None).await.unwrap().1);
    }
    fixture.member(A, 7, 1, 1).await;
    fixture.tick();
    fixture.publish(7, 71, "one").await;
    let mut streams = streams.into_iter();
    assert!(streams.next().unwrap().frames.recv().await.is_err());
    for mut opened in streams {
        assert!(text(&mut opened.frames).await.contains("\"one\""));
    }
    stop.cancel();
}
