//! Text keys keep the same texts apart on every database.

use fenz_database::{connect, insert_absent, migrate, schema};
use fenz_testkit::Database;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
    sea_query::{ColumnDef, Expr, ExprTrait, Index, Table},
};
use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// A row for each text, which is in every column.
mod word {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "words")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub unique_key: String,
        pub indexed: String,
        pub optional: Option<String>,
        #[sea_orm(column_type = "Text")]
        pub long_text: String,
        pub added: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The text is the second part of the primary key.
mod part {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "parts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            schema::table("m1_1_words", |_| {
                Table::create()
                    .table("words")
                    .col(schema::text("id", 64).primary_key())
                    .col(schema::text("unique_key", 64))
                    .col(schema::text("indexed", 64))
                    .col(ColumnDef::new("optional").string_len(64).unique_key())
                    .col(schema::long_text("long_text"))
                    .to_owned()
            }),
            schema::unique("m1_2_words_unique", "words", &["unique_key"]),
            schema::index("m1_3_words_indexed", "words", &["indexed"]),
            schema::column("m1_4_added", "words", |_| schema::text("added", 64).default("").to_owned()),
            schema::table("m1_5_parts", |_| {
                Table::create()
                    .table("parts")
                    .col(schema::big("owner_id"))
                    .col(schema::text("name", 64))
                    .primary_key(Index::create().col("owner_id").col("name"))
                    .to_owned()
            }),
        ]
    }
}

/// Different texts that some collation takes for the same.
const TEXTS: [&str; 26] = [
    "victim",
    "victim ",
    "victim  ",
    " victim",
    "victim\t",
    "victim\u{a0}",
    // Ignored by Unicode's collation algorithm.
    "victim\u{200b}",
    "vic\u{ad}tim",
    "victim\u{1}",
    "Victim",
    "VICTIM",
    "v\u{ed}ctim",
    "vi\u{301}ctim",
    "\u{ff56}ictim",
    "i",
    "\u{131}",
    "\u{130}",
    "ss",
    "\u{df}",
    "k",
    // The Kelvin sign.
    "\u{212a}",
    "\u{1f600}",
    "\u{1f601}",
    "\u{fffd}",
    "",
    " ",
];

fn word(text: &str) -> word::ActiveModel {
    let text = text.to_owned();
    word::ActiveModel {
        id: Set(text.clone()),
        unique_key: Set(text.clone()),
        indexed: Set(text.clone()),
        optional: Set(Some(text.clone())),
        long_text: Set(text.clone()),
        added: Set(text),
    }
}

async fn stores() -> Vec<(Database, DatabaseConnection, tempfile::TempDir)> {
    let mut all = Vec::new();
    for (kind, settings, folder) in crate::database::databases().await {
        let db = connect(&settings).await.unwrap();
        migrate::<Migrator>(&db, "text").await.unwrap();
        all.push((kind, db, folder));
    }
    all
}

#[tokio::test]
async fn every_kind_of_key_keeps_texts_apart() {
    use word::Column::{Added, Id, Indexed, LongText, Optional, UniqueKey};
    for (kind, db, _folder) in stores().await {
        for text in TEXTS {
            word::Entity::insert(word(text)).exec_without_returning(&db).await.unwrap();
            // A second time it is the same text.
            let again = word::Entity::insert(word(text)).exec_without_returning(&db).await;
            assert!(again.is_err(), "{kind:?}: {text:?} twice");
            insert_absent(&db, [word(text)]).await.unwrap();
        }
        assert_eq!(word::Entity::find().count(&db).await.unwrap(), TEXTS.len() as u64, "{kind:?}");
        for column in [Id, UniqueKey, Indexed, Optional, LongText, Added] {
            let ids = async |condition: Expr| -> Vec<String> {
                let ids = word::Entity::find().select_only().column(Id).filter(condition);
                ids.into_tuple().all(&db).await.unwrap()
            };
            for text in TEXTS {
                assert_eq!(ids(column.eq(text)).await, [text], "{kind:?} {column:?} = {text:?}");
                assert_eq!(ids(column.is_in([text, "another"])).await, [text], "{kind:?} {column:?} in {text:?}");
                assert_eq!(ids(column.ne(text)).await.len(), TEXTS.len() - 1, "{kind:?} {column:?} <> {text:?}");
                // A literal in place of a parameter.
                let literal = Expr::cust(format!("'{text}'"));
                assert_eq!(ids(Expr::col(column).eq(literal)).await, [text], "{kind:?} {column:?} = '{text}'");
                // Both sides are expressions.
                let matched = Expr::case(Expr::col(column).eq(text), text).finally("another");
                assert_eq!(ids(Expr::col(column).eq(matched)).await, [text], "{kind:?} {column:?} case {text:?}");
            }
            let distinct = word::Entity::find().select_only().column(column).distinct();
            assert_eq!(distinct.count(&db).await.unwrap(), TEXTS.len() as u64, "{kind:?} {column:?}");
        }
    }
}

#[tokio::test]
async fn a_part_of_a_key_keeps_texts_apart() {
    for (kind, db, _folder) in stores().await {
        for owner_id in [1, 2] {
            let rows = TEXTS.map(|text| part::ActiveModel { owner_id: Set(owner_id), name: Set(text.to_owned()) });
            part::Entity::insert_many(rows).exec_without_returning(&db).await.unwrap();
        }
        for text in TEXTS {
            let found = part::Entity::find_by_id((1, text.to_owned())).all(&db).await.unwrap();
            assert_eq!(found, [part::Model { owner_id: 1, name: text.to_owned() }], "{kind:?} {text:?}");
            let deleted = part::Entity::delete_by_id((2, text.to_owned())).exec(&db).await.unwrap();
            assert_eq!(deleted.rows_affected, 1, "{kind:?} {text:?}");
        }
    }
}

/// Keys for searches by prefix are in lower case: SQLite ignores the case of ASCII in
/// LIKE, the others do not.
#[tokio::test]
async fn a_prefix_finds_the_same_keys_in_lower_case() {
    for (kind, db, _folder) in stores().await {
        for text in TEXTS.into_iter().filter(|text| text.to_lowercase() == *text) {
            word::Entity::insert(word(text)).exec_without_returning(&db).await.unwrap();
        }
        let found = async |pattern: &str| -> Vec<String> {
            let ids = word::Entity::find().select_only().column(word::Column::Id);
            let mut ids: Vec<String> =
                ids.filter(word::Column::Indexed.like(pattern)).into_tuple().all(&db).await.unwrap();
            ids.sort_unstable();
            ids
        };
        let mut expected: Vec<&str> = TEXTS.into_iter().filter(|text| text.starts_with("victim")).collect();
        expected.sort_unstable();
        assert_eq!(found("victim%").await, expected, "{kind:?}");
        assert_eq!(found("victim ").await, ["victim "], "{kind:?}");
        assert_eq!(found("\u{1f600}%").await, ["\u{1f600}"], "{kind:?}");
    }
}

/// Releases before made tables whose collation pads.
#[tokio::test]
async fn tables_of_earlier_releases_keep_texts_apart_too() {
    for (kind, settings, _folder) in crate::database::databases().await {
        let db = connect(&settings).await.unwrap();
        let (collation, other) = match kind {
            Database::MariaDb => ("COLLATE utf8mb4_bin", "COLLATE utf8mb4_nopad_bin"),
            _ => ("", ""),
        };
        let made = format!(
            "CREATE TABLE words (id VARCHAR(64) NOT NULL PRIMARY KEY, unique_key VARCHAR(64) NOT NULL, \
             indexed VARCHAR(64) NOT NULL, optional VARCHAR(64), long_text TEXT NOT NULL, \
             added VARCHAR(64) NOT NULL) {collation}"
        );
        db.execute_unprepared(&made).await.unwrap();
        word::Entity::insert(word("victim")).exec_without_returning(&db).await.unwrap();
        // One column alone may have another collation.
        let mixed =
            format!("CREATE TABLE mixed (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(64) {collation}) {other}");
        db.execute_unprepared(&mixed).await.unwrap();
        for _ in 0..2 {
            migrate::<fenz_database::NoMigrations>(&db, "text").await.unwrap();
        }
        let find = async |text: &str| word::Entity::find_by_id(text).one(&db).await.unwrap();
        assert_eq!(find("victim ").await, None, "{kind:?}");
        insert_absent(&db, [word("victim ")]).await.unwrap();
        for text in ["victim", "victim "] {
            assert_eq!(find(text).await.unwrap().long_text, text, "{kind:?}");
        }
        db.execute_unprepared("INSERT INTO mixed (id, name) VALUES (1, 'a '), (2, 'a')").await.unwrap();
        let query = sea_orm::Statement::from_string(
            db.get_database_backend(),
            "SELECT m.id AS id FROM mixed m JOIN mixed other ON other.name = m.name",
        );
        assert_eq!(db.query_all_raw(query).await.unwrap().len(), 2, "{kind:?}");
        if db.get_database_backend() == DbBackend::MySql {
            let left = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() \
                 AND table_collation NOT IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')";
            let left = sea_orm::Statement::from_string(DbBackend::MySql, left);
            assert!(db.query_all_raw(left).await.unwrap().is_empty(), "the table of migrations too");
        }
    }
}
