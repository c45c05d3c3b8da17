//! Taking jobs that are due.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use fenz_database::DbError;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, LockBehavior, LockType},
};

use super::entity::{Column, Entity};

/// Jobs that one statement looks at.
const BATCH: u64 = 32;

/// A job that an attempt holds.
pub struct Claimed {
    pub id: i64,
    pub kind: String,
    pub payload: String,
    pub claim: String,
    /// This one included.
    pub attempts: u32,
}

/// Who claims what.
pub struct Claimant<'a> {
    /// Unique to this call.
    pub token: &'a str,
    pub now: DateTime<Utc>,
    pub lease_ends: DateTime<Utc>,
    /// How many jobs of each kind.
    pub free: HashMap<&'static str, usize>,
}

/// Claims jobs that are due, by priority and age. Replicas do not wait for each other: each
/// skips what another is about to claim.
pub async fn claim_due_in_txn(txn: &impl ConnectionTrait, mut claimant: Claimant<'_>) -> Result<Vec<Claimed>, DbError> {
    let kinds: Vec<_> = claimant.free.iter().filter(|(_, free)| **free > 0).map(|(kind, _)| *kind).collect();
    let rows = Entity::find()
        .filter(Column::RunAt.lte(claimant.now))
        .filter(Column::Kind.is_in(kinds))
        .order_by_asc(Column::Priority)
        .order_by_asc(Column::RunAt)
        .limit(BATCH)
        // SQLite, which has one writer at a time, has no such lock.
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(txn)
        .await?;
    let mut claimed = Vec::new();
    for row in rows {
        let Some(free) = claimant.free.get_mut(row.kind.as_str()).filter(|free| **free > 0) else { continue };
        *free -= 1;
        claimed.push(Claimed {
            id: row.id,
            kind: row.kind,
            payload: row.payload,
            claim: claimant.token.to_owned(),
            attempts: row.attempts.cast_unsigned() + 1,
        });
    }
    if !claimed.is_empty() {
        Entity::update_many()
            .col_expr(Column::Claim, Expr::value(claimant.token))
            .col_expr(Column::RunAt, Expr::value(claimant.lease_ends))
            .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
            .col_expr(Column::Progress, Expr::value(0))
            .col_expr(Column::ChangedAt, Expr::value(claimant.now))
            .filter(Column::Id.is_in(claimed.iter().map(|job| job.id)))
            .exec(txn)
            .await?;
    }
    Ok(claimed)
}

/// Whether a job of these kinds is due.
pub async fn is_due(db: &impl ConnectionTrait, kinds: &[&'static str], now: DateTime<Utc>) -> Result<bool, DbError> {
    let due = Entity::find().filter(Column::RunAt.lte(now)).filter(Column::Kind.is_in(kinds.iter().copied()));
    Ok(due.select_only().column(Column::Id).limit(1).into_tuple::<i64>().one(db).await?.is_some())
}

/// When the next job is due that is not yet.
pub async fn next_due(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, DbError> {
    let later = Entity::find().filter(Column::RunAt.gt(now)).order_by_asc(Column::RunAt);
    Ok(later.select_only().column(Column::RunAt).limit(1).into_tuple().one(db).await?)
}
