//! One-time stream tickets, stored by their digest.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::DbError;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::entity::stream_ticket::{ActiveModel, Column, Entity};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketOwner {
    pub user: UserId,
    /// The expiry of the access token that the ticket was made with.
    pub token_expires_at: Option<DateTime<Utc>>,
}

pub async fn insert(
    db: &impl ConnectionTrait,
    digest: &str,
    owner: TicketOwner,
    expires_at: DateTime<Utc>,
) -> Result<(), DbError> {
    let row = ActiveModel {
        digest: Set(digest.to_owned()),
        user_id: Set(owner.user.0),
        expires_at: Set(expires_at),
        token_expires_at: Set(owner.token_expires_at),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Consumes a ticket; its owner, if it was valid. Of concurrent calls one succeeds.
pub async fn take(db: &impl ConnectionTrait, digest: &str, now: DateTime<Utc>) -> Result<Option<TicketOwner>, DbError> {
    let Some(row) = Entity::find_by_id(digest.to_owned()).one(db).await? else { return Ok(None) };
    let taken = Entity::delete_by_id(digest.to_owned()).exec(db).await?.rows_affected == 1;
    let is_valid = taken && row.expires_at > now && row.token_expires_at.is_none_or(|end| end > now);
    Ok(is_valid.then_some(TicketOwner { user: UserId(row.user_id), token_expires_at: row.token_expires_at }))
}

/// Deletes a user's tickets.
pub async fn revoke_in_txn(txn: &impl ConnectionTrait, user: UserId) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::UserId.eq(user.0)).exec(txn).await?;
    Ok(())
}

pub async fn prune(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::ExpiresAt.lte(now)).exec(db).await?;
    Ok(())
}
