//! Claims on uploads that media is still to release.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict},
};

use super::entity::media_errand::{ActiveModel, Column, Entity, Model};

/// A claim to be released.
#[derive(Clone, Debug)]
pub struct Errand {
    pub claim: String,
    /// Hand the upload back instead of removing its files.
    pub keep_files: bool,
    pub due_at: DateTime<Utc>,
}

/// Writes an errand, or moves the one with this claim; false when that one is
/// under way already.
pub async fn put_in_txn(db: &impl ConnectionTrait, errand: &Errand) -> Result<bool, DbErr> {
    let row = ActiveModel {
        claim: Set(errand.claim.clone()),
        keep_files: Set(errand.keep_files),
        due_at: Set(errand.due_at),
        started: Set(false),
    };
    let exists = OnConflict::column(Column::Claim).update_column(Column::Claim).to_owned();
    Entity::insert(row).on_conflict(exists).exec_without_returning(db).await?;
    let stored = Entity::find_by_id(&errand.claim).lock_exclusive().one(db).await?;
    if stored.is_none_or(|stored| stored.started) {
        return Ok(false);
    }
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(errand.due_at))
        .col_expr(Column::KeepFiles, Expr::value(errand.keep_files))
        .filter(Column::Claim.eq(&errand.claim))
        .exec(db)
        .await?;
    Ok(true)
}

/// Takes an errand back; false when it is under way or done.
pub async fn call_off(db: &impl ConnectionTrait, claim: &str) -> Result<bool, DbErr> {
    let deleted =
        Entity::delete_many().filter(Column::Claim.eq(claim)).filter(Column::Started.eq(false)).exec(db).await?;
    Ok(deleted.rows_affected == 1)
}

/// Errands whose time has come.
pub async fn due(db: &impl ConnectionTrait, now: DateTime<Utc>, limit: u64) -> Result<Vec<Errand>, DbErr> {
    let rows = Entity::find().filter(Column::DueAt.lte(now)).order_by_asc(Column::DueAt).limit(limit).all(db).await?;
    Ok(errands(rows))
}

fn errands(rows: Vec<Model>) -> Vec<Errand> {
    let errand = |row: Model| Errand { claim: row.claim, keep_files: row.keep_files, due_at: row.due_at };
    rows.into_iter().map(errand).collect()
}

/// Makes everything due that is to be released of a user's, with its files;
/// gives what that is.
pub async fn hasten(db: &impl ConnectionTrait, claims: &str, now: DateTime<Utc>) -> Result<Vec<Errand>, DbErr> {
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(now))
        .col_expr(Column::KeepFiles, Expr::value(false))
        .filter(Column::Claim.starts_with(claims))
        .exec(db)
        .await?;
    Ok(errands(Entity::find().filter(Column::Claim.starts_with(claims)).all(db).await?))
}

/// From here on there is no way back; false when it was called off or moved.
pub async fn begin(db: &impl ConnectionTrait, claim: &str, now: DateTime<Utc>) -> Result<bool, DbErr> {
    let begun = Entity::update_many()
        .col_expr(Column::Started, Expr::value(true))
        .filter(Column::Claim.eq(claim))
        .filter(Column::DueAt.lte(now))
        .exec(db)
        .await?;
    Ok(begun.rows_affected == 1)
}

pub async fn done(db: &impl ConnectionTrait, claim: &str) -> Result<(), DbErr> {
    Entity::delete_by_id(claim).exec(db).await?;
    Ok(())
}
