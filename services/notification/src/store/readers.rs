//! Users' read state, settings, and when their subscriptions last changed.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::{DbError, insert_absent};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::entity::{
    read_mark,
    reader::{ActiveModel, Column, Entity},
};
use crate::domain::{KindSet, Reader, Seq};

/// A user whose subscriptions changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub user: UserId,
    /// The position at which the user's open streams were last ended.
    pub closed_at: Seq,
}

/// Inserts the row where it is missing, increments its version and so locks it. Enough
/// for changes that open streams need not know of.
pub async fn bump_version_in_txn(txn: &impl ConnectionTrait, user: UserId) -> Result<(), DbError> {
    let default = Reader::default();
    let row = ActiveModel {
        user_id: Set(user.0),
        watermark: Set(default.watermark),
        enabled: Set(default.enabled.bits()),
        version: Set(default.version),
        changed_seq: Set(0),
        closed_seq: Set(0),
        erased_at: Set(None),
    };
    insert_absent(txn, [row]).await?;
    let next = Expr::col(Column::Version).add(1);
    Entity::update_many().col_expr(Column::Version, next).filter(Column::UserId.eq(user.0)).exec(txn).await?;
    Ok(())
}

async fn set(txn: &impl ConnectionTrait, user: UserId, column: Column, value: Expr) -> Result<(), DbError> {
    Entity::update_many().col_expr(column, value).filter(Column::UserId.eq(user.0)).exec(txn).await?;
    Ok(())
}

/// The user's subscriptions changed at a position.
pub async fn mark_changed_in_txn(txn: &impl ConnectionTrait, user: UserId, seq: Seq) -> Result<(), DbError> {
    bump_version_in_txn(txn, user).await?;
    set(txn, user, Column::ChangedSeq, Expr::value(seq)).await
}

/// Ends the user's open streams.
pub async fn close_streams_in_txn(txn: &impl ConnectionTrait, user: UserId, seq: Seq) -> Result<(), DbError> {
    mark_changed_in_txn(txn, user, seq).await?;
    set(txn, user, Column::ClosedSeq, Expr::value(seq)).await
}

/// Ends the user's open streams, and resets read state and settings.
pub async fn reset_in_txn(
    txn: &impl ConnectionTrait,
    user: UserId,
    seq: Seq,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    close_streams_in_txn(txn, user, seq).await?;
    let default = Reader::default();
    Entity::update_many()
        .col_expr(Column::Watermark, Expr::value(default.watermark))
        .col_expr(Column::Enabled, Expr::value(default.enabled.bits()))
        .col_expr(Column::ErasedAt, Expr::value(now))
        .filter(Column::UserId.eq(user.0))
        .exec(txn)
        .await?;
    Ok(())
}

/// Deletes the rows of users who were deleted before a time: their streams have ended.
pub async fn prune_erased(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::ErasedAt.lt(before)).exec(db).await?;
    Ok(())
}

/// As `mark_changed_in_txn`, for those of these users who have a row.
pub async fn mark_all_changed_in_txn(txn: &impl ConnectionTrait, users: &[UserId], seq: Seq) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::ChangedSeq, Expr::value(seq))
        .filter(Column::UserId.is_in(users.iter().map(|user| user.0)))
        .exec(txn)
        .await?;
    Ok(())
}

pub async fn set_enabled_in_txn(
    txn: &impl ConnectionTrait,
    user: UserId,
    enabled: KindSet,
    seq: Seq,
) -> Result<(), DbError> {
    mark_changed_in_txn(txn, user, seq).await?;
    set(txn, user, Column::Enabled, Expr::value(enabled.bits())).await
}

/// The enabled kinds, locked until the transaction ends.
pub async fn lock_enabled_in_txn(txn: &impl ConnectionTrait, user: UserId) -> Result<KindSet, DbError> {
    bump_version_in_txn(txn, user).await?;
    enabled(txn, user).await
}

pub async fn enabled(db: &impl ConnectionTrait, user: UserId) -> Result<KindSet, DbError> {
    let row = Entity::find_by_id(user.0).one(db).await?;
    Ok(row.map_or(KindSet::ALL, |row| KindSet::from_bits(row.enabled)))
}

/// The enabled kinds of those of these users who have a row.
pub async fn enabled_of(db: &impl ConnectionTrait, users: &[UserId]) -> Result<Vec<(UserId, KindSet)>, DbError> {
    let rows = Entity::find().filter(Column::UserId.is_in(users.iter().map(|user| user.0))).all(db).await?;
    Ok(rows.into_iter().map(|row| (UserId(row.user_id), KindSet::from_bits(row.enabled))).collect())
}

/// Marks everything up to a position as read.
pub async fn mark_all_read_in_txn(txn: &impl ConnectionTrait, user: UserId, seq: Seq) -> Result<(), DbError> {
    bump_version_in_txn(txn, user).await?;
    // Never backwards: of two concurrent calls, the lower position may be written last.
    Entity::update_many()
        .col_expr(Column::Watermark, Expr::value(seq))
        .filter(Column::UserId.eq(user.0))
        .filter(Column::Watermark.lt(seq))
        .exec(txn)
        .await?;
    read_mark::Entity::delete_many()
        .filter(read_mark::Column::UserId.eq(user.0))
        .filter(read_mark::Column::Seq.lte(seq))
        .exec(txn)
        .await?;
    Ok(())
}

/// Marks one notification as read.
pub async fn mark_read_in_txn(txn: &impl ConnectionTrait, user: UserId, seq: Seq) -> Result<(), DbError> {
    bump_version_in_txn(txn, user).await?;
    insert_absent(txn, [read_mark::ActiveModel { user_id: Set(user.0), seq: Set(seq) }]).await
}

/// Which of these positions are marked as read one by one.
pub async fn read_among(db: &impl ConnectionTrait, user: UserId, seqs: &[Seq]) -> Result<Vec<Seq>, DbError> {
    Ok(read_mark::Entity::find()
        .select_only()
        .column(read_mark::Column::Seq)
        .filter(read_mark::Column::UserId.eq(user.0))
        .filter(read_mark::Column::Seq.is_in(seqs.iter().copied()))
        .into_tuple()
        .all(db)
        .await?)
}

/// Users whose subscriptions changed after a position. There is no upper bound: a row
/// has only its last change, and a change above the bound would hide one below.
pub async fn changed_after(db: &impl ConnectionTrait, after: Seq) -> Result<Vec<Change>, DbError> {
    let rows = Entity::find()
        .select_only()
        .columns([Column::UserId, Column::ClosedSeq])
        .filter(Column::ChangedSeq.gt(after))
        .into_tuple::<(i64, Seq)>()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(user, closed_at)| Change { user: UserId(user), closed_at }).collect())
}

/// How many rows.
pub async fn delete_read_marks(db: &impl ConnectionTrait, user: UserId) -> Result<u64, DbError> {
    Ok(read_mark::Entity::delete_many().filter(read_mark::Column::UserId.eq(user.0)).exec(db).await?.rows_affected)
}

/// Deletes the read marks of pruned notifications.
pub async fn prune_read_marks(db: &impl ConnectionTrait, up_to: Seq) -> Result<(), DbError> {
    read_mark::Entity::delete_many().filter(read_mark::Column::Seq.lte(up_to)).exec(db).await?;
    Ok(())
}
