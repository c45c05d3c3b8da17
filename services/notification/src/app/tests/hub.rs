//! Streams of one replica, fed by another's taking in.

use std::time::Duration;

use bytes::Bytes;
use fenz_chassis::{IdMaker, Reason, UserId};
use fenz_contract::events::v1::SessionsEnded;
use futures::channel::mpsc::Receiver;
use sea_orm::ConnectionTrait;
use tokio_util::sync::CancellationToken;

use super::{App, Place, places};
use crate::{
    Config,
    store::{readers, sequence},
};

const A: i64 = 1;

async fn text(frames: &mut Receiver<Bytes>) -> String {
    let frame = tokio::time::timeout(Duration::from_secs(5), frames.recv()).await.unwrap().unwrap();
    String::from_utf8(frame.to_vec()).unwrap()
}

/// Another replica's, that nobody wakes.
pub fn replica(place: &Place) -> (App, CancellationToken) {
    let ids = IdMaker::new(place.clock.clone());
    let (db, clock, erasures) = (place.db().clone(), place.clock.clone(), place.app.erasures.clone());
    let app = App::over(db, clock, ids, Config::default(), erasures);
    let (hub, stop) = (app.hub.clone(), CancellationToken::new());
    let ended = stop.clone();
    tokio::spawn(async move { hub.follow(Duration::from_millis(20), ended).await });
    (app, stop)
}

#[tokio::test]
async fn another_replica_hears_by_itself() {
    for place in places().await {
        place.member(A, 7, 1, 1).await;
        place.tick();
        let (other, stop) = replica(&place);
        let (missed, mut opened) = other.open_stream(UserId(A), None).await.unwrap();
        assert!(missed.is_empty());
        place.publish(7, 71, "one").await;
        assert!(text(&mut opened.frames).await.contains("\"one\""));
        // A membership that is heard of after what it is for.
        place.tick();
        let joined = place.clock.now();
        place.tick();
        place.publish(8, 81, "late").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        place.member_since(A, 8, (1, 1), joined).await;
        assert!(text(&mut opened.frames).await.contains("\"late\""));
        // No longer a member, muted, hidden: nothing; what follows comes.
        place.member(A, 8, 0, 2).await;
        place.publish(8, 82, "no member").await;
        place.channel(7, "Seven", true, 1).await;
        place.publish(7, 72, "hidden").await;
        // Until what is handed out lies behind it.
        let hidden = sequence::last(place.db()).await.unwrap();
        while other.open_stream(UserId(A), None).await.unwrap().1.position < hidden {}
        place.channel(7, "Seven", false, 2).await;
        place.publish(7, 73, "back").await;
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

/// The order to end streams lies in one range of places, and the user's last
/// change in the next.
#[tokio::test]
async fn streams_end_whatever_comes_after_the_order() {
    for place in places().await {
        let (other, stop) = replica(&place);
        let (_, mut opened) = other.open_stream(UserId(A), None).await.unwrap();
        let take_in = &place.app.take_in;
        place
            .take(|txn| async move {
                let ended = SessionsEnded { user_id: A, ..SessionsEnded::default() };
                take_in.sessions_ended(&*txn, &ended).await?;
                txn.execute_unprepared("UPDATE sequence SET last = last + 600").await?;
                let later = sequence::next_in_txn(&*txn).await?;
                Ok(readers::changed_in_txn(&*txn, A, later).await?)
            })
            .await;
        let end = async { while opened.frames.recv().await.is_ok() {} };
        tokio::time::timeout(Duration::from_secs(5), end).await.unwrap();
        stop.cancel();
    }
}

#[tokio::test]
async fn a_user_has_so_many_streams_and_no_more() {
    let place = super::place(fenz_testkit::Database::Sqlite).await;
    let (other, stop) = replica(&place);
    let mut streams = Vec::new();
    for _ in 0..=other.config.streams_per_user {
        streams.push(other.open_stream(UserId(A), None).await.unwrap().1);
    }
    place.member(A, 7, 1, 1).await;
    place.tick();
    place.publish(7, 71, "one").await;
    let mut streams = streams.into_iter();
    assert!(streams.next().unwrap().frames.recv().await.is_err());
    for mut opened in streams {
        assert!(text(&mut opened.frames).await.contains("\"one\""));
    }
    stop.cancel();
}
