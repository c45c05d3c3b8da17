//! Videos with what lists and the search index show of them.

use fenz_core::{CategoryId, Tier, UserId};
use fenz_database::DbError;
use std::collections::HashMap;

use sea_orm::{
    ConnectionTrait, Order, QueryResult,
    sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement},
};

use super::{
    entity::{channel, video, video::Column, video_views},
    tags,
};
use crate::domain::{ChannelId, ListedVideo, Seq, TagId, UploadId, Video, VideoId};

/// A position in the order of changes: everything before `seq`, and of `seq`
/// itself the videos up to `video_id`. Several videos can share a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub seq: Seq,
    pub video_id: VideoId,
}

impl Cursor {
    /// The position after everything that has this number.
    pub fn end_of(seq: Seq) -> Self {
        Self { seq, video_id: VideoId(i64::MAX) }
    }
}

fn video_column(name: Column) -> Expr {
    Expr::col((video::Entity, name))
}

fn select() -> SelectStatement {
    let channel = Expr::col((channel::Entity, channel::Column::ChannelId)).eq(video_column(Column::ChannelId));
    let views = Expr::col((video_views::Entity, video_views::Column::VideoId)).eq(video_column(Column::VideoId));
    Query::select()
        .columns([
            (video::Entity, Column::VideoId),
            (video::Entity, Column::ChangeSeq),
            (video::Entity, Column::Version),
            (video::Entity, Column::ChannelId),
            (video::Entity, Column::OwnerId),
            (video::Entity, Column::Title),
            (video::Entity, Column::Description),
            (video::Entity, Column::CategoryId),
            (video::Entity, Column::AccessTier),
            (video::Entity, Column::IsPublished),
            (video::Entity, Column::IsHidden),
            (video::Entity, Column::IsDeleted),
            (video::Entity, Column::IsVisible),
            (video::Entity, Column::DurationSeconds),
            (video::Entity, Column::ThumbnailUploadId),
            (video::Entity, Column::PublishedAt),
            (video::Entity, Column::CreatedAt),
        ])
        .expr_as(Expr::col((channel::Entity, channel::Column::Name)), "channel_name")
        .expr_as(Expr::col((video_views::Entity, video_views::Column::Total)), "views")
        .expr_as(Expr::col((video_views::Entity, video_views::Column::ChangeSeq)), "views_seq")
        .from(video::Entity)
        .left_join(channel::Entity, channel)
        .left_join(video_views::Entity, views)
        .to_owned()
}

/// These videos in no particular order, tombstones included.
pub async fn find(db: &impl ConnectionTrait, ids: &[VideoId]) -> Result<Vec<ListedVideo>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = select();
    query.and_where(video_column(Column::VideoId).is_in(ids.iter().map(|id| id.0)));
    fetch(db, query).await
}

/// Public videos below an id, by descending id.
pub async fn newest_public(
    db: &impl ConnectionTrait,
    before: VideoId,
    limit: u64,
) -> Result<Vec<ListedVideo>, DbError> {
    let mut query = select();
    query
        .and_where(video_column(Column::VideoId).lt(before.0))
        .and_where(video_column(Column::IsVisible).eq(true))
        .and_where(video_column(Column::AccessTier).eq(0))
        .order_by((video::Entity, Column::VideoId), Order::Desc)
        .limit(limit);
    fetch(db, query).await
}

/// The videos that changed after a position, in order; tombstones and
/// invisible videos included.
pub async fn changed_after(db: &impl ConnectionTrait, after: Cursor, limit: u64) -> Result<Vec<ListedVideo>, DbError> {
    let same = video_column(Column::ChangeSeq).eq(after.seq).and(video_column(Column::VideoId).gt(after.video_id.0));
    let mut query = select();
    query
        // Redundant, but lets the database start at this key of the index.
        .and_where(video_column(Column::ChangeSeq).gte(after.seq))
        .cond_where(Condition::any().add(video_column(Column::ChangeSeq).gt(after.seq)).add(same))
        .order_by((video::Entity, Column::ChangeSeq), Order::Asc)
        .order_by((video::Entity, Column::VideoId), Order::Asc)
        .limit(limit);
    fetch(db, query).await
}

async fn fetch(db: &impl ConnectionTrait, query: SelectStatement) -> Result<Vec<ListedVideo>, DbError> {
    let rows = db.query_all(&query).await?;
    let mut videos = rows.iter().map(from_row).collect::<Result<Vec<_>, DbError>>()?;
    let ids: Vec<VideoId> = videos.iter().map(|v| v.video.id).collect();
    let mut tags_of: HashMap<VideoId, Vec<TagId>> = HashMap::new();
    for (video, tag) in tags::find_video_tags(db, &ids).await? {
        tags_of.entry(video).or_default().push(tag);
    }
    for video in &mut videos {
        video.video.tag_ids = tags_of.remove(&video.video.id).unwrap_or_default();
    }
    Ok(videos)
}

fn from_row(row: &QueryResult) -> Result<ListedVideo, DbError> {
    let change_seq: Seq = row.try_get("", "change_seq")?;
    let views_seq: Option<Seq> = row.try_get("", "views_seq")?;
    let video = Video {
        id: VideoId(row.try_get("", "video_id")?),
        channel_id: ChannelId(row.try_get("", "channel_id")?),
        owner_id: UserId(row.try_get("", "owner_id")?),
        title: row.try_get("", "title")?,
        description: row.try_get("", "description")?,
        category_id: CategoryId(row.try_get("", "category_id")?),
        tag_ids: Vec::new(),
        access_tier: Tier::from_number(row.try_get("", "access_tier")?),
        is_published: row.try_get("", "is_published")?,
        is_hidden: row.try_get("", "is_hidden")?,
        is_deleted: row.try_get("", "is_gone")?,
        duration_seconds: row.try_get("", "duration_seconds")?,
        thumbnail_upload_id: UploadId(row.try_get("", "thumbnail_upload_id")?),
        published_at: row.try_get("", "published_at")?,
        created_at: row.try_get("", "created_at")?,
        version: row.try_get("", "version")?,
    };
    Ok(ListedVideo {
        video,
        channel_name: row.try_get::<Option<String>>("", "channel_name")?.unwrap_or_default(),
        views: row.try_get::<Option<i64>>("", "views")?.unwrap_or_default(),
        is_visible: row.try_get("", "is_visible")?,
        change_seq,
        revision: Ord::max(change_seq, views_seq.unwrap_or_default()),
    })
}
