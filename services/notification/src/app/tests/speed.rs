//! What a user with many channels waits for; run by hand with `--ignored`.

use std::time::{Duration, Instant};

use fenz_chassis::UserId;
use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, sea_query::Expr};

use super::{Place, places};
use crate::{
    domain::page::Page,
    store::{channel_event, channel_head, membership, sequence_row},
};

const USER: i64 = 1;
const CHANNELS: i64 = 500;
/// Each channel's events are spread evenly; as many again belong to others.
const EVENTS: i64 = 100_000;

async fn fill(place: &Place) {
    let now = place.clock.now();
    let event = |seq: i64| channel_event::ActiveModel {
        seq: Set(seq),
        channel_id: Set(1_000 + (seq * 7919) % (2 * CHANNELS)),
        video_id: Set(seq),
        is_visible: Set(true),
        occurred_at: Set(now),
        id: Set(seq),
        kind: Set(0),
        title: Set("New video on a channel".into()),
        message: Set(format!("video {seq}")),
        payload: Set("{}".into()),
        created_at: Set(now),
    };
    for first in (1..=2 * EVENTS).step_by(1_000) {
        let rows = (first..first + 1_000).map(event);
        channel_event::Entity::insert_many(rows).exec_without_returning(place.db()).await.unwrap();
    }
    let head = |n: i64| channel_head::ActiveModel {
        channel_id: Set(1_000 + n),
        kind: Set(0),
        latest: Set(2 * EVENTS - n),
        changed: Set(2 * EVENTS),
    };
    for seq in 2 * EVENTS - 2 * CHANNELS + 1..=2 * EVENTS {
        let channel = (seq * 7919) % (2 * CHANNELS);
        let row = channel_head::ActiveModel { latest: Set(seq), ..head(channel) };
        channel_head::Entity::insert(row).exec_without_returning(place.db()).await.unwrap();
    }
    for n in 0..CHANNELS {
        let row = membership::ActiveModel {
            user_id: Set(USER),
            channel_id: Set(1_000 + 2 * n),
            tier: Set(1),
            since_seq: Set(0),
            version: Set(1),
        };
        membership::Entity::insert(row).exec_without_returning(place.db()).await.unwrap();
    }
    sequence_row::Entity::update_many()
        .col_expr(sequence_row::Column::Last, Expr::value(2 * EVENTS))
        .exec(place.db())
        .await
        .unwrap();
    if place.db().get_database_backend() != sea_orm::DbBackend::MySql {
        // As autovacuum does after a minute.
        place.db().execute_unprepared("ANALYZE").await.unwrap();
    }
}

async fn time<F: Future>(name: &str, place: &Place, work: impl Fn() -> F) {
    let mut times = Vec::new();
    for _ in 0..200 {
        place.app.forget_counts();
        let began = Instant::now();
        work().await;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |percent: usize| times[times.len() * percent / 100];
    println!("{:?} {name}: median {:?}, p99 {:?}", place.db().get_database_backend(), at(50), at(99));
    assert!(at(50) < Duration::from_secs(1));
}

#[tokio::test]
#[ignore = "a measurement"]
async fn a_user_with_500_channels_and_100_000_events() {
    for place in places().await {
        fill(&place).await;
        let user = UserId(USER);
        time("unread count, all unread", &place, || async { place.app.unread_count(user).await.unwrap() }).await;
        let page = Page { offset: 0, limit: 20 };
        time("first page", &place, || async { place.app.list(user, page).await.unwrap() }).await;
        place.app.mark_all_read(user).await.unwrap();
        time("unread count, all read", &place, || async { place.app.unread_count(user).await.unwrap() }).await;
        let publish = || place.publish(1_000, 1, "new");
        time("taking an event in", &place, publish).await;
        time("unread count, 200 unread", &place, || async { place.app.unread_count(user).await.unwrap() }).await;
    }
}
