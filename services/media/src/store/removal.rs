//! Removing uploads: the row is marked, then the files are deleted, then the row.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    UpdateMany, sea_query::Expr,
};

use super::{
    entity::upload::{ActiveModel, Column, Entity, Model, State},
    uploads::with_poster,
};
use crate::domain::upload::{Status, UploadId};

/// The owner of orphans.
const NO_OWNER: i64 = 0;

/// A removed upload whose files are not deleted yet.
#[derive(Clone, Debug)]
pub struct RemovedUpload {
    pub id: UploadId,
    pub object_key: String,
    pub multipart_id: Option<String>,
}

impl From<Model> for RemovedUpload {
    fn from(row: Model) -> Self {
        Self { id: UploadId(row.id), object_key: row.object_key, multipart_id: row.multipart_id }
    }
}

/// Removes all uploads of a user. Those in progress are aborted by the process that
/// receives them, so that no part is stored after the removal.
pub async fn remove_of_user_in_txn(
    txn: &impl ConnectionTrait,
    owner: UserId,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let of_owner = |state| Condition::all().add(Column::OwnerId.eq(owner.0)).add(Column::State.eq(state));
    set_removed(now).filter(of_owner(State::Stored)).exec(txn).await?;
    // `touched_at` stays the last heartbeat.
    let aborting = Entity::update_many().col_expr(Column::State, Expr::value(State::Aborting));
    aborting.filter(of_owner(State::Receiving)).exec(txn).await?;
    Ok(())
}

/// Whether an upload of a user is still being aborted.
pub async fn has_aborting(db: &impl ConnectionTrait, owner: UserId) -> Result<bool, DbError> {
    let aborting = Entity::find().filter(Column::OwnerId.eq(owner.0)).filter(Column::State.eq(State::Aborting));
    Ok(aborting.one(db).await?.is_some())
}

pub async fn list_removed_of_user(
    db: &impl ConnectionTrait,
    owner: UserId,
    limit: u64,
) -> Result<Vec<RemovedUpload>, DbError> {
    let removed = Entity::find().filter(Column::OwnerId.eq(owner.0)).filter(Column::State.eq(State::Removed));
    Ok(removed.limit(limit).all(db).await?.into_iter().map(RemovedUpload::from).collect())
}

/// Inserts a removed upload for bytes that were stored after their row was deleted.
pub async fn insert_orphan_in_txn(
    txn: &impl ConnectionTrait,
    upload: &RemovedUpload,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(upload.id.0),
        owner_id: Set(NO_OWNER),
        kind: Set(String::new()),
        state: Set(State::Removed),
        content_type: Set(String::new()),
        size_bytes: Set(0),
        sha256: Set(String::new()),
        duration_seconds: Set(0),
        width: Set(0),
        height: Set(0),
        status: Set(Status::Ready.columns().0.to_owned()),
        failure: Set(String::new()),
        object_key: Set(upload.object_key.clone()),
        multipart_id: Set(upload.multipart_id.clone()),
        poster_of: Set(None),
        used_by_kind: Set(None),
        used_by_id: Set(None),
        is_confirmed: Set(false),
        touched_at: Set(now),
        created_at: Set(now),
    };
    Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// Removes a failed upload and its poster.
pub async fn abort_in_txn(
    db: &impl ConnectionTrait,
    id: UploadId,
    now: DateTime<Utc>,
) -> Result<Vec<RemovedUpload>, DbError> {
    let rows = Entity::find().filter(with_poster(id)).all(db).await?;
    let removed: Vec<RemovedUpload> = rows.into_iter().map(RemovedUpload::from).collect();
    mark_removed(db, removed.iter().map(|upload| upload.id), now).await?;
    Ok(removed)
}

pub(super) async fn mark_removed(
    db: &impl ConnectionTrait,
    ids: impl Iterator<Item = UploadId>,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let ids: Vec<i64> = ids.map(|id| id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    set_removed(now).filter(Column::Id.is_in(ids)).exec(db).await?;
    Ok(())
}

fn set_removed(now: DateTime<Utc>) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Removed))
        .col_expr(Column::UsedByKind, Expr::value(None::<String>))
        .col_expr(Column::UsedById, Expr::value(None::<i64>))
        .col_expr(Column::IsConfirmed, Expr::value(false))
        .col_expr(Column::TouchedAt, Expr::value(now))
}

/// Removes uploads in progress without a recent heartbeat.
pub async fn remove_interrupted(
    db: &impl ConnectionTrait,
    last_heartbeat: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<u64, DbError> {
    let incomplete = Column::State.is_in([State::Receiving, State::Aborting]);
    let interrupted = Condition::all().add(incomplete).add(Column::TouchedAt.lt(last_heartbeat));
    Ok(set_removed(now).filter(interrupted).exec(db).await?.rows_affected)
}

/// Removes an upload and its poster if it is still unused. Check and update are one
/// statement, because it may be reserved concurrently.
pub async fn remove_unused_in_txn(
    txn: &impl ConnectionTrait,
    id: UploadId,
    unused_since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let updated = set_removed(now).filter(unused(unused_since)).filter(Column::Id.eq(id.0)).exec(txn).await?;
    if updated.rows_affected == 0 {
        return Ok(false);
    }
    // One that is being written, its writer discards.
    let stored = Column::State.eq(State::Stored);
    set_removed(now).filter(Column::PosterOf.eq(id.0)).filter(stored).exec(txn).await?;
    Ok(true)
}

fn unused(since: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(Column::State.eq(State::Stored))
        .add(Column::UsedById.is_null())
        .add(Column::PosterOf.is_null())
        .add(Column::TouchedAt.lt(since))
}

pub async fn list_unused(
    db: &impl ConnectionTrait,
    since: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<UploadId>, DbError> {
    let rows = Entity::find().filter(unused(since)).order_by_asc(Column::TouchedAt).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(|row| UploadId(row.id)).collect())
}

/// Removed uploads in the order of their ids.
pub async fn list_removed(
    db: &impl ConnectionTrait,
    after: Option<UploadId>,
    limit: u64,
) -> Result<Vec<RemovedUpload>, DbError> {
    let removed = Condition::all().add(Column::State.eq(State::Removed));
    let removed = removed.add_option(after.map(|id| Column::Id.gt(id.0)));
    let rows = Entity::find().filter(removed).order_by_asc(Column::Id).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(RemovedUpload::from).collect())
}

/// Deletes the row of a removed upload.
pub async fn delete_row(db: &impl ConnectionTrait, id: UploadId) -> Result<(), DbError> {
    let removed = Entity::delete_many().filter(Column::Id.eq(id.0)).filter(Column::State.eq(State::Removed));
    removed.exec(db).await?;
    Ok(())
}
