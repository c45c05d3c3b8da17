//! Into the queue, out of it by hand, and what is in it.

use chrono::{DateTime, Utc};
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, Func, OnConflict},
};

use super::entity::{ActiveModel, Column, Entity, Model};
use crate::{JobInfo, Priority, State};

/// A job to be enqueued.
pub struct NewRow {
    pub id: i64,
    pub kind: &'static str,
    pub key: String,
    pub payload: String,
    pub priority: Priority,
    pub run_at: DateTime<Utc>,
}

fn rank(priority: Priority) -> i32 {
    match priority {
        Priority::High => 0,
        Priority::Normal => 1,
        Priority::Low => 2,
    }
}

impl From<Model> for JobInfo {
    fn from(row: Model) -> Self {
        let state = match (row.run_at, &row.claim) {
            (None, _) => State::Dead,
            (Some(_), Some(_)) => State::Running,
            (Some(_), None) => State::Waiting,
        };
        Self {
            id: row.id,
            kind: row.kind,
            key: row.job_key,
            state,
            payload: row.payload,
            attempts: row.attempts.cast_unsigned(),
            progress: u8::try_from(row.progress).unwrap_or_default(),
            message: row.message,
            error: row.error,
            enqueued_at: row.enqueued_at,
            died_at: row.changed_at.filter(|_| state == State::Dead),
        }
    }
}

/// Inserts a job, or merges it into the one with its key.
pub async fn enqueue_in_txn(txn: &impl ConnectionTrait, row: NewRow, now: DateTime<Utc>) -> Result<(), DbError> {
    insert(txn, &row, now, |merged| {
        merged.value(Column::Payload, Expr::value(row.payload.as_str()));
        merged.value(Column::Priority, Expr::value(rank(row.priority)));
    })
    .await
}

/// Inserts a recurring job, or makes the one that waits due.
pub async fn recur_in_txn(txn: &impl ConnectionTrait, row: NewRow, now: DateTime<Utc>) -> Result<(), DbError> {
    insert(txn, &row, now, |_| {}).await
}

async fn insert(
    txn: &impl ConnectionTrait,
    row: &NewRow,
    now: DateTime<Utc>,
    merge: impl FnOnce(&mut OnConflict),
) -> Result<(), DbError> {
    let new = ActiveModel {
        id: Set(row.id),
        kind: Set(row.kind.to_owned()),
        job_key: Set(row.key.clone()),
        payload: Set(row.payload.clone()),
        priority: Set(rank(row.priority)),
        run_at: Set(Some(row.run_at)),
        requeue_at: Set(None),
        claim: Set(None),
        attempts: Set(0),
        progress: Set(0),
        message: Set(String::new()),
        error: Set(String::new()),
        enqueued_at: Set(now),
        changed_at: Set(None),
    };
    let stored = |column: Column| Expr::col((Entity, column));
    let runs = || stored(Column::Claim).is_not_null();
    let earliest = |column: Column| {
        let is_later = stored(column).is_null().or(stored(column).gt(row.run_at));
        Expr::case(is_later, Expr::value(row.run_at)).finally(stored(column))
    };
    // MariaDB assigns from left to right: `attempts` reads the old `run_at`.
    let mut merged = OnConflict::columns([Column::Kind, Column::JobKey]);
    let is_dead = stored(Column::RunAt).is_null();
    merged.value(Column::Attempts, Expr::case(is_dead, Expr::value(0)).finally(stored(Column::Attempts)));
    merged.value(Column::RequeueAt, Expr::case(runs(), earliest(Column::RequeueAt)).finally(stored(Column::RequeueAt)));
    merged.value(Column::RunAt, Expr::case(runs(), stored(Column::RunAt)).finally(earliest(Column::RunAt)));
    merge(&mut merged);
    Entity::insert(new).on_conflict(merged).exec_without_returning(txn).await?;
    Ok(())
}

pub async fn delete_by_key(db: &impl ConnectionTrait, kind: &str, key: &str) -> Result<bool, DbError> {
    let deleted = Entity::delete_many().filter(with_key(kind, key)).exec(db).await?;
    Ok(deleted.rows_affected > 0)
}

pub async fn find_by_key(db: &impl ConnectionTrait, kind: &str, key: &str) -> Result<Option<JobInfo>, DbError> {
    Ok(Entity::find().filter(with_key(kind, key)).one(db).await?.map(JobInfo::from))
}

pub async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<JobInfo>, DbError> {
    Ok(Entity::find_by_id(id).one(db).await?.map(JobInfo::from))
}

fn with_key(kind: &str, key: &str) -> Condition {
    Condition::all().add(Column::Kind.eq(kind)).add(Column::JobKey.eq(key))
}

/// The jobs in a state, the oldest first.
pub async fn list(db: &impl ConnectionTrait, state: State, limit: u64) -> Result<Vec<JobInfo>, DbError> {
    let in_state = match state {
        State::Dead => Column::RunAt.is_null(),
        State::Running => Column::RunAt.is_not_null().and(Column::Claim.is_not_null()),
        State::Waiting => Column::RunAt.is_not_null().and(Column::Claim.is_null()),
    };
    let rows = Entity::find().filter(in_state).order_by_asc(Column::Id).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(JobInfo::from).collect())
}

/// The dead jobs, the newest first.
pub async fn newest_dead(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<JobInfo>, DbError> {
    let rows = Entity::find().filter(Column::RunAt.is_null()).order_by_desc(Column::Id).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(JobInfo::from).collect())
}

/// Gives dead jobs their attempts again. How many there were.
pub async fn revive(db: &impl ConnectionTrait, only: Option<i64>, now: DateTime<Utc>) -> Result<u64, DbError> {
    let revived = Entity::update_many()
        .col_expr(Column::RunAt, Expr::value(now))
        .col_expr(Column::Attempts, Expr::value(0))
        .filter(Column::RunAt.is_null())
        .filter(Condition::all().add_option(only.map(|id| Column::Id.eq(id))))
        .exec(db)
        .await?;
    Ok(revived.rows_affected)
}

/// The jobs of one kind in one state.
pub struct Summary {
    pub kind: String,
    pub state: State,
    pub count: i64,
    /// Since when the oldest is due (none if it is to run later), runs or is dead.
    pub oldest: Option<DateTime<Utc>>,
}

pub async fn summarize(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Vec<Summary>, DbError> {
    #[derive(FromQueryResult)]
    struct Row {
        kind: String,
        count: i64,
        oldest: Option<DateTime<Utc>>,
    }
    let mut summaries = Vec::new();
    let changed = Func::coalesce([Expr::col(Column::ChangedAt), Expr::col(Column::EnqueuedAt)]);
    for (state, filter, since) in [
        (State::Dead, Column::RunAt.is_null(), Expr::from(changed.clone())),
        // A lease that is over is a job that waits.
        (State::Running, Column::RunAt.gt(now).and(Column::Claim.is_not_null()), Expr::from(changed)),
        (
            State::Waiting,
            Column::RunAt.lte(now).or(Column::RunAt.gt(now).and(Column::Claim.is_null())),
            Expr::col(Column::RunAt),
        ),
    ] {
        let rows = Entity::find()
            .select_only()
            .column(Column::Kind)
            .column_as(Column::Id.count(), "count")
            .column_as(since.min(), "oldest")
            .filter(filter)
            .group_by(Column::Kind)
            .into_model::<Row>()
            .all(db)
            .await?;
        summaries.extend(rows.into_iter().map(|row| Summary {
            kind: row.kind,
            state,
            count: row.count,
            oldest: row.oldest.filter(|since| *since <= now),
        }));
    }
    Ok(summaries)
}
