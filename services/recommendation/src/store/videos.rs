//! The projection: one row per video, of its newest version.

use fenz_core::UserId;
use fenz_database::{DbError, upsert};
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{
    channels,
    entity::{
        video::{ActiveModel, Column, Entity},
        video_tag, video_views, view_hour,
    },
    evictions::{self, Eviction},
    sequence, tags,
};
use crate::domain::{ChannelId, Seq, TagId, Video, VideoId, title_key};

/// Rows per statement: databases limit its parameters.
const ROWS: usize = 500;

/// Stores each video if its version is newer and returns how many were. Ids must
/// be distinct. Takes the next sequence number.
pub async fn upsert_newer_in_txn(
    txn: &impl ConnectionTrait,
    videos: &[Video],
    now: DateTime<Utc>,
) -> Result<usize, DbError> {
    let seq = sequence::next_in_txn(txn).await?;
    let mut applied = 0;
    for videos in videos.chunks(ROWS) {
        let stored = stored_versions(txn, videos).await?;
        let newer = |v: &&Video| stored.get(&v.id).is_none_or(|(version, _)| *version < v.version);
        let newer: Vec<&Video> = videos.iter().filter(newer).collect();
        if newer.is_empty() {
            continue;
        }
        applied += newer.len();
        let invisible = invisible_channels(txn, &newer).await?;
        let is_visible = |v: &Video| v.is_showable() && !invisible.contains(&v.channel_id);
        let removed = replace_tags_in_txn(txn, &newer).await?;
        let was_visible = |v: &Video| stored.get(&v.id).is_some_and(|(_, visible)| *visible);
        let changed = newer.iter().filter(|v| was_visible(v) || is_visible(v)).map(|v| Eviction {
            seq,
            video_id: v.id,
            removed_tags: removed.get(&v.id).cloned().unwrap_or_default(),
            views_only: false,
        });
        evictions::insert_in_txn(txn, changed.collect()).await?;
        let rows: Vec<_> = newer.iter().map(|v| row(v, is_visible(v), seq, now)).collect();
        upsert(txn, rows).await?;
    }
    Ok(applied)
}

/// The stored versions of videos and whether they are visible.
async fn stored_versions(
    txn: &impl ConnectionTrait,
    videos: &[Video],
) -> Result<HashMap<VideoId, (i64, bool)>, DbError> {
    let rows: Vec<(i64, i64, bool)> = Entity::find()
        .select_only()
        .columns([Column::VideoId, Column::Version, Column::IsVisible])
        .filter(Column::VideoId.is_in(videos.iter().map(|v| v.id.0)))
        .into_tuple()
        .all(txn)
        .await?;
    Ok(rows.into_iter().map(|(id, version, visible)| (VideoId(id), (version, visible))).collect())
}

async fn invisible_channels(txn: &impl ConnectionTrait, videos: &[&Video]) -> Result<HashSet<ChannelId>, DbError> {
    let ids: HashSet<ChannelId> = videos.iter().map(|v| v.channel_id).collect();
    let ids: Vec<ChannelId> = ids.into_iter().collect();
    Ok(channels::find_invisible(txn, &ids).await?.into_iter().collect())
}

/// Replaces the tags of videos, ignoring unknown ones. Returns which tags were
/// removed from each video.
async fn replace_tags_in_txn(
    txn: &impl ConnectionTrait,
    videos: &[&Video],
) -> Result<HashMap<VideoId, Vec<TagId>>, DbError> {
    let ids: Vec<VideoId> = videos.iter().map(|v| v.id).collect();
    let mut removed: HashMap<VideoId, Vec<TagId>> = HashMap::new();
    for (video, tag) in tags::find_video_tags(txn, &ids).await? {
        removed.entry(video).or_default().push(tag);
    }
    let requested: HashSet<TagId> = videos.iter().flat_map(|v| v.tag_ids.iter().copied()).collect();
    let requested: Vec<TagId> = requested.into_iter().collect();
    let existing: HashSet<TagId> = tags::find(txn, &requested).await?.into_iter().map(|t| t.id).collect();
    let mut rows = Vec::new();
    for video in videos {
        let mut tag_ids: Vec<TagId> = video.tag_ids.iter().copied().filter(|t| existing.contains(t)).collect();
        tag_ids.sort_unstable();
        tag_ids.dedup();
        if let Some(removed) = removed.get_mut(&video.id) {
            removed.retain(|tag| !tag_ids.contains(tag));
        }
        rows.extend(
            tag_ids.into_iter().map(|tag| video_tag::ActiveModel { tag_id: Set(tag.0), video_id: Set(video.id.0) }),
        );
    }
    video_tag::Entity::delete_many()
        .filter(video_tag::Column::VideoId.is_in(ids.iter().map(|id| id.0)))
        .exec(txn)
        .await?;
    if !rows.is_empty() {
        video_tag::Entity::insert_many(rows).exec_without_returning(txn).await?;
    }
    Ok(removed)
}

fn row(video: &Video, is_visible: bool, seq: Seq, now: DateTime<Utc>) -> ActiveModel {
    ActiveModel {
        video_id: Set(video.id.0),
        change_seq: Set(seq),
        version: Set(video.version),
        channel_id: Set(video.channel_id.0),
        owner_id: Set(video.owner_id.0),
        title: Set(video.title.clone()),
        title_key: Set(title_key(&video.title)),
        description: Set(video.description.clone()),
        category_id: Set(video.category_id.0),
        access_tier: Set(video.access_tier.number()),
        is_published: Set(video.is_published),
        is_hidden: Set(video.is_hidden),
        is_deleted: Set(video.is_deleted),
        is_visible: Set(is_visible),
        duration_seconds: Set(video.duration_seconds),
        thumbnail_upload_id: Set(video.thumbnail_upload_id.0),
        published_at: Set(video.published_at),
        created_at: Set(video.created_at),
        updated_at: Set(now),
    }
}

/// Marks the videos of a renamed tag as changed. Takes the next sequence number.
pub async fn touch_tagged_in_txn(txn: &impl ConnectionTrait, tag: TagId) -> Result<(), DbError> {
    let seq = sequence::next_in_txn(txn).await?;
    touch_in_txn(txn, tag, seq).await
}

async fn touch_in_txn(txn: &impl ConnectionTrait, tag: TagId, seq: Seq) -> Result<(), DbError> {
    let tagged = Query::select()
        .column(video_tag::Column::VideoId)
        .from(video_tag::Entity)
        .and_where(video_tag::Column::TagId.eq(tag.0))
        .to_owned();
    Entity::update_many()
        .col_expr(Column::ChangeSeq, Expr::value(seq))
        .filter(Column::VideoId.in_subquery(tagged))
        .exec(txn)
        .await?;
    Ok(())
}

/// Removes a tag from every video. Takes the next sequence number.
pub async fn remove_tag_in_txn(txn: &impl ConnectionTrait, tag: TagId) -> Result<(), DbError> {
    let seq = sequence::next_in_txn(txn).await?;
    evictions::insert_tag_in_txn(txn, seq, tag).await?;
    touch_in_txn(txn, tag, seq).await?;
    video_tag::Entity::delete_many().filter(video_tag::Column::TagId.eq(tag.0)).exec(txn).await?;
    Ok(())
}

/// Id and version of the videos in an id range that exist and did not change
/// after `not_after`.
pub async fn find_in_range(
    db: &impl ConnectionTrait,
    (after, through): (i64, i64),
    not_after: Seq,
) -> Result<Vec<(VideoId, i64)>, DbError> {
    let query = Entity::find().select_only().columns([Column::VideoId, Column::Version]);
    let rows: Vec<(i64, i64)> = query
        .filter(Column::VideoId.gt(after))
        .filter(Column::VideoId.lte(through))
        .filter(Column::IsDeleted.eq(false))
        .filter(Column::ChangeSeq.lte(not_after))
        .order_by_asc(Column::VideoId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(id, version)| (VideoId(id), version)).collect())
}

/// The ids of some of an owner's videos.
pub async fn find_by_owner(db: &impl ConnectionTrait, owner: UserId, limit: u64) -> Result<Vec<VideoId>, DbError> {
    let query = Entity::find().select_only().column(Column::VideoId);
    let ids = query.filter(Column::OwnerId.eq(owner.0)).limit(limit).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(VideoId).collect())
}

/// Ids of public videos, ascending, of a tag or all.
pub async fn public_ids(
    db: &impl ConnectionTrait,
    tag: Option<TagId>,
    after: VideoId,
    limit: u64,
) -> Result<Vec<VideoId>, DbError> {
    let mut query = Query::select();
    query
        .column((Entity, Column::VideoId))
        .from(Entity)
        .and_where(Column::IsVisible.eq(true))
        .and_where(Column::AccessTier.eq(0))
        .limit(limit);
    match tag {
        None => {
            query.and_where(Column::VideoId.gt(after.0)).order_by((Entity, Column::VideoId), sea_orm::Order::Asc);
        }
        Some(tag) => {
            let same = Expr::col((video_tag::Entity, video_tag::Column::VideoId)).equals((Entity, Column::VideoId));
            query
                .inner_join(video_tag::Entity, same)
                .and_where(video_tag::Column::TagId.eq(tag.0))
                .and_where(video_tag::Column::VideoId.gt(after.0))
                .order_by((video_tag::Entity, video_tag::Column::VideoId), sea_orm::Order::Asc);
        }
    }
    let rows = db.query_all(&query).await?;
    Ok(rows.into_iter().map(|row| row.try_get("", "video_id").map(VideoId)).collect::<Result<_, _>>()?)
}

/// Deletes a batch of tombstones from before a time. Returns whether there are
/// more.
pub async fn prune_deleted(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<bool, DbError> {
    let query = Entity::find().select_only().column(Column::VideoId);
    let old = query.filter(Column::IsDeleted.eq(true)).filter(Column::UpdatedAt.lt(before)).limit(ROWS as u64);
    let ids: Vec<i64> = old.into_tuple().all(db).await?;
    if ids.is_empty() {
        return Ok(false);
    }
    let more = ids.len() == ROWS;
    video_views::Entity::delete_many().filter(video_views::Column::VideoId.is_in(ids.clone())).exec(db).await?;
    view_hour::Entity::delete_many().filter(view_hour::Column::VideoId.is_in(ids.clone())).exec(db).await?;
    Entity::delete_many().filter(Column::VideoId.is_in(ids)).exec(db).await?;
    Ok(more)
}
