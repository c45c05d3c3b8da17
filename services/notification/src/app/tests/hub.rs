//! Streams of one replica, fed by another's taking in.

use std::time::Duration;

use bytes::Bytes;
use fenz_chassis::{IdMaker, Reason, UserId};
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

use super::{App, Place, places};
use crate::Config;

const A: i64 = 1;

async fn text(frames: &mut Receiver<Bytes>) -> String {
    let frame = tokio::time::timeout(Duration::from_secs(5), frames.recv()).await.unwrap().unwrap();
    String::from_utf8(frame.to_vec()).unwrap()
}

/// Another replica's, that nobody wakes.
fn replica(place: &Place) -> (App, CancellationToken) {
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
        place.channel(7, "Seven", false, 2).await;
        place.publish(7, 73, "back").await;
        let after_all = text(&mut opened.frames).await;
        assert!(after_all.contains("\"back\"") || after_all.contains("\"hidden\""), "{after_all}");

        let (missed, _) = other.open_stream(UserId(A), Some(0)).await.unwrap();
        assert!(missed.len() >= 2, "{missed:?}");
        stop.cancel();
        while opened.frames.recv().await.is_some() {}
        let refused = other.open_stream(UserId(A), None).await.err().unwrap();
        assert_eq!(refused.reason, Reason::Unavailable);
    }
}
