//! Entities, migrations and queries. Entities do not leave this module.

use fenz_core::UserId;
use fenz_database::{
    DbError,
    schema::{big, index, table, text},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use sea_orm_migration::prelude::*;

use crate::domain::Playlist;

/// The schema, one statement per migration: MariaDB commits each statement.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            table("m20260101_000001_playlists", |_| {
                Table::create()
                    .table("playlists")
                    .col(big("id").primary_key())
                    .col(big("owner_id"))
                    .col(text("name", 100))
                    .to_owned()
            }),
            index("m20260101_000002_playlists_of_owner", "playlists", &["owner_id", "id"]),
        ]
    }
}

mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "playlists")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub owner_id: i64,
        pub name: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
use entity::{ActiveModel, Column, Entity};

pub async fn insert(db: &impl ConnectionTrait, playlist: &Playlist) -> Result<(), DbError> {
    let row = ActiveModel { id: Set(playlist.id), owner_id: Set(playlist.owner.0), name: Set(playlist.name.clone()) };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

pub async fn count(db: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbError> {
    Ok(Entity::find().filter(Column::OwnerId.eq(owner.0)).count(db).await?)
}

pub async fn list(db: &impl ConnectionTrait, owner: UserId) -> Result<Vec<Playlist>, DbError> {
    let rows = Entity::find().filter(Column::OwnerId.eq(owner.0)).order_by_asc(Column::Id).all(db).await?;
    Ok(rows.into_iter().map(|row| Playlist { id: row.id, owner: UserId(row.owner_id), name: row.name }).collect())
}

pub async fn delete_of(db: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbError> {
    Ok(Entity::delete_many().filter(Column::OwnerId.eq(owner.0)).exec(db).await?.rows_affected)
}
