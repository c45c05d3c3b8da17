//! Who watched what, and who wants that kept.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use fenz_chassis::UserId;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select, sea_query::OnConflict,
};

use super::{
    entity::{history_setting, video, view_record as record},
    listing,
};
use crate::domain::{VideoId, page::Page};

/// That a user watched a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    pub user: UserId,
    pub video: VideoId,
    pub at: DateTime<Utc>,
}

/// Keeps what was watched, each video of a user once.
pub async fn record(db: &impl ConnectionTrait, watched: &[Watched]) -> Result<(), DbErr> {
    if watched.is_empty() {
        return Ok(());
    }
    let rows = watched.iter().map(|w| record::ActiveModel {
        user_id: Set(w.user.0),
        video_id: Set(w.video.0),
        watched_at: Set(w.at),
    });
    let again = OnConflict::columns([record::Column::UserId, record::Column::VideoId])
        .update_column(record::Column::WatchedAt)
        .to_owned();
    record::Entity::insert_many(rows).on_conflict(again).exec_without_returning(db).await?;
    Ok(())
}

fn since(user: UserId, since: DateTime<Utc>) -> Select<record::Entity> {
    record::Entity::find().filter(record::Column::UserId.eq(user.0)).filter(record::Column::WatchedAt.gte(since))
}

fn latest_first(query: Select<record::Entity>) -> Select<record::Entity> {
    query.order_by_desc(record::Column::WatchedAt).order_by_desc(record::Column::VideoId)
}

/// What a user watched since, the last first, and how much that is. Withheld
/// videos are left out unless `all` are asked for; those that are gone always.
pub async fn page(
    db: &impl ConnectionTrait,
    user: UserId,
    from: DateTime<Utc>,
    all: bool,
    page: Page,
) -> Result<(Vec<Watched>, u64), DbErr> {
    let videos = if all { video::Entity::find() } else { listing::everybodys() };
    let videos = videos.select_only().column(video::Column::Id).into_query();
    let query = since(user, from).filter(record::Column::VideoId.in_subquery(videos));
    let total = query.clone().count(db).await?;
    let rows = latest_first(query).offset(page.offset).limit(page.limit).all(db).await?;
    let watched = rows.into_iter().map(|row| Watched {
        user: UserId(row.user_id),
        video: VideoId(row.video_id),
        at: row.watched_at,
    });
    Ok((watched.collect(), total))
}

/// The videos that a user watched since, the last first.
pub async fn latest(
    db: &impl ConnectionTrait,
    user: UserId,
    from: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<i64>, DbErr> {
    let query = latest_first(since(user, from)).select_only().column(record::Column::VideoId);
    query.limit(limit).into_tuple::<i64>().all(db).await
}

/// Forgets what a user watched.
pub async fn clear(db: &impl ConnectionTrait, user: UserId) -> Result<u64, DbErr> {
    let cleared = record::Entity::delete_many().filter(record::Column::UserId.eq(user.0)).exec(db).await?;
    Ok(cleared.rows_affected)
}

/// Forgets what was watched before.
pub async fn forget_older(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbErr> {
    record::Entity::delete_many().filter(record::Column::WatchedAt.lt(before)).exec(db).await?;
    Ok(())
}

/// Whether a user keeps a history.
pub async fn is_kept(db: &impl ConnectionTrait, user: UserId) -> Result<bool, DbErr> {
    Ok(history_setting::Entity::find_by_id(user.0).one(db).await?.is_none_or(|row| row.enabled))
}

/// Who of these keeps none.
pub async fn without(db: &impl ConnectionTrait, users: HashSet<i64>) -> Result<HashSet<i64>, DbErr> {
    if users.is_empty() {
        return Ok(users);
    }
    let rows = history_setting::Entity::find()
        .filter(history_setting::Column::UserId.is_in(users))
        .filter(history_setting::Column::Enabled.eq(false))
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| row.user_id).collect())
}

/// Keeps a history from now on, or none.
pub async fn keep(db: &impl ConnectionTrait, user: UserId, enabled: bool) -> Result<(), DbErr> {
    let row = history_setting::ActiveModel { user_id: Set(user.0), enabled: Set(enabled) };
    let again =
        OnConflict::column(history_setting::Column::UserId).update_column(history_setting::Column::Enabled).to_owned();
    history_setting::Entity::insert(row).on_conflict(again).exec_without_returning(db).await?;
    Ok(())
}

/// Forgets what a deleted user wanted.
pub async fn forget_setting(db: &impl ConnectionTrait, user: UserId) -> Result<u64, DbErr> {
    Ok(history_setting::Entity::delete_by_id(user.0).exec(db).await?.rows_affected)
}
