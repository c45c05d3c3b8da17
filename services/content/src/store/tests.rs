//! Queries on every available database.

use fenz_chassis::Secret;
use fenz_core::{ChannelId, TagId, UserId};
use fenz_database::DatabaseSettings;
use fenz_testkit::Database;
use proptest::{
    prelude::{Just, Strategy},
    strategy::ValueTree,
    test_runner::TestRunner,
};
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, sea_query::Query};

use super::{
    Migrator,
    cascades::{self, Cascade, Kind},
    channels,
    entity::view_hour,
    history::{self, WatchRecord},
    listing, videos, views,
};
use crate::domain::{
    ChannelState, HiddenReasons, UploadId, Video, VideoFilter, VideoId, Views, page::Page, video::sample,
};

/// An empty store on each database.
async fn stores() -> Vec<(DatabaseConnection, tempfile::TempDir)> {
    let mut stores = Vec::new();
    for kind in Database::available() {
        let folder = tempfile::tempdir().unwrap();
        let url = Secret::from(kind.create(folder.path(), "content").await.unwrap());
        let settings = DatabaseSettings { url, max_connections: 4, ..DatabaseSettings::default() };
        let db = fenz_events::Database::<Migrator>::open(&settings, "content").await.unwrap().connection();
        fenz_events::Database::<Migrator>::open(&settings, "content").await.unwrap();
        stores.push((db, folder));
    }
    stores
}

#[tokio::test]
async fn a_video_comes_back_as_it_went_in() {
    for (db, _folder) in stores().await {
        let full = Video {
            tags: [9, 1, 5].map(TagId).into(),
            hidden: HiddenReasons::from_bits(5),
            views: Views { member: 3, other: 4 },
            thumbnail: Some(UploadId(i64::MAX)),
            description: "🎬".repeat(10_000),
            ..sample(1)
        };
        let bare = Video { is_published: false, published_at: None, ..sample(2) };
        for video in [&full, &bare] {
            videos::insert_in_txn(&db, video).await.unwrap();
            assert_eq!(videos::find(&db, video.id).await.unwrap().as_ref(), Some(video));
        }
        assert!(videos::insert_in_txn(&db, &full).await.unwrap_err().is_duplicate());

        assert!(views::add_in_txn(&db, full.id, Views { member: 1, other: 10 }).await.unwrap());
        let edited = Video {
            tags: [5, 6].map(TagId).into(),
            title: "u".into(),
            version: 2,
            views: Views { member: 4, other: 14 },
            ..full
        };
        videos::update_in_txn(&db, &edited).await.unwrap();
        assert_eq!(videos::find(&db, edited.id).await.unwrap(), Some(edited));
        videos::delete_in_txn(&db, bare.id).await.unwrap();
        assert!(!videos::exists(&db, bare.id).await.unwrap());
        assert!(!views::add_in_txn(&db, bare.id, Views { member: 1, other: 1 }).await.unwrap());
    }
}

#[tokio::test]
async fn history_of_erased_users_is_cleared() {
    for (db, _folder) in stores().await {
        let at = sample(1).created_at;
        let watched = |user| WatchRecord { user: UserId(user), video: VideoId(1), at };
        history::upsert(&db, &[watched(1), watched(2), watched(3)]).await.unwrap();
        let erased = |user: i64| {
            let row = [user.into(), at.into()];
            Query::insert().into_table("erased_users").columns(["user_id", "erased_at"]).values_panic(row).to_owned()
        };
        for user in [2, 3] {
            db.execute(&erased(user)).await.unwrap();
        }
        history::clear_erased(&db, &[1, 2].map(UserId).into()).await.unwrap();
        let left = async |user| history::latest(&db, UserId(user), at, 9).await.unwrap().len();
        assert_eq!((left(1).await, left(2).await, left(3).await), (1, 0, 1));
    }
}

#[tokio::test]
async fn the_latest_version_of_a_channel_wins_in_any_order() {
    for (db, _folder) in stores().await {
        let state = |version, is_hidden, is_deleted| ChannelState {
            id: ChannelId(7),
            owner: UserId(7),
            is_hidden,
            is_deleted,
            version,
        };
        let stored = async || channels::find(&db, ChannelId(7)).await.unwrap();
        assert_eq!(stored().await, None);
        for (new, expected) in [
            (state(3, true, false), state(3, true, false)),
            (state(2, false, false), state(3, true, false)),
            (state(3, false, false), state(3, true, false)),
            (state(5, false, true), state(5, false, true)),
            (state(4, false, false), state(5, false, true)),
            (state(6, false, false), state(6, false, false)),
        ] {
            channels::upsert_in_txn(&db, &new).await.unwrap();
            assert_eq!(stored().await, Some(expected));
        }
        let hidden = async || channels::hidden_ids(&db, [7, 8].map(ChannelId).into()).await.unwrap();
        assert!(hidden().await.is_empty());
        channels::mark_deleted_of_owner_in_txn(&db, UserId(8)).await.unwrap();
        assert_eq!(hidden().await, [ChannelId(8)].into());
        assert_eq!(channels::delete_of_owner(&db, UserId(8)).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_cascade_scheduled_again_is_not_deleted() {
    for (db, _folder) in stores().await {
        let at = |minutes| sample(1).created_at + chrono::TimeDelta::minutes(minutes);
        let cascade =
            |minutes| Cascade { kind: Kind::Channel, subject: 7, made_before: at(minutes), keep_until: at(minutes) };
        for minutes in [1, 3, 2] {
            cascades::schedule_in_txn(&db, &cascade(minutes)).await.unwrap();
        }
        assert_eq!(cascades::all(&db).await.unwrap(), [cascade(3)]);
        cascades::finish(&db, &cascade(2)).await.unwrap();
        assert_eq!(cascades::all(&db).await.unwrap().len(), 1);
        cascades::finish(&db, &cascade(3)).await.unwrap();
        assert_eq!(cascades::all(&db).await.unwrap(), []);
    }
}

#[tokio::test]
async fn hours_add_up_and_expire() {
    for (db, _folder) in stores().await {
        videos::insert_in_txn(&db, &sample(1)).await.unwrap();
        for hour in [5, 5, 6] {
            views::add_hour_in_txn(&db, VideoId(1), hour, Views { member: 1, other: 2 }).await.unwrap();
        }
        let hours = async || {
            let rows = view_hour::Entity::find().all(&db).await.unwrap();
            let mut rows: Vec<_> = rows.into_iter().map(|r| (r.hour, r.member, r.non_member)).collect();
            rows.sort_unstable();
            rows
        };
        assert_eq!(hours().await, [(5, 2, 4), (6, 1, 2)]);
        views::insert_flush_in_txn(&db, 1, sample(1).created_at).await.unwrap();
        assert!(views::is_flushed(&db, 1).await.unwrap());
        views::delete_older(&db, 6, sample(1).created_at + chrono::TimeDelta::seconds(1)).await.unwrap();
        assert_eq!(hours().await, [(6, 1, 2)]);
        assert!(!views::is_flushed(&db, 1).await.unwrap());
    }
}

/// Pages of any size contain every public video once, the newest first, also with equal
/// publication times.
#[tokio::test]
async fn pages_neither_repeat_nor_omit_videos() {
    let stores = stores().await;
    let mut runner = TestRunner::deterministic();
    let video = (0_i64..4, proptest::bool::weighted(0.8), 0..5_i32, proptest::collection::btree_set(1..4_i64, 0..3));
    let videos_and_size = (proptest::collection::vec(video, 1..40), 1..9_u64, Just(()));
    let mut next_id = 0;
    for _ in 0..8 {
        let (rows, size, ()) = videos_and_size.new_tree(&mut runner).unwrap().current();
        let channel = ChannelId(1_000_000 + next_id);
        let created: Vec<Video> = rows
            .into_iter()
            .map(|(second, is_published, hidden, tags)| {
                next_id += 1;
                let at = sample(1).created_at + chrono::TimeDelta::seconds(second);
                Video {
                    channel_id: channel,
                    owner: UserId(channel.0),
                    is_published,
                    hidden: HiddenReasons::from_bits((hidden - 3).max(0)),
                    tags: tags.into_iter().map(TagId).collect(),
                    published_at: Some(at),
                    created_at: at,
                    ..sample(next_id)
                }
            })
            .collect();
        for (db, _folder) in &stores {
            for video in &created {
                videos::insert_in_txn(db, video).await.unwrap();
            }
            let public = |v: &&Video| v.is_published && !v.hidden.any();
            let filter = VideoFilter { channel: Some(channel), ..VideoFilter::default() };
            check(db, &filter, size, created.iter().filter(public).collect()).await;
            let filter = VideoFilter { tags: [1, 3].map(TagId).into(), ..filter };
            let tagged = |v: &&Video| v.tags.contains(&TagId(1)) || v.tags.contains(&TagId(3));
            check(db, &filter, size, created.iter().filter(public).filter(tagged).collect()).await;
            let (own, total) = listing::of_owner(db, UserId(channel.0), Page { offset: 0, limit: 100 }).await.unwrap();
            assert_eq!((own.len(), total), (created.len(), created.len() as u64));
        }
    }
}

async fn check(db: &DatabaseConnection, filter: &VideoFilter, size: u64, mut expected: Vec<&Video>) {
    expected.sort_by_key(|v| std::cmp::Reverse((v.published_at, v.id)));
    let mut found = Vec::new();
    for offset in (0..).step_by(size as usize) {
        let (page, total) = listing::public(db, filter, Page { offset, limit: size }).await.unwrap();
        assert_eq!(total, expected.len() as u64);
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);
}
