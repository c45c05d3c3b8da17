//! Which objects use which uploads.
//!
//! An upload is *reserved* for an object while requests are about to use it, and
//! *confirmed* by the object's event, which names the uploads that the object has.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::{DbError, insert_absent};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};

use super::{
    entity::{
        reservation,
        upload::{Column, Entity, Model, State},
    },
    removal::mark_removed,
    uploads::with_poster,
};
use crate::domain::{
    upload::{Kind, Upload, UploadId},
    upload_use::UploadUse,
};

/// An upload to be reserved.
#[derive(Clone, Copy, Debug)]
pub struct NewReservation {
    pub id: i64,
    pub upload: UploadId,
    pub owner: UserId,
    pub kind: Kind,
    pub used_by: UploadUse,
    pub now: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReserveOutcome {
    Reserved { upload: Upload, poster: Option<UploadId> },
    AlreadyUsed,
    WrongKind(Kind),
    NotFound,
}

pub(super) fn use_of(row: &Model) -> Option<UploadUse> {
    UploadUse::from_columns(row.used_by_kind.as_deref()?, row.used_by_id?)
}

pub(super) fn used_by(used_by: UploadUse) -> Condition {
    let (kind, id) = used_by.columns();
    Condition::all().add(Column::UsedByKind.eq(kind)).add(Column::UsedById.eq(id)).add(Column::State.eq(State::Stored))
}

/// Reserves an upload. Of several objects that want it one gets it.
pub async fn reserve_in_txn(txn: &impl ConnectionTrait, new: NewReservation) -> Result<ReserveOutcome, DbError> {
    let row = Entity::find_by_id(new.upload.0)
        .filter(Column::OwnerId.eq(new.owner.0))
        .filter(Column::State.eq(State::Stored))
        .filter(Column::PosterOf.is_null())
        .lock_exclusive()
        .one(txn)
        .await?;
    let Some(row) = row else { return Ok(ReserveOutcome::NotFound) };
    if row.kind != new.kind.as_str() {
        return Ok(ReserveOutcome::WrongKind(Upload::from(row).kind));
    }
    match use_of(&row) {
        Some(other) if other != new.used_by => return Ok(ReserveOutcome::AlreadyUsed),
        Some(_) => {}
        None => {
            let (kind, id) = new.used_by.columns();
            Entity::update_many()
                .col_expr(Column::UsedByKind, Expr::value(kind))
                .col_expr(Column::UsedById, Expr::value(id))
                .filter(with_poster(new.upload))
                .filter(Column::State.eq(State::Stored))
                .exec(txn)
                .await?;
        }
    }
    let reserved =
        reservation::ActiveModel { id: Set(new.id), upload_id: Set(new.upload.0), reserved_at: Set(new.now) };
    insert_absent(txn, [reserved]).await?;
    let poster = Entity::find().filter(used_by(new.used_by)).filter(Column::PosterOf.eq(new.upload.0)).one(txn).await?;
    Ok(ReserveOutcome::Reserved { upload: row.into(), poster: poster.map(|row| UploadId(row.id)) })
}

/// An upload of a reservation.
pub struct ReservedUpload {
    pub upload: UploadId,
    pub object: UploadUse,
    /// The object's event has confirmed it, before or since.
    pub is_confirmed: bool,
    pub reserved_at: DateTime<Utc>,
}

pub async fn of_reservation(db: &impl ConnectionTrait, reservation: i64) -> Result<Vec<ReservedUpload>, DbError> {
    let rows = reservation::Entity::find().filter(reservation::Column::Id.eq(reservation)).all(db).await?;
    let mut reserved = Vec::new();
    for row in rows {
        let upload = Entity::find_by_id(row.upload_id).one(db).await?;
        let used = upload.and_then(|upload| Some((use_of(&upload)?, upload.is_confirmed)));
        let Some((object, is_confirmed)) = used else { continue };
        let (upload, reserved_at) = (UploadId(row.upload_id), row.reserved_at);
        reserved.push(ReservedUpload { upload, object, is_confirmed, reserved_at });
    }
    Ok(reserved)
}

async fn upload_ids(db: &impl ConnectionTrait, reservation: i64) -> Result<Vec<i64>, DbError> {
    let of_it = reservation::Entity::find().filter(reservation::Column::Id.eq(reservation));
    let ids = of_it.select_only().column(reservation::Column::UploadId).order_by_asc(reservation::Column::UploadId);
    Ok(ids.into_tuple().all(db).await?)
}

/// Releases a reservation's uploads.
pub async fn release_in_txn(txn: &impl ConnectionTrait, reservation: i64, now: DateTime<Utc>) -> Result<(), DbError> {
    for id in upload_ids(txn, reservation).await? {
        release_upload_in_txn(txn, reservation, UploadId(id), now).await?;
    }
    Ok(())
}

/// Releases one of them. Unless something else has reserved or confirmed it, it can be
/// used again, and counts as unused from now on.
pub async fn release_upload_in_txn(
    txn: &impl ConnectionTrait,
    reservation: i64,
    id: UploadId,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    // Waits for whoever reserves it too.
    let row = Entity::find_by_id(id.0).lock_exclusive().one(txn).await?;
    reservation::Entity::delete_by_id((reservation, id.0)).exec(txn).await?;
    if row.is_none_or(|row| row.is_confirmed) || is_reserved(txn, id.0).await? {
        return Ok(());
    }
    Entity::update_many()
        .col_expr(Column::UsedByKind, Expr::value(None::<String>))
        .col_expr(Column::UsedById, Expr::value(None::<i64>))
        .col_expr(Column::TouchedAt, Expr::value(now))
        .filter(with_poster(id))
        .filter(Column::State.eq(State::Stored))
        .exec(txn)
        .await?;
    Ok(())
}

async fn is_reserved(db: &impl ConnectionTrait, upload: i64) -> Result<bool, DbError> {
    let count = reservation::Entity::find().filter(reservation::Column::UploadId.eq(upload)).count(db).await?;
    Ok(count > 0)
}

/// Confirms uploads of an object, each with its poster. One whose reservation was
/// released meanwhile is the object's all the same, unless another has it by now.
pub async fn confirm_in_txn(txn: &impl ConnectionTrait, object: UploadUse, ids: &[UploadId]) -> Result<(), DbError> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let (kind, id) = object.columns();
    let free = Condition::all().add(Column::UsedById.is_null()).add(Column::State.eq(State::Stored));
    Entity::update_many()
        .col_expr(Column::UsedByKind, Expr::value(kind))
        .col_expr(Column::UsedById, Expr::value(id))
        .col_expr(Column::IsConfirmed, Expr::value(true))
        .filter(Condition::any().add(Column::Id.is_in(ids.clone())).add(Column::PosterOf.is_in(ids.clone())))
        .filter(Condition::any().add(free).add(used_by(object)))
        .exec(txn)
        .await?;
    reservation::Entity::delete_many().filter(reservation::Column::UploadId.is_in(ids)).exec(txn).await?;
    Ok(())
}

/// Removes what an object had, except these uploads. What a request has reserved
/// again stays until that ends. Whether there was any.
pub async fn remove_others_in_txn(
    txn: &impl ConnectionTrait,
    object: UploadUse,
    kept: &[UploadId],
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let others = Entity::find()
        .filter(used_by(object))
        .filter(Column::IsConfirmed.eq(true))
        .filter(Column::Id.is_not_in(kept.iter().map(|id| id.0)))
        .all(txn)
        .await?;
    let (mut reserved, mut removed) = (Vec::new(), Vec::new());
    for row in others {
        if is_reserved(txn, row.id).await? { reserved.push(row.id) } else { removed.push(UploadId(row.id)) }
    }
    if !reserved.is_empty() {
        let unconfirmed = Entity::update_many().col_expr(Column::IsConfirmed, Expr::value(false));
        unconfirmed.filter(Column::Id.is_in(reserved)).exec(txn).await?;
    }
    mark_removed(txn, removed.iter().copied(), now).await?;
    Ok(!removed.is_empty())
}

/// Removes everything that a deleted object had or was about to have. Whether there
/// was any.
pub async fn remove_all_in_txn(
    txn: &impl ConnectionTrait,
    object: UploadUse,
    now: DateTime<Utc>,
) -> Result<bool, DbError> {
    let ids: Vec<i64> =
        Entity::find().filter(used_by(object)).select_only().column(Column::Id).into_tuple().all(txn).await?;
    if ids.is_empty() {
        return Ok(false);
    }
    reservation::Entity::delete_many().filter(reservation::Column::UploadId.is_in(ids.clone())).exec(txn).await?;
    mark_removed(txn, ids.into_iter().map(UploadId), now).await?;
    Ok(true)
}
