//! The end of uploads: first the row says so, then the files go, then the row.

use chrono::{DateTime, Utc};
use fenz_chassis::UserId;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, UpdateMany, sea_query::Expr,
};

use super::{
    entity::upload::{ActiveModel, Column, Entity, Model, State},
    uploads::this_or_its_poster,
};
use crate::domain::upload::UploadId;

/// Whose leftovers without an owner are.
const NOBODY: i64 = 0;

/// Files that are to be removed.
#[derive(Clone, Debug)]
pub struct Leftover {
    pub id: UploadId,
    pub object_key: String,
    pub multipart_id: Option<String>,
}

impl From<Model> for Leftover {
    fn from(row: Model) -> Self {
        Self { id: UploadId(row.id), object_key: row.object_key, multipart_id: row.multipart_id }
    }
}

/// Ends the life of all uploads of a user. Those that are under way are ended by
/// whoever takes them in, so that nothing comes after the removal.
pub async fn end_of_in_txn(txn: &impl ConnectionTrait, owner: UserId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let of_owner = |state| Condition::all().add(Column::OwnerId.eq(owner.0)).add(Column::State.eq(state));
    gone(now).filter(of_owner(State::Stored)).exec(txn).await?;
    // Its time stays: the last that its receiver said that it is there.
    let ending = Entity::update_many().col_expr(Column::State, Expr::value(State::Ending));
    ending.filter(of_owner(State::Receiving)).exec(txn).await?;
    Ok(())
}

/// Whether an upload of a user has still to be ended by whoever takes it in.
pub async fn is_ending(db: &impl ConnectionTrait, owner: UserId) -> Result<bool, DbErr> {
    let ending = Entity::find().filter(Column::OwnerId.eq(owner.0)).filter(Column::State.eq(State::Ending));
    Ok(ending.one(db).await?.is_some())
}

/// Some uploads of a user whose files are still to be removed.
pub async fn find_gone_of(db: &impl ConnectionTrait, owner: UserId, limit: u64) -> Result<Vec<Leftover>, DbErr> {
    let gone = Entity::find().filter(Column::OwnerId.eq(owner.0)).filter(Column::State.eq(State::Gone));
    Ok(gone.limit(limit).all(db).await?.into_iter().map(Leftover::from).collect())
}

/// Keeps in mind what is to be removed of an upload whose row is gone already:
/// its bytes came after that.
pub async fn put_leftover_in_txn(
    txn: &impl ConnectionTrait,
    leftover: &Leftover,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: Set(leftover.id.0),
        owner_id: Set(NOBODY),
        kind: Set(String::new()),
        state: Set(State::Gone),
        content_type: Set(String::new()),
        size_bytes: Set(0),
        sha256: Set(String::new()),
        duration_seconds: Set(0),
        width: Set(0),
        height: Set(0),
        object_key: Set(leftover.object_key.clone()),
        multipart_id: Set(leftover.multipart_id.clone()),
        poster_of: Set(None),
        claim: Set(None),
        touched_at: Set(now),
        created_at: Set(now),
    };
    Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

/// Ends the life of an upload that did not come through, and of its frame.
pub async fn give_up(db: &impl ConnectionTrait, id: UploadId, now: DateTime<Utc>) -> Result<Vec<Leftover>, DbErr> {
    let rows = Entity::find().filter(this_or_its_poster(id)).all(db).await?;
    let leftovers: Vec<Leftover> = rows.into_iter().map(Leftover::from).collect();
    mark_gone(db, leftovers.iter().map(|l| l.id), now).await?;
    Ok(leftovers)
}

pub(super) async fn mark_gone(
    db: &impl ConnectionTrait,
    ids: impl Iterator<Item = UploadId>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let ids: Vec<i64> = ids.map(|id| id.0).collect();
    if ids.is_empty() {
        return Ok(());
    }
    gone(now).filter(Column::Id.is_in(ids)).exec(db).await?;
    Ok(())
}

fn gone(now: DateTime<Utc>) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(State::Gone))
        .col_expr(Column::Claim, Expr::value(None::<String>))
        .col_expr(Column::TouchedAt, Expr::value(now))
}

/// Ends the life of uploads that nobody works on any more.
pub async fn end_interrupted(
    db: &impl ConnectionTrait,
    silent_since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let incomplete = Column::State.is_in([State::Receiving, State::Ending]);
    let interrupted = Condition::all().add(incomplete).add(Column::TouchedAt.lt(silent_since));
    Ok(gone(now).filter(interrupted).exec(db).await?.rows_affected)
}

/// Ends the life of one upload, and its frame, if nothing uses it yet. The check
/// and the change are one statement: a claim may come at the same moment.
pub async fn end_unused_in_txn(
    txn: &impl ConnectionTrait,
    id: UploadId,
    unused_since: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let ended = gone(now).filter(unused(unused_since)).filter(Column::Id.eq(id.0)).exec(txn).await?;
    if ended.rows_affected == 0 {
        return Ok(false);
    }
    gone(now).filter(Column::PosterOf.eq(id.0)).exec(txn).await?;
    Ok(true)
}

fn unused(since: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(Column::State.eq(State::Stored))
        .add(Column::Claim.is_null())
        .add(Column::PosterOf.is_null())
        .add(Column::TouchedAt.lt(since))
}

/// Some uploads that nothing has used for long.
pub async fn find_unused(db: &impl ConnectionTrait, since: DateTime<Utc>, limit: u64) -> Result<Vec<UploadId>, DbErr> {
    let rows = Entity::find().filter(unused(since)).order_by_asc(Column::TouchedAt).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(|row| UploadId(row.id)).collect())
}

/// Some uploads whose files are still to be removed, in the order of their ids.
pub async fn find_gone(db: &impl ConnectionTrait, after: Option<UploadId>, limit: u64) -> Result<Vec<Leftover>, DbErr> {
    let gone = Condition::all().add(Column::State.eq(State::Gone));
    let gone = gone.add_option(after.map(|id| Column::Id.gt(id.0)));
    let rows = Entity::find().filter(gone).order_by_asc(Column::Id).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(Leftover::from).collect())
}

/// Forgets an upload whose files are removed.
pub async fn forget(db: &impl ConnectionTrait, id: UploadId) -> Result<(), DbErr> {
    let gone = Entity::delete_many().filter(Column::Id.eq(id.0)).filter(Column::State.eq(State::Gone));
    gone.exec(db).await?;
    Ok(())
}
