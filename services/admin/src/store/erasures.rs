//! Erasures and their steps.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::{DbError, insert_absent};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, ExprTrait},
};

use super::entity::{
    erasure::{ActiveModel, Column, Entity, Model},
    erasure_step as step,
};
use crate::domain::{
    erasure::{Erasure, ErasureEvent, Step},
    page::Page,
};

fn erasure(row: &Model, steps: Vec<Step>) -> Erasure {
    Erasure {
        id: row.id,
        user: UserId(row.user_id),
        version: row.version,
        attempts: row.attempts,
        requested_at: row.requested_at,
        done_at: row.done_at,
        steps,
    }
}

/// Creates the erasure, with a step for each service, unless it exists; locks it
/// until the transaction ends.
pub async fn create_in_txn(
    txn: &impl ConnectionTrait,
    event: ErasureEvent,
    services: &[String],
    due_at: DateTime<Utc>,
) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(event.id),
        user_id: Set(event.user.0),
        version: Set(event.version),
        attempts: Set(1),
        requested_at: Set(event.at),
        due_at: Set(due_at),
        is_done: Set(false),
        done_at: Set(None),
    };
    if lock_in_txn(txn, event.id).await?.is_none() {
        insert_absent(txn, [row]).await?;
        // The second of two concurrent transactions waits here.
        lock_in_txn(txn, event.id).await?;
        for service in services {
            put_step_in_txn(txn, event.id, service).await?;
        }
    }
    Ok(())
}

/// Stores the version and time of the request, if a report created the erasure.
pub async fn record_request_in_txn(txn: &impl ConnectionTrait, event: ErasureEvent) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Version, Expr::value(event.version))
        .col_expr(Column::RequestedAt, Expr::value(event.at))
        .filter(Column::Id.eq(event.id))
        .filter(Column::Version.lt(event.version))
        .exec(txn)
        .await?;
    Ok(())
}

/// The erasure without its steps, locked until the transaction ends.
pub async fn lock_in_txn(txn: &impl ConnectionTrait, id: i64) -> Result<Option<Erasure>, DbError> {
    let row = Entity::find_by_id(id).lock_exclusive().one(txn).await?;
    Ok(row.map(|row| erasure(&row, Vec::new())))
}

async fn put_step_in_txn(txn: &impl ConnectionTrait, id: i64, service: &str) -> Result<(), DbError> {
    let row = step::ActiveModel {
        erasure_id: Set(id),
        service: Set(service.to_owned()),
        removed: Set(0),
        done_at: Set(None),
    };
    insert_absent(txn, [row]).await
}

/// Marks the step of a service as done. A repeated report adds to `removed`.
pub async fn complete_step_in_txn(
    txn: &impl ConnectionTrait,
    id: i64,
    service: &str,
    removed: i64,
    at: DateTime<Utc>,
) -> Result<(), DbError> {
    put_step_in_txn(txn, id, service).await?;
    let update =
        || step::Entity::update_many().filter(step::Column::ErasureId.eq(id)).filter(step::Column::Service.eq(service));
    let sum = Expr::col(step::Column::Removed).add(removed);
    update().col_expr(step::Column::Removed, sum).exec(txn).await?;
    update().col_expr(step::Column::DoneAt, Expr::value(at)).filter(step::Column::DoneAt.is_null()).exec(txn).await?;
    Ok(())
}

/// Deletes open steps of services that are not in the settings.
pub async fn delete_unconfigured_steps_in_txn(
    txn: &impl ConnectionTrait,
    id: i64,
    services: &[String],
) -> Result<(), DbError> {
    step::Entity::delete_many()
        .filter(step::Column::ErasureId.eq(id))
        .filter(step::Column::DoneAt.is_null())
        .filter(step::Column::Service.is_not_in(services.iter().map(String::as_str)))
        .exec(txn)
        .await?;
    Ok(())
}

/// Marks the erasure as done if no step is open; returns whether it is done.
pub async fn complete_in_txn(txn: &impl ConnectionTrait, id: i64, at: DateTime<Utc>) -> Result<bool, DbError> {
    let open = step::Entity::find().filter(step::Column::ErasureId.eq(id)).filter(step::Column::DoneAt.is_null());
    if open.count(txn).await? > 0 {
        return Ok(false);
    }
    Entity::update_many()
        .col_expr(Column::IsDone, Expr::value(true))
        .col_expr(Column::DoneAt, Expr::value(at))
        .filter(Column::Id.eq(id))
        .filter(Column::IsDone.eq(false))
        .exec(txn)
        .await?;
    Ok(true)
}

/// Erasures to be retried, those due for longest first.
pub async fn due(db: &impl ConnectionTrait, now: DateTime<Utc>, limit: u64) -> Result<Vec<i64>, DbError> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::IsDone.eq(false))
        .filter(Column::DueAt.lte(now))
        .filter(Column::Version.gt(0))
        .order_by_asc(Column::DueAt)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?)
}

pub async fn set_retry_in_txn(
    txn: &impl ConnectionTrait,
    id: i64,
    attempts: i32,
    due_at: DateTime<Utc>,
) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Attempts, Expr::value(attempts))
        .col_expr(Column::DueAt, Expr::value(due_at))
        .filter(Column::Id.eq(id))
        .exec(txn)
        .await?;
    Ok(())
}

pub async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<Erasure>, DbError> {
    let Some(row) = Entity::find_by_id(id).one(db).await? else { return Ok(None) };
    Ok(with_steps(db, vec![row]).await?.pop())
}

/// A page of erasures, the newest first, and the total.
pub async fn list(db: &DatabaseConnection, is_done: Option<bool>, page: Page) -> Result<(Vec<Erasure>, u64), DbError> {
    let mut query = Entity::find();
    if let Some(is_done) = is_done {
        query = query.filter(Column::IsDone.eq(is_done));
    }
    let newest_first = query.order_by_desc(Column::RequestedAt).order_by_desc(Column::Id);
    let (rows, total) = fenz_database::page(db, newest_first.into_model(), page).await?;
    Ok((with_steps(db, rows).await?, total))
}

async fn with_steps(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Erasure>, DbError> {
    let steps = step::Entity::find()
        .filter(step::Column::ErasureId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(step::Column::Service)
        .all(db)
        .await?;
    let steps_of = |id: i64| {
        let own = steps.iter().filter(|step| step.erasure_id == id);
        own.map(|s| Step { service: s.service.clone(), removed: s.removed, done_at: s.done_at }).collect()
    };
    Ok(rows.iter().map(|row| erasure(row, steps_of(row.id))).collect())
}
