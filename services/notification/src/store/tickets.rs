//! Tickets that open a stream once, by their digest alone.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::entity::stream_ticket::{ActiveModel, Column, Entity};

pub async fn insert(
    db: &impl ConnectionTrait,
    digest: &str,
    user: i64,
    expires_at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = ActiveModel { digest: Set(digest.to_owned()), user_id: Set(user), expires_at: Set(expires_at) };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Uses a ticket up; whose it was, if it was good. Of many at once one wins.
pub async fn take(db: &impl ConnectionTrait, digest: &str, now: DateTime<Utc>) -> Result<Option<i64>, DbErr> {
    let Some(row) = Entity::find_by_id(digest.to_owned()).one(db).await? else { return Ok(None) };
    let taken = Entity::delete_by_id(digest.to_owned()).exec(db).await?.rows_affected == 1;
    Ok((taken && row.expires_at > now).then_some(row.user_id))
}

/// Takes back the tickets of a user.
pub async fn revoke_in_txn(txn: &impl ConnectionTrait, user: i64) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::UserId.eq(user)).exec(txn).await?;
    Ok(())
}

pub async fn prune(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::ExpiresAt.lte(now)).exec(db).await?;
    Ok(())
}
