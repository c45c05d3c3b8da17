//! View totals and hourly views. The id of each flush is stored, so that a retry adds
//! nothing.

use fenz_database::DbError;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::entity::{video, view_flush, view_hour};
use crate::domain::{VideoId, Views};

/// Ids per query.
const BATCH_SIZE: usize = 500;

/// Fails with a duplicate key when the flush was applied before.
pub async fn insert_flush_in_txn(txn: &impl ConnectionTrait, id: i64, now: DateTime<Utc>) -> Result<(), DbError> {
    let row = view_flush::ActiveModel { id: Set(id), flushed_at: Set(now) };
    view_flush::Entity::insert(row).exec_without_returning(txn).await?;
    Ok(())
}

pub async fn is_flushed(db: &impl ConnectionTrait, id: i64) -> Result<bool, DbError> {
    Ok(view_flush::Entity::find_by_id(id).one(db).await?.is_some())
}

/// Adds views to a video's totals. False when the video does not exist.
pub async fn add_in_txn(txn: &impl ConnectionTrait, id: VideoId, more: Views) -> Result<bool, DbError> {
    use video::Column as C;
    let added = video::Entity::update_many()
        .col_expr(C::ViewsMember, Expr::col(C::ViewsMember).add(more.member))
        .col_expr(C::ViewsNonMember, Expr::col(C::ViewsNonMember).add(more.other))
        .filter(C::Id.eq(id.0))
        .exec(txn)
        .await?;
    Ok(added.rows_affected > 0)
}

/// Adds views to an hour of a video.
pub async fn add_hour_in_txn(txn: &impl ConnectionTrait, id: VideoId, hour: i64, more: Views) -> Result<(), DbError> {
    use view_hour::{ActiveModel, Column as C, Entity};
    let row =
        ActiveModel { video_id: Set(id.0), hour: Set(hour), member: Set(more.member), non_member: Set(more.other) };
    let plus = |column: C, n: i64| Expr::col((Entity, column)).add(n);
    let more = OnConflict::columns([C::VideoId, C::Hour])
        .value(C::Member, plus(C::Member, more.member))
        .value(C::NonMember, plus(C::NonMember, more.other))
        .to_owned();
    Entity::insert(row).on_conflict(more).exec_without_returning(txn).await?;
    Ok(())
}

pub async fn totals(db: &impl ConnectionTrait, ids: &[VideoId]) -> Result<HashMap<VideoId, Views>, DbError> {
    use video::Column as C;
    let mut totals = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(BATCH_SIZE) {
        let rows = video::Entity::find()
            .select_only()
            .columns([C::Id, C::ViewsMember, C::ViewsNonMember])
            .filter(C::Id.is_in(ids.iter().map(|id| id.0)))
            .into_tuple::<(i64, i64, i64)>()
            .all(db)
            .await?;
        totals.extend(rows.into_iter().map(|(id, member, other)| (VideoId(id), Views { member, other })));
    }
    Ok(totals)
}

pub async fn delete_hours(db: &impl ConnectionTrait, id: VideoId) -> Result<(), DbError> {
    view_hour::Entity::delete_many().filter(view_hour::Column::VideoId.eq(id.0)).exec(db).await?;
    Ok(())
}

/// Deletes old hours, and old flushes, which are not retried any more.
pub async fn delete_older(db: &impl ConnectionTrait, hour: i64, flushes: DateTime<Utc>) -> Result<(), DbError> {
    view_hour::Entity::delete_many().filter(view_hour::Column::Hour.lt(hour)).exec(db).await?;
    view_flush::Entity::delete_many().filter(view_flush::Column::FlushedAt.lt(flushes)).exec(db).await?;
    Ok(())
}
