//! Tickets that open a stream once, by their digest alone.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter};

use super::entity::stream_ticket::{ActiveModel, Column, Entity};

/// Whose a ticket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    pub user: i64,
    /// When the access token that the ticket was made with ends.
    pub token_ends_at: Option<DateTime<Utc>>,
}

pub async fn insert(
    db: &impl ConnectionTrait,
    digest: &str,
    holder: Holder,
    expires_at: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        digest: Set(digest.to_owned()),
        user_id: Set(holder.user),
        expires_at: Set(expires_at),
        token_ends_at: Set(holder.token_ends_at),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Uses a ticket up; whose it was, if it was good. Of many at once one wins.
pub async fn take(db: &impl ConnectionTrait, digest: &str, now: DateTime<Utc>) -> Result<Option<Holder>, DbErr> {
    let Some(row) = Entity::find_by_id(digest.to_owned()).one(db).await? else { return Ok(None) };
    let taken = Entity::delete_by_id(digest.to_owned()).exec(db).await?.rows_affected == 1;
    let is_good = taken && row.expires_at > now && row.token_ends_at.is_none_or(|end| end > now);
    Ok(is_good.then_some(Holder { user: row.user_id, token_ends_at: row.token_ends_at }))
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
