//! The keys that sign access tokens.

use chrono::{DateTime, Utc};
use fenz_database::DbError;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};

use super::entity::signing_key::{ActiveModel, Column, Entity};

/// A key as it is stored.
pub struct StoredKey {
    /// Counts from 1.
    pub generation: i64,
    pub kid: String,
    /// The Ed25519 seed, base64.
    pub seed: String,
    /// When it starts to sign; it is published before.
    pub active_from: DateTime<Utc>,
    /// When its successor starts to sign.
    pub retired_at: Option<DateTime<Utc>>,
}

/// All keys, the newest first.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<StoredKey>, DbError> {
    let rows = Entity::find().order_by_desc(Column::Generation).all(db).await?;
    let keys = rows.into_iter().map(|row| StoredKey {
        generation: row.generation,
        kid: row.kid,
        seed: row.seed,
        active_from: row.active_from,
        retired_at: row.retired_at,
    });
    Ok(keys.collect())
}

/// Stores a key; a generation that exists is a duplicate.
pub async fn insert(db: &impl ConnectionTrait, key: &StoredKey) -> Result<(), DbError> {
    let row = ActiveModel {
        generation: Set(key.generation),
        kid: Set(key.kid.clone()),
        seed: Set(key.seed.clone()),
        active_from: Set(key.active_from),
        retired_at: Set(key.retired_at),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Retires the keys before a generation that are not retired yet.
pub async fn retire_before(db: &impl ConnectionTrait, generation: i64, at: DateTime<Utc>) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::RetiredAt, Expr::value(at))
        .filter(Column::Generation.lt(generation))
        .filter(Column::RetiredAt.is_null())
        .exec(db)
        .await?;
    Ok(())
}

/// Removes the keys retired before then.
pub async fn prune(db: &impl ConnectionTrait, retired_before: DateTime<Utc>) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::RetiredAt.lt(retired_before)).exec(db).await?;
    Ok(())
}
