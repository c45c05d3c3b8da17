//! What users have used, and used today.

use chrono::{DateTime, Utc};
use fenz_chassis::UserId;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExprTrait, QueryFilter, QuerySelect,
    sea_query::{Alias, Expr, OnConflict},
};

use super::entity::{daily, upload};
use crate::domain::quota::Usage;

fn day(at: DateTime<Utc>) -> i32 {
    at.timestamp().div_euclid(86_400) as i32
}

/// Counts what was sent.
pub async fn add(db: &impl ConnectionTrait, owner: UserId, at: DateTime<Utc>, bytes: u64) -> Result<(), DbErr> {
    let row = daily::ActiveModel { owner_id: Set(owner.0), day: Set(day(at)), bytes: Set(bytes as i64) };
    let conflict = OnConflict::columns([daily::Column::OwnerId, daily::Column::Day])
        .value(daily::Column::Bytes, Expr::col((daily::Entity, daily::Column::Bytes)).add(bytes as i64))
        .to_owned();
    daily::Entity::insert(row).on_conflict(conflict).exec_without_returning(db).await?;
    Ok(())
}

/// Removes what is older than yesterday.
pub async fn forget_old(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    daily::Entity::delete_many().filter(daily::Column::Day.lt(day(now) - 1)).exec(db).await?;
    Ok(())
}

/// Removes what is counted for a user.
pub async fn forget_of(db: &impl ConnectionTrait, owner: UserId) -> Result<u64, DbErr> {
    Ok(daily::Entity::delete_many().filter(daily::Column::OwnerId.eq(owner.0)).exec(db).await?.rows_affected)
}

/// What a user has used. Uploads under way count with what was announced.
pub async fn usage(db: &impl ConnectionTrait, owner: UserId, at: DateTime<Utc>) -> Result<Usage, DbErr> {
    let Usage { stored, sent_today } = settled(db, owner, at).await?;
    let receiving = sum(db, owner, upload::State::Receiving).await?;
    Ok(Usage { stored: stored + receiving, sent_today: sent_today + receiving })
}

/// The same without uploads under way.
pub async fn settled(db: &impl ConnectionTrait, owner: UserId, at: DateTime<Utc>) -> Result<Usage, DbErr> {
    let stored = sum(db, owner, upload::State::Stored).await?;
    let sent = daily::Entity::find_by_id((owner.0, day(at))).one(db).await?.map_or(0, |row| row.bytes as u64);
    Ok(Usage { stored, sent_today: sent })
}

async fn sum(db: &impl ConnectionTrait, owner: UserId, state: upload::State) -> Result<u64, DbErr> {
    // A sum of 64-bit integers is a decimal in PostgreSQL and MariaDB.
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
