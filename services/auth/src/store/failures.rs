//! Failed logins, by name and address.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use super::entity::login_failure::{ActiveModel, Column, Entity};

/// The failures that count.
#[derive(Clone, Copy, Debug)]
pub struct Failures {
    pub count: u32,
    pub blocked_until: DateTime<Utc>,
}

/// What is known of a key, unless it is to be forgotten.
pub async fn find(db: &impl ConnectionTrait, key: &str, now: DateTime<Utc>) -> Result<Option<Failures>, DbErr> {
    let row = Entity::find_by_id(key).filter(Column::ForgetAt.gt(now)).one(db).await?;
    Ok(row.map(|row| Failures { count: row.failures as u32, blocked_until: row.blocked_until }))
}

/// The number of failures of a key, which nobody else changes until the
/// transaction ends.
pub async fn count_in_txn(
    db: &impl ConnectionTrait,
    key: &str,
    subject: &str,
    now: DateTime<Utc>,
) -> Result<u32, DbErr> {
    let none = ActiveModel {
        digest: Set(key.to_owned()),
        subject: Set(subject.to_owned()),
        failures: Set(0),
        blocked_until: Set(now),
        forget_at: Set(now),
    };
    let exists = OnConflict::column(Column::Digest).update_column(Column::Digest).to_owned();
    Entity::insert(none).on_conflict(exists).exec_without_returning(db).await?;
    let row = Entity::find_by_id(key).lock_exclusive().one(db).await?;
    Ok(row.filter(|row| row.forget_at > now).map_or(0, |row| row.failures as u32))
}

pub async fn set_in_txn(
    db: &impl ConnectionTrait,
    key: &str,
    failures: Failures,
    forget_at: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Failures, Expr::value(failures.count as i32))
        .col_expr(Column::BlockedUntil, Expr::value(failures.blocked_until))
        .col_expr(Column::ForgetAt, Expr::value(forget_at))
        .filter(Column::Digest.eq(key))
        .exec(db)
        .await?;
    Ok(())
}

pub async fn forget(db: &impl ConnectionTrait, key: &str) -> Result<(), DbErr> {
    Entity::delete_by_id(key).exec(db).await?;
    Ok(())
}

/// Forgets what is counted under names, from wherever it came; gives the number
/// of counts.
pub async fn forget_subjects(db: &impl ConnectionTrait, subjects: &[String]) -> Result<u64, DbErr> {
    Ok(Entity::delete_many().filter(Column::Subject.is_in(subjects)).exec(db).await?.rows_affected)
}

pub async fn prune(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::ForgetAt.lt(now)).exec(db).await?;
    Ok(())
}
