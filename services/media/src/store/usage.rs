//! Users' stored and daily bytes.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::{Alias, Expr, OnConflict},
};

use super::entity::{daily_usage, upload};
use crate::domain::quota::Usage;

fn day(at: DateTime<Utc>) -> i32 {
    at.timestamp().div_euclid(86_400) as i32
}

/// Adds to the daily usage.
pub async fn add(db: &impl ConnectionTrait, owner: UserId, at: DateTime<Utc>, bytes: u64) -> Result<(), DbError> {
    use daily_usage::{ActiveModel, Column, Entity};
    let row = ActiveModel { owner_id: Set(owner.0), day: Set(day(at)), bytes: Set(bytes as i64) };
    let total = Expr::col((Entity, Column::Bytes)).add(bytes as i64);
    let conflict = OnConflict::columns([Column::OwnerId, Column::Day]).value(Column::Bytes, total).to_owned();
    Entity::insert(row).on_conflict(conflict).exec_without_returning(db).await?;
    Ok(())
}

/// Deletes rows older than yesterday.
pub async fn remove_old(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbError> {
    daily_usage::Entity::delete_many().filter(daily_usage::Column::Day.lt(day(now) - 1)).exec(db).await?;
    Ok(())
}

pub async fn remove_of_user(db: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbError> {
    let of_owner = daily_usage::Entity::delete_many().filter(daily_usage::Column::OwnerId.eq(owner.0));
    Ok(of_owner.exec(db).await?.rows_affected)
}

/// Uploads in progress count with their declared sizes.
pub async fn including_pending(db: &impl ConnectionTrait, owner: UserId, at: DateTime<Utc>) -> Result<Usage, DbError> {
    let Usage { stored, sent_today } = without_pending(db, owner, at).await?;
    let pending = sum(db, owner, upload::State::Receiving).await?;
    Ok(Usage { stored: stored + pending, sent_today: sent_today + pending })
}

pub async fn without_pending(db: &impl ConnectionTrait, owner: UserId, at: DateTime<Utc>) -> Result<Usage, DbError> {
    let stored = sum(db, owner, upload::State::Stored).await?;
    let sent = daily_usage::Entity::find_by_id((owner.0, day(at))).one(db).await?.map_or(0, |row| row.bytes as u64);
    Ok(Usage { stored, sent_today: sent })
}

async fn sum(db: &impl ConnectionTrait, owner: UserId, state: upload::State) -> Result<u64, DbError> {
    // PostgreSQL and MariaDB sum 64-bit integers as decimals.
    let integer = match db.get_database_backend() {
        DbBackend::MySql => "SIGNED",
        DbBackend::Postgres => "BIGINT",
        _ => "INTEGER",
    };
    let total = Expr::col(upload::Column::SizeBytes).sum().cast_as(Alias::new(integer));
    let sum: Option<Option<i64>> = upload::Entity::find()
        .select_only()
        .expr_as(total, "total")
        .filter(upload::Column::OwnerId.eq(owner.0))
        .filter(upload::Column::State.eq(state))
        .into_tuple()
        .one(db)
        .await?;
    Ok(sum.flatten().map_or(0, |total| total as u64))
}
