//! The transitions of a running job. Each is its attempt's alone: false when the
//! job was cancelled, or another worker has it.

use chrono::{DateTime, Utc};
use fenz_database::DbError;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, UpdateMany, sea_query::Expr,
};

use super::entity::{Column, Entity};

fn held(id: i64, claim: &str) -> Condition {
    Condition::all().add(Column::Id.eq(id)).add(Column::Claim.eq(claim))
}

async fn update(db: &impl ConnectionTrait, update: UpdateMany<Entity>) -> Result<bool, DbError> {
    Ok(update.exec(db).await?.rows_affected == 1)
}

/// Deletes the job, or lets it wait for its next run if it recurs or was enqueued
/// again meanwhile.
pub async fn complete(
    db: &impl ConnectionTrait,
    id: i64,
    claim: &str,
    next_run: Option<DateTime<Utc>>,
) -> Result<bool, DbError> {
    if next_run.is_none() {
        let done = Entity::delete_many().filter(held(id, claim)).filter(Column::RequeueAt.is_null()).exec(db).await?;
        if done.rows_affected == 1 {
            return Ok(true);
        }
    }
    let requeued = Expr::col(Column::RequeueAt);
    let run_at = match next_run {
        Some(next) => Expr::case(requeued.clone().is_null(), Expr::value(next)).finally(requeued).into(),
        None => requeued,
    };
    let waits = Entity::update_many()
        .col_expr(Column::RunAt, run_at)
        .col_expr(Column::RequeueAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::Claim, Expr::value(None::<String>))
        .col_expr(Column::Attempts, Expr::value(0))
        .col_expr(Column::Error, Expr::value(""))
        .filter(held(id, claim));
    // Without either time the row would be dead; then it is not ours.
    let waits = if next_run.is_none() { waits.filter(Column::RequeueAt.is_not_null()) } else { waits };
    update(db, waits).await
}

/// What comes after a failure.
pub struct Failure<'a> {
    pub error: &'a str,
    pub at: DateTime<Utc>,
    pub attempts: u32,
    /// None: no more, unless it was enqueued again meanwhile.
    pub retry_at: Option<DateTime<Utc>>,
}

pub async fn fail(db: &impl ConnectionTrait, id: i64, claim: &str, failure: Failure<'_>) -> Result<bool, DbError> {
    let requeued = || Expr::col(Column::RequeueAt);
    let attempts = Expr::value(failure.attempts.cast_signed());
    // MariaDB assigns from left to right: what reads `requeue_at` comes before it.
    let waits = Entity::update_many()
        .col_expr(
            Column::Attempts,
            match failure.retry_at {
                Some(_) => attempts,
                None => Expr::case(requeued().is_null(), attempts).finally(Expr::value(0)).into(),
            },
        )
        .col_expr(Column::RunAt, failure.retry_at.map_or_else(requeued, Expr::value))
        .col_expr(Column::RequeueAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::Claim, Expr::value(None::<String>))
        .col_expr(Column::Error, Expr::value(failure.error))
        .col_expr(Column::ChangedAt, Expr::value(failure.at))
        .filter(held(id, claim));
    update(db, waits).await
}

/// Gives a job back that was interrupted through no fault of its own.
pub async fn release(db: &impl ConnectionTrait, id: i64, claim: &str, now: DateTime<Utc>) -> Result<bool, DbError> {
    let waits = Entity::update_many()
        .col_expr(Column::RunAt, Expr::value(now))
        .col_expr(Column::RequeueAt, Expr::value(None::<DateTime<Utc>>))
        .col_expr(Column::Claim, Expr::value(None::<String>))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).sub(1))
        .filter(held(id, claim));
    update(db, waits).await
}

pub async fn renew(db: &impl ConnectionTrait, id: i64, claim: &str, until: DateTime<Utc>) -> Result<bool, DbError> {
    update(db, Entity::update_many().col_expr(Column::RunAt, Expr::value(until)).filter(held(id, claim))).await
}

pub async fn set_progress(
    db: &impl ConnectionTrait,
    id: i64,
    claim: &str,
    percent: u8,
    message: &str,
) -> Result<bool, DbError> {
    let said = Entity::update_many()
        .col_expr(Column::Progress, Expr::value(i32::from(percent)))
        .col_expr(Column::Message, Expr::value(message))
        .filter(held(id, claim));
    update(db, said).await
}
