//! Videos with what lists and the index need of them.

use std::collections::HashMap;

use sea_orm::{
    ConnectionTrait, DbErr, Order, QueryResult,
    sea_query::{Condition, Expr, ExprTrait, Query, SelectStatement},
};

use super::{
    entity::{channel, video, video::Column, video_views},
    tags,
};
use crate::domain::{Listed, Seq, Video};

/// How far somebody has followed the changes: all up to this place, and of the
/// place itself all videos up to this id. A place may have several videos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    pub seq: Seq,
    pub video_id: i64,
}

impl Cursor {
    /// Behind everything of a place.
    pub fn behind(seq: Seq) -> Self {
        Self { seq, video_id: i64::MAX }
    }
}

fn of_videos(name: Column) -> Expr {
    Expr::col((video::Entity, name))
}

fn select() -> SelectStatement {
    let channel = Expr::col((channel::Entity, channel::Column::ChannelId)).eq(of_videos(Column::ChannelId));
    let views = Expr::col((video_views::Entity, video_views::Column::VideoId)).eq(of_videos(Column::VideoId));
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
            (video::Entity, Column::IsGone),
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

/// These videos, gone ones too, in no order.
pub async fn of(db: &impl ConnectionTrait, ids: &[i64]) -> Result<Vec<Listed>, DbErr> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = select();
    query.and_where(of_videos(Column::VideoId).is_in(ids.iter().copied()));
    read(db, query).await
}

/// Public videos by descending id, below one.
pub async fn newest_public(db: &impl ConnectionTrait, before: i64, limit: u64) -> Result<Vec<Listed>, DbErr> {
    let mut query = select();
    query
        .and_where(of_videos(Column::VideoId).lt(before))
        .and_where(of_videos(Column::IsVisible).eq(true))
        .and_where(of_videos(Column::AccessTier).eq(0))
        .order_by((video::Entity, Column::VideoId), Order::Desc)
        .limit(limit);
    read(db, query).await
}

/// What changed after, in order; gone and invisible videos too.
pub async fn changed_after(db: &impl ConnectionTrait, after: Cursor, limit: u64) -> Result<Vec<Listed>, DbErr> {
    let same = of_videos(Column::ChangeSeq).eq(after.seq).and(of_videos(Column::VideoId).gt(after.video_id));
    let mut query = select();
    query
        // Says nothing new, but what the index of changes can begin at.
        .and_where(of_videos(Column::ChangeSeq).gte(after.seq))
        .cond_where(Condition::any().add(of_videos(Column::ChangeSeq).gt(after.seq)).add(same))
        .order_by((video::Entity, Column::ChangeSeq), Order::Asc)
        .order_by((video::Entity, Column::VideoId), Order::Asc)
        .limit(limit);
    read(db, query).await
}

async fn read(db: &impl ConnectionTrait, query: SelectStatement) -> Result<Vec<Listed>, DbErr> {
    let rows = db.query_all(&query).await?;
    let mut listed = rows.iter().map(one).collect::<Result<Vec<_>, DbErr>>()?;
    let ids: Vec<i64> = listed.iter().map(|l| l.video.id).collect();
    let mut tags_of: HashMap<i64, Vec<i64>> = HashMap::new();
    for (video, tag) in tags::of_videos(db, &ids).await? {
        tags_of.entry(video).or_default().push(tag);
    }
    for listed in &mut listed {
        listed.video.tag_ids = tags_of.remove(&listed.video.id).unwrap_or_default();
    }
    Ok(listed)
}

fn one(row: &QueryResult) -> Result<Listed, DbErr> {
    let change_seq: Seq = row.try_get("", "change_seq")?;
    let views_seq: Option<Seq> = row.try_get("", "views_seq")?;
    let video = Video {
        id: row.try_get("", "video_id")?,
        channel_id: row.try_get("", "channel_id")?,
        owner_id: row.try_get("", "owner_id")?,
        title: row.try_get("", "title")?,
        description: row.try_get("", "description")?,
        category_id: row.try_get("", "category_id")?,
        tag_ids: Vec::new(),
        access_tier: row.try_get("", "access_tier")?,
        is_published: row.try_get("", "is_published")?,
        is_hidden: row.try_get("", "is_hidden")?,
        is_gone: row.try_get("", "is_gone")?,
        duration_seconds: row.try_get("", "duration_seconds")?,
        thumbnail_upload_id: row.try_get("", "thumbnail_upload_id")?,
        published_at: row.try_get("", "published_at")?,
        created_at: row.try_get("", "created_at")?,
        version: row.try_get("", "version")?,
    };
    Ok(Listed {
        video,
        channel_name: row.try_get::<Option<String>>("", "channel_name")?.unwrap_or_default(),
        views: row.try_get::<Option<i64>>("", "views")?.unwrap_or_default(),
        is_visible: row.try_get("", "is_visible")?,
        change_seq,
        stamp: Ord::max(change_seq, views_seq.unwrap_or_default()),
    })
}
