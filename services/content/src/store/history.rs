//! Who watched what, and who wants that kept.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use fenz_chassis::UserId;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select,
    sea_query::{OnConflict, Query},
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

/// What a user wants to be kept.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    enabled: bool,
    cleared_at: Option<DateTime<Utc>>,
}

impl Setting {
    /// Whether what was watched at a moment is.
    pub fn keeps(&self, at: DateTime<Utc>) -> bool {
        self.enabled && self.cleared_at.is_none_or(|cleared| cleared < at)
    }
}

/// What those of these users want who have said so.
pub async fn settings_of(db: &impl ConnectionTrait, users: &HashSet<i64>) -> Result<HashMap<i64, Setting>, DbErr> {
    let of_users = history_setting::Column::UserId.is_in(users.iter().copied());
    let rows = history_setting::Entity::find().filter(of_users).all(db).await?;
    let setting = |row: &history_setting::Model| Setting { enabled: row.enabled, cleared_at: row.cleared_at };
    Ok(rows.iter().map(|row| (row.user_id, setting(row))).collect())
}

/// Notes that a user cleared their history.
pub async fn note_cleared(db: &impl ConnectionTrait, user: UserId, at: DateTime<Utc>) -> Result<(), DbErr> {
    use history_setting::{ActiveModel, Column, Entity};
    let row = ActiveModel { user_id: Set(user.0), enabled: Set(true), cleared_at: Set(Some(at)) };
    let again = OnConflict::column(Column::UserId).update_column(Column::ClearedAt).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(db).await?;
    Ok(())
}

/// Forgets what those of these users watched who are deleted.
pub async fn clear_erased(db: &impl ConnectionTrait, users: &HashSet<i64>) -> Result<(), DbErr> {
    // Kept for all services by `fenz_events::Erasures`.
    let erased = Query::select().column("user_id").from("erased_users").to_owned();
    record::Entity::delete_many()
        .filter(record::Column::UserId.is_in(users.iter().copied()))
        .filter(record::Column::UserId.in_subquery(erased))
        .exec(db)
        .await?;
    Ok(())
}

/// Keeps a history from now on, or none.
pub async fn keep(db: &impl ConnectionTrait, user: UserId, enabled: bool) -> Result<(), DbErr> {
    let row = history_setting::ActiveModel { user_id: Set(user.0), enabled: Set(enabled), cleared_at: NotSet };
    let again =
        OnConflict::column(history_setting::Column::UserId).update_column(history_setting::Column::Enabled).to_owned();
    history_setting::Entity::insert(row).on_conflict(again).exec_without_returning(db).await?;
    Ok(())
}

/// Forgets what a deleted user wanted.
pub async fn forget_setting(db: &impl ConnectionTrait, user: UserId) -> Result<u64, DbErr> {
    Ok(history_setting::Entity::delete_by_id(user.0).exec(db).await?.rows_affected)
}
