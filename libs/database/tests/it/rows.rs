//! Upserts, pages and the sequence, the same on every database.

use std::{collections::BTreeSet, time::Duration};

use fenz_core::{Error, page::Page};
use fenz_database::{
    DbError, insert_absent, insert_or_lock_in_txn, migrate, page, schema, sequence, snapshot, transact, upsert,
    upsert_newer,
};
use fenz_testkit::Database;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    DatabaseConnection, EntityTrait, PaginatorTrait, QueryOrder, TransactionTrait,
    sea_query::Table,
};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

mod channel {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "channels")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub number: i32,
        pub name: String,
        pub version: i64,
        pub changed_at: Option<DateTimeUtc>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
use channel::{ActiveModel, Column, Entity, Model};

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            sequence::table("m1_1_sequence"),
            sequence::seed("m1_2_seed_sequence"),
            schema::table("m1_3_channels", |manager| {
                let mut key = sea_orm::sea_query::Index::create();
                Table::create()
                    .table("channels")
                    .col(schema::big("owner_id"))
                    .col(schema::number("number"))
                    .col(schema::text("name", 50))
                    .col(schema::big("version"))
                    .col(schema::timestamp(manager, "changed_at").null())
                    .primary_key(key.col("owner_id").col("number"))
                    .to_owned()
            }),
        ]
    }
}

async fn stores() -> Vec<(Database, DatabaseConnection, tempfile::TempDir)> {
    let mut all = Vec::new();
    for (kind, settings, folder) in crate::database::databases().await {
        let db = fenz_database::connect(&settings).await.unwrap();
        migrate::<Migrator>(&db, "rows").await.unwrap();
        all.push((kind, db, folder));
    }
    all
}

fn row(owner: i64, name: &str, version: i64) -> ActiveModel {
    let changed_at = Set(sea_orm::prelude::DateTimeUtc::from_timestamp(version, 0));
    ActiveModel { owner_id: Set(owner), number: Set(1), name: Set(name.to_owned()), version: Set(version), changed_at }
}

async fn stored(db: &DatabaseConnection, owner: i64) -> Option<(String, i64, Option<i64>)> {
    let row = Entity::find_by_id((owner, 1)).one(db).await.unwrap();
    row.map(|row| (row.name, row.version, row.changed_at.map(|at| at.timestamp())))
}

fn whole(name: &str, version: i64) -> (String, i64, Option<i64>) {
    (name.to_owned(), version, Some(version))
}

#[tokio::test]
async fn the_highest_version_is_kept_in_any_order() {
    for (kind, db, _folder) in stores().await {
        for (name, version, kept) in [
            ("third", 3, Some(whole("third", 3))),
            ("second", 2, Some(whole("third", 3))),
            ("the same", 3, Some(whole("third", 3))),
            ("fourth", 4, Some(whole("fourth", 4))),
            ("last", i64::MAX - 1, Some(("last".to_owned(), i64::MAX - 1, None))),
            ("fifth", 5, Some(("last".to_owned(), i64::MAX - 1, None))),
        ] {
            upsert_newer(&db, row(7, name, version), Column::Version).await.unwrap();
            assert_eq!(stored(&db, 7).await, kept, "{kind:?}");
        }
        assert_eq!(stored(&db, 8).await, None, "{kind:?}");
    }
}

/// Each waits for the one that has written and not committed yet.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_at_once_the_highest_version_wins() {
    for (kind, db, _folder) in stores().await {
        for owner in 1..=20 {
            // Half of them find no row, the others an old one.
            if owner % 2 == 0 {
                upsert_newer(&db, row(owner, "oldest", 1), Column::Version).await.unwrap();
            }
            let writers = (2..=7).map(|version| {
                let db = db.clone();
                tokio::spawn(async move {
                    transact(&db, |txn| async move {
                        upsert_newer(&*txn, row(owner, &format!("of {version}"), version), Column::Version).await?;
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        Ok(())
                    })
                    .await
                })
            });
            for written in futures::future::join_all(writers).await {
                written.unwrap().unwrap();
            }
            assert_eq!(stored(&db, owner).await, Some(whole("of 7", 7)), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn an_upsert_replaces_what_is_set() {
    for (kind, db, _folder) in stores().await {
        upsert(&db, Vec::<ActiveModel>::new()).await.unwrap();
        upsert(&db, [row(1, "first", 5), row(2, "second", 5)]).await.unwrap();
        upsert(&db, [row(2, "changed", 3), row(3, "third", 5)]).await.unwrap();
        upsert(&db, [ActiveModel { changed_at: NotSet, ..row(1, "renamed", 6) }]).await.unwrap();
        assert_eq!(stored(&db, 1).await, Some(("renamed".to_owned(), 6, Some(5))), "{kind:?}");
        assert_eq!(stored(&db, 2).await, Some(whole("changed", 3)), "{kind:?}");
        assert_eq!(stored(&db, 3).await, Some(whole("third", 5)), "{kind:?}");
    }
}

#[tokio::test]
async fn an_insert_leaves_what_exists() {
    for (kind, db, _folder) in stores().await {
        insert_absent(&db, [row(1, "first", 1)]).await.unwrap();
        insert_absent(&db, [row(1, "again", 2), row(2, "second", 2)]).await.unwrap();
        insert_absent(&db, [row(1, "again", 3)]).await.unwrap();
        insert_or_lock_in_txn(&db, row(2, "again", 3)).await.unwrap();
        insert_or_lock_in_txn(&db, row(3, "third", 3)).await.unwrap();
        for (owner, kept) in [(1, Some(whole("first", 1))), (2, Some(whole("second", 2))), (3, Some(whole("third", 3)))]
        {
            assert_eq!(stored(&db, owner).await, kept, "{kind:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_a_row_locks_it() {
    for (kind, db, _folder) in stores().await {
        insert_absent(&db, [row(1, "first", 1)]).await.unwrap();
        let holder = db.begin().await.unwrap();
        insert_or_lock_in_txn(&holder, row(1, "again", 2)).await.unwrap();
        let other = db.clone();
        let waiting = tokio::spawn(async move {
            transact(&other, |txn| async move { Ok(insert_or_lock_in_txn(&*txn, row(1, "again", 3)).await?) }).await
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!waiting.is_finished(), "{kind:?}");
        holder.commit().await.unwrap();
        waiting.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_of_a_snapshot_agree() {
    for (kind, db, _folder) in stores().await {
        upsert(&db, [row(1, "first", 1)]).await.unwrap();
        let counts = snapshot(&db, |txn| {
            let db = db.clone();
            async move {
                let before = Entity::find().count(&*txn).await.map_err(DbError::from)?;
                upsert(&db, [row(2, "second", 1)]).await?;
                Ok::<_, Error>((before, Entity::find().count(&*txn).await.map_err(DbError::from)?))
            }
        });
        assert_eq!(counts.await.unwrap(), (1, 1), "{kind:?}");
        let after = snapshot(&db, |txn| async move { Entity::find().count(&*txn).await.map_err(DbError::from) });
        assert_eq!(after.await.unwrap(), 2, "{kind:?}");
    }
}

/// Every commit leaves as many rows as the version of each says.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_and_its_total_are_of_one_moment() {
    const ROUNDS: i64 = 150;
    async fn replace(db: &DatabaseConnection, rows: i64) {
        let replaced = transact(db, |txn| async move {
            Entity::delete_many().exec(&*txn).await.map_err(DbError::from)?;
            Ok(upsert(&*txn, (1..=rows).map(|owner| row(owner, "", rows)).collect::<Vec<_>>()).await?)
        });
        replaced.await.unwrap();
    }
    for (kind, db, _folder) in stores().await {
        replace(&db, 10).await;
        let writer = db.clone();
        let writing = tokio::spawn(async move {
            for round in 0..ROUNDS {
                replace(&writer, 10 + round % 9).await;
            }
        });
        while !writing.is_finished() {
            for (offset, limit) in [(0, 5), (6, 6)] {
                let list = Entity::find().order_by_asc(Column::OwnerId).into_model::<Model>();
                let (rows, total) = page(&db, list, Page { offset, limit }).await.unwrap();
                let versions: BTreeSet<u64> = rows.iter().map(|row| row.version as u64).collect();
                assert_eq!(versions, [total].into(), "{kind:?}");
                assert_eq!(rows.len() as u64, limit.min(total - offset), "{kind:?}");
            }
        }
        writing.await.unwrap();
        replace(&db, 12).await;
        for (offset, limit, expected) in [(0, 12, 12), (0, 13, 12), (6, 6, 6), (10, 5, 2), (12, 6, 0), (40, 20, 0)] {
            let list = Entity::find().order_by_asc(Column::OwnerId).into_model::<Model>();
            let (rows, total) = page(&db, list, Page { offset, limit }).await.unwrap();
            assert_eq!((rows.len(), total), (expected, 12), "{kind:?} {offset} {limit}");
            assert!(rows.iter().zip(offset as i64 + 1..).all(|(row, owner)| row.owner_id == owner), "{kind:?}");
        }
        replace(&db, 0).await;

        let none = page(&db, Entity::find().into_model::<Model>(), Page { offset: 0, limit: 5 }).await.unwrap();
        assert_eq!((none.0.len(), none.1), (0, 0), "{kind:?}");
    }
}

/// A number is not visible before all lower ones are.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_in_the_order_of_their_commits() {
    for (kind, db, _folder) in stores().await {
        assert_eq!(sequence::last(&db).await.unwrap(), 0, "{kind:?}");
        let takers = (0..20_u64).map(|n| {
            let db = db.clone();
            tokio::spawn(async move {
                transact(&db, |txn| async move {
                    let number = sequence::next_in_txn(&*txn).await?;
                    tokio::time::sleep(Duration::from_millis(n % 3)).await;
                    insert_absent(&*txn, [row(number, "", number)]).await?;
                    Ok(number)
                })
                .await
            })
        });
        let watching = tokio::spawn({
            let db = db.clone();
            async move {
                while sequence::last(&db).await.unwrap() < 20 {
                    let last = sequence::last(&db).await.unwrap();
                    assert!(Entity::find().count(&db).await.unwrap() as i64 >= last, "{kind:?}");
                }
            }
        });
        let taken = futures::future::join_all(takers).await.into_iter().map(|taken| taken.unwrap().unwrap());
        assert_eq!(taken.collect::<BTreeSet<i64>>(), (1..=20).collect(), "{kind:?}");
        watching.await.unwrap();
    }
}
