//! Deletes a user's rows, and direct notifications about a deleted object.

use fenz_core::UserId;
use fenz_database::DbError;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{
    entity::{direct_notification as direct, membership, mute, stream_ticket as ticket},
    readers,
};
use crate::domain::Seq;

/// Deletes a user's rows, at most `limit` notifications at once; how many rows.
pub async fn delete_of_user_in_txn(txn: &impl ConnectionTrait, user: UserId, limit: u64) -> Result<u64, DbError> {
    let notifications: Vec<Seq> = direct::Entity::find()
        .select_only()
        .column(direct::Column::Seq)
        .filter(direct::Column::UserId.eq(user.0))
        .limit(limit)
        .into_tuple()
        .all(txn)
        .await?;
    let mut removed = notifications.len() as u64;
    if !notifications.is_empty() {
        direct::Entity::delete_many().filter(direct::Column::Seq.is_in(notifications)).exec(txn).await?;
    }
    let memberships = membership::Entity::delete_many().filter(membership::Column::UserId.eq(user.0)).exec(txn).await?;
    let mutes = mute::Entity::delete_many().filter(mute::Column::UserId.eq(user.0)).exec(txn).await?;
    let tickets = ticket::Entity::delete_many().filter(ticket::Column::UserId.eq(user.0)).exec(txn).await?;
    removed += memberships.rows_affected + mutes.rows_affected + tickets.rows_affected;
    Ok(removed)
}

/// Deletes direct notifications that name a user, channel or video; how many.
pub async fn delete_about_in_txn(txn: &impl ConnectionTrait, about: i64, seq: Seq) -> Result<u64, DbError> {
    let recipients: Vec<i64> = direct::Entity::find()
        .select_only()
        .column(direct::Column::UserId)
        .filter(direct::Column::AboutId.eq(about))
        .into_tuple()
        .all(txn)
        .await?;
    if recipients.is_empty() {
        return Ok(0);
    }
    direct::Entity::delete_many().filter(direct::Column::AboutId.eq(about)).exec(txn).await?;
    readers::mark_all_changed_in_txn(txn, &recipients.iter().copied().map(UserId).collect::<Vec<_>>(), seq).await?;
    Ok(recipients.len() as u64)
}
