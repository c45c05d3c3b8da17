//! Watch history and its settings.

use fenz_core::UserId;
use fenz_database::DbError;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select,
    sea_query::{OnConflict, Query},
};

use super::{
    entity::{history_setting, video, view_record as record},
    listing,
};
use crate::domain::{VideoId, page::Page};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchRecord {
    pub user: UserId,
    pub video: VideoId,
    pub at: DateTime<Utc>,
}

/// One row per user and video, with the time of the last record.
pub async fn upsert(db: &impl ConnectionTrait, watched: &[WatchRecord]) -> Result<(), DbError> {
    let rows = watched.iter().map(|w| record::ActiveModel {
        user_id: Set(w.user.0),
        video_id: Set(w.video.0),
        watched_at: Set(w.at),
    });
    fenz_database::upsert(db, rows.collect::<Vec<_>>()).await
}

fn since(user: UserId, since: DateTime<Utc>) -> Select<record::Entity> {
    record::Entity::find().filter(record::Column::UserId.eq(user.0)).filter(record::Column::WatchedAt.gte(since))
}

fn latest_first(query: Select<record::Entity>) -> Select<record::Entity> {
    query.order_by_desc(record::Column::WatchedAt).order_by_desc(record::Column::VideoId)
}

/// What a user watched since `from`, the latest first, and the total. Without deleted
/// videos, and without those that are not public unless `all`.
pub async fn page(
    db: &DatabaseConnection,
    user: UserId,
    from: DateTime<Utc>,
    all: bool,
    page: Page,
) -> Result<(Vec<WatchRecord>, u64), DbError> {
    let videos = if all { video::Entity::find() } else { listing::public_query() };
    let videos = videos.select_only().column(video::Column::Id).into_query();
    let query = since(user, from).filter(record::Column::VideoId.in_subquery(videos));
    let (rows, total) = fenz_database::page(db, latest_first(query).into_model::<record::Model>(), page).await?;
    let watched = rows.into_iter().map(|row| WatchRecord {
        user: UserId(row.user_id),
        video: VideoId(row.video_id),
        at: row.watched_at,
    });
    Ok((watched.collect(), total))
}

/// The videos that a user watched since `from`, the latest first.
pub async fn latest(
    db: &impl ConnectionTrait,
    user: UserId,
    from: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<VideoId>, DbError> {
    let query = latest_first(since(user, from)).select_only().column(record::Column::VideoId);
    let ids = query.limit(limit).into_tuple::<i64>().all(db).await?;
    Ok(ids.into_iter().map(VideoId).collect())
}

pub async fn clear(db: &impl ConnectionTrait, user: UserId) -> Result<u64, DbError> {
    let cleared = record::Entity::delete_many().filter(record::Column::UserId.eq(user.0)).exec(db).await?;
    Ok(cleared.rows_affected)
}

pub async fn delete_older(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbError> {
    record::Entity::delete_many().filter(record::Column::WatchedAt.lt(before)).exec(db).await?;
    Ok(())
}

pub async fn is_enabled(db: &impl ConnectionTrait, user: UserId) -> Result<bool, DbError> {
    Ok(history_setting::Entity::find_by_id(user.0).one(db).await?.is_none_or(|row| row.enabled))
}

#[derive(Clone, Copy, Debug)]
pub struct Setting {
    enabled: bool,
    cleared_at: Option<DateTime<Utc>>,
}

impl Setting {
    /// Whether a video watched at that time is recorded.
    pub fn records(&self, at: DateTime<Utc>) -> bool {
        self.enabled && self.cleared_at.is_none_or(|cleared| cleared < at)
    }
}

/// The settings of these users, as far as they are stored.
pub async fn settings_of(
    db: &impl ConnectionTrait,
    users: &HashSet<UserId>,
) -> Result<HashMap<UserId, Setting>, DbError> {
    let of_users = history_setting::Column::UserId.is_in(users.iter().map(|user| user.0));
    let rows = history_setting::Entity::find().filter(of_users).all(db).await?;
    let setting = |row: &history_setting::Model| Setting { enabled: row.enabled, cleared_at: row.cleared_at };
    Ok(rows.iter().map(|row| (UserId(row.user_id), setting(row))).collect())
}

/// Records up to then are not stored any more.
pub async fn set_cleared_at(db: &impl ConnectionTrait, user: UserId, at: DateTime<Utc>) -> Result<(), DbError> {
    use history_setting::{ActiveModel, Column, Entity};
    let row = ActiveModel { user_id: Set(user.0), enabled: Set(true), cleared_at: Set(Some(at)) };
    let exists = OnConflict::column(Column::UserId).update_column(Column::ClearedAt).to_owned();
    Entity::insert(row).on_conflict(exists).exec_without_returning(db).await?;
    Ok(())
}

/// Clears the history of those of these users who are erased.
pub async fn clear_erased(db: &impl ConnectionTrait, users: &HashSet<UserId>) -> Result<(), DbError> {
    // The table of `fenz_events::ErasureRunner`.
    let erased = Query::select().column("user_id").from("erased_users").to_owned();
    record::Entity::delete_many()
        .filter(record::Column::UserId.is_in(users.iter().map(|user| user.0)))
        .filter(record::Column::UserId.in_subquery(erased))
        .exec(db)
        .await?;
    Ok(())
}

pub async fn set_enabled(db: &impl ConnectionTrait, user: UserId, enabled: bool) -> Result<(), DbError> {
    let row = history_setting::ActiveModel { user_id: Set(user.0), enabled: Set(enabled), cleared_at: NotSet };
    fenz_database::upsert(db, [row]).await
}

pub async fn delete_settings(db: &impl ConnectionTrait, user: UserId) -> Result<u64, DbError> {
    Ok(history_setting::Entity::delete_by_id(user.0).exec(db).await?.rows_affected)
}
