//! Failed password verifications, by budget.

use chrono::{DateTime, Utc};
use fenz_database::{DbError, insert_or_lock_in_txn};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};

use super::entity::login_failure::{ActiveModel, Column, Entity};

/// Consecutive failures of a key.
#[derive(Clone, Copy, Debug)]
pub struct Failures {
    pub count: u32,
    pub blocked_until: DateTime<Utc>,
}

/// The failures of keys that have not expired.
pub async fn find(db: &impl ConnectionTrait, keys: &[&str], now: DateTime<Utc>) -> Result<Vec<Failures>, DbError> {
    let digests = Column::Digest.is_in(keys.iter().copied());
    let rows = Entity::find().filter(digests).filter(Column::ExpiresAt.gt(now)).all(db).await?;
    let failures =
        rows.into_iter().map(|row| Failures { count: row.failures as u32, blocked_until: row.blocked_until });
    Ok(failures.collect())
}

/// The number of failures of a key, whose row is locked until the transaction
/// ends.
pub async fn count_in_txn(
    db: &impl ConnectionTrait,
    key: &str,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<u32, DbError> {
    let none = ActiveModel {
        digest: Set(key.to_owned()),
        subject: Set(subject.to_owned()),
        failures: Set(0),
        blocked_until: Set(now),
        expires_at: Set(now),
    };
    insert_or_lock_in_txn(db, none).await?;
    let row = Entity::find_by_id(key).lock_exclusive().one(db).await?;
    Ok(row.filter(|row| row.expires_at > now).map_or(0, |row| row.failures as u32))
}

pub async fn set_in_txn(
    db: &impl ConnectionTrait,
    key: &str,
    failures: Failures,
    expires_at: DateTime<Utc>,
) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Failures, Expr::value(failures.count as i32))
        .col_expr(Column::BlockedUntil, Expr::value(failures.blocked_until))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(Column::Digest.eq(key))
        .exec(db)
        .await?;
    Ok(())
}

pub async fn delete(db: &impl ConnectionTrait, key: &str) -> Result<(), DbError> {
    Entity::delete_by_id(key).exec(db).await?;
    Ok(())
}

/// Deletes the failures of subjects from all addresses; returns the number of rows.
pub async fn delete_by_subjects(db: &impl ConnectionTrait, subjects: &[String]) -> Result<u64, DbError> {
    Ok(Entity::delete_many().filter(Column::Subject.is_in(subjects)).exec(db).await?.rows_affected)
}

pub async fn prune(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::ExpiresAt.lt(now)).exec(db).await?;
    Ok(())
}
