//! Users as readers: what they want to be told of, what they have read.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::entity::{
    read,
    reader::{ActiveModel, Column, Entity},
};
use crate::domain::{Kinds, Reader, Seq};

/// A change of what a user is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    pub user: i64,
    /// When the user's open streams were last to end.
    pub closed: Seq,
}

/// Makes sure that there is a row, and keeps it from changing until the
/// transaction ends.
async fn touch_in_txn(txn: &impl ConnectionTrait, user: i64) -> Result<(), DbErr> {
    let fresh = Reader::default();
    let row = ActiveModel {
        user_id: Set(user),
        watermark: Set(fresh.watermark),
        wanted: Set(fresh.wanted.bits()),
        version: Set(fresh.version),
        changed_seq: Set(0),
        closed_seq: Set(0),
        forgotten_at: Set(None),
    };
    let keep = OnConflict::column(Column::UserId).do_nothing_on([Column::UserId]).to_owned();
    Entity::insert(row).on_conflict(keep).exec_without_returning(txn).await?;
    let next = Expr::col(Column::Version).add(1);
    Entity::update_many().col_expr(Column::Version, next).filter(Column::UserId.eq(user)).exec(txn).await?;
    Ok(())
}

async fn set(txn: &impl ConnectionTrait, user: i64, column: Column, value: Expr) -> Result<(), DbErr> {
    Entity::update_many().col_expr(column, value).filter(Column::UserId.eq(user)).exec(txn).await?;
    Ok(())
}

/// Something of the user's own has come or gone; open streams need not know.
pub async fn bump_in_txn(txn: &impl ConnectionTrait, user: i64) -> Result<(), DbErr> {
    touch_in_txn(txn, user).await
}

/// What the user is told of has changed at a place.
pub async fn changed_in_txn(txn: &impl ConnectionTrait, user: i64, seq: Seq) -> Result<(), DbErr> {
    touch_in_txn(txn, user).await?;
    set(txn, user, Column::ChangedSeq, Expr::value(seq)).await
}

/// Ends the user's open streams.
pub async fn close_in_txn(txn: &impl ConnectionTrait, user: i64, seq: Seq) -> Result<(), DbErr> {
    changed_in_txn(txn, user, seq).await?;
    set(txn, user, Column::ClosedSeq, Expr::value(seq)).await
}

/// Ends the user's open streams, and keeps nothing else of them.
pub async fn forget_in_txn(txn: &impl ConnectionTrait, user: i64, seq: Seq, now: DateTime<Utc>) -> Result<(), DbErr> {
    close_in_txn(txn, user, seq).await?;
    let fresh = Reader::default();
    Entity::update_many()
        .col_expr(Column::Watermark, Expr::value(fresh.watermark))
        .col_expr(Column::Wanted, Expr::value(fresh.wanted.bits()))
        .col_expr(Column::ForgottenAt, Expr::value(now))
        .filter(Column::UserId.eq(user))
        .exec(txn)
        .await?;
    Ok(())
}

/// Drops the rows of who was forgotten before a moment: their streams have ended.
pub async fn prune_forgotten(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::ForgottenAt.lt(before)).exec(db).await?;
    Ok(())
}

/// What these users are told of has changed at a place.
pub async fn all_changed_in_txn(txn: &impl ConnectionTrait, users: &[i64], seq: Seq) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::ChangedSeq, Expr::value(seq))
        .filter(Column::UserId.is_in(users.iter().copied()))
        .exec(txn)
        .await?;
    Ok(())
}

pub async fn set_wanted_in_txn(txn: &impl ConnectionTrait, user: i64, wanted: Kinds, seq: Seq) -> Result<(), DbErr> {
    changed_in_txn(txn, user, seq).await?;
    set(txn, user, Column::Wanted, Expr::value(wanted.bits())).await
}

/// Which kinds a user wants, kept from changing until the transaction ends.
pub async fn lock_wanted_in_txn(txn: &impl ConnectionTrait, user: i64) -> Result<Kinds, DbErr> {
    touch_in_txn(txn, user).await?;
    wanted(txn, user).await
}

pub async fn wanted(db: &impl ConnectionTrait, user: i64) -> Result<Kinds, DbErr> {
    let row = Entity::find_by_id(user).one(db).await?;
    Ok(row.map_or(Kinds::ALL, |row| Kinds::from_bits(row.wanted)))
}

/// Which kinds each of these users wants; those without a row want all.
pub async fn wanted_of(db: &impl ConnectionTrait, users: &[i64]) -> Result<Vec<(i64, Kinds)>, DbErr> {
    let rows = Entity::find().filter(Column::UserId.is_in(users.iter().copied())).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.user_id, Kinds::from_bits(row.wanted))).collect())
}

/// Everything up to a place is read.
pub async fn read_all_in_txn(txn: &impl ConnectionTrait, user: i64, seq: Seq) -> Result<(), DbErr> {
    touch_in_txn(txn, user).await?;
    // Never back: of two at once, the one with the earlier place may come later.
    Entity::update_many()
        .col_expr(Column::Watermark, Expr::value(seq))
        .filter(Column::UserId.eq(user))
        .filter(Column::Watermark.lt(seq))
        .exec(txn)
        .await?;
    read::Entity::delete_many()
        .filter(read::Column::UserId.eq(user))
        .filter(read::Column::Seq.lte(seq))
        .exec(txn)
        .await?;
    Ok(())
}

/// One place above the watermark is read.
pub async fn read_one_in_txn(txn: &impl ConnectionTrait, user: i64, seq: Seq) -> Result<(), DbErr> {
    touch_in_txn(txn, user).await?;
    let row = read::ActiveModel { user_id: Set(user), seq: Set(seq) };
    let keep = OnConflict::columns([read::Column::UserId, read::Column::Seq])
        .do_nothing_on([read::Column::UserId, read::Column::Seq])
        .to_owned();
    read::Entity::insert(row).on_conflict(keep).exec_without_returning(txn).await?;
    Ok(())
}

/// Which of these places the user has read one by one.
pub async fn reads_among(db: &impl ConnectionTrait, user: i64, seqs: &[Seq]) -> Result<Vec<Seq>, DbErr> {
    read::Entity::find()
        .select_only()
        .column(read::Column::Seq)
        .filter(read::Column::UserId.eq(user))
        .filter(read::Column::Seq.is_in(seqs.iter().copied()))
        .into_tuple()
        .all(db)
        .await
}

/// Who is told of other things than before, since a place. A row has its last
/// change alone, so there is no asking up to another place: a change beyond it
/// would hide one before it.
pub async fn changed_after(db: &impl ConnectionTrait, after: Seq) -> Result<Vec<Changed>, DbErr> {
    let rows = Entity::find()
        .select_only()
        .columns([Column::UserId, Column::ClosedSeq])
        .filter(Column::ChangedSeq.gt(after))
        .into_tuple::<(i64, Seq)>()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(user, closed)| Changed { user, closed }).collect())
}

/// Forgets what a user has read one by one; how much.
pub async fn forget_reads(db: &impl ConnectionTrait, user: i64) -> Result<u64, DbErr> {
    Ok(read::Entity::delete_many().filter(read::Column::UserId.eq(user)).exec(db).await?.rows_affected)
}

/// Forgets what was read of notices that are gone.
pub async fn prune(db: &impl ConnectionTrait, up_to: Seq) -> Result<(), DbErr> {
    read::Entity::delete_many().filter(read::Column::Seq.lte(up_to)).exec(db).await?;
    Ok(())
}
