//! The queue of changes that Redis does not reflect yet. It is written in the
//! transaction of the change, so that none is lost while Redis is unavailable.

use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

use super::entity::{
    eviction::{ActiveModel, Column, Entity},
    video, video_tag,
};
use crate::domain::{ChannelId, Seq, TagId, VideoId};

/// A changed video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    pub seq: Seq,
    pub video_id: VideoId,
    /// Tags that were removed from the video.
    pub removed_tags: Vec<TagId>,
    /// Only its view count changed.
    pub views_only: bool,
}

pub async fn insert_in_txn(txn: &impl ConnectionTrait, evictions: Vec<Eviction>) -> Result<(), DbError> {
    if evictions.is_empty() {
        return Ok(());
    }
    let rows = evictions.into_iter().map(|e| ActiveModel {
        seq: Set(e.seq),
        video_id: Set(e.video_id.0),
        lost_tags: Set(e.removed_tags.iter().map(TagId::to_string).collect::<Vec<_>>().join(",")),
        views_only: Set(e.views_only),
    });
    Entity::insert_many(rows).exec_without_returning(txn).await?;
    Ok(())
}

/// All showable videos of a channel.
pub async fn insert_channel_in_txn(txn: &impl ConnectionTrait, seq: Seq, channel: ChannelId) -> Result<(), DbError> {
    let videos = Query::select()
        .column(video::Column::VideoId)
        .from(video::Entity)
        .and_where(Expr::col(video::Column::ChannelId).eq(channel.0))
        .and_where(Expr::col(video::Column::IsPublished).eq(true))
        .and_where(Expr::col(video::Column::IsHidden).eq(false))
        .and_where(Expr::col(video::Column::IsDeleted).eq(false))
        .to_owned();
    insert_select_in_txn(txn, seq, "", videos).await
}

/// All videos with a tag that is being deleted.
pub async fn insert_tag_in_txn(txn: &impl ConnectionTrait, seq: Seq, tag: TagId) -> Result<(), DbError> {
    let videos = Query::select()
        .column(video_tag::Column::VideoId)
        .from(video_tag::Entity)
        .and_where(Expr::col(video_tag::Column::TagId).eq(tag.0))
        .to_owned();
    insert_select_in_txn(txn, seq, &tag.to_string(), videos).await
}

async fn insert_select_in_txn(
    txn: &impl ConnectionTrait,
    seq: Seq,
    removed_tags: &str,
    mut videos: SelectStatement,
) -> Result<(), DbError> {
    videos.expr(Expr::val(seq)).expr(Expr::val(removed_tags)).expr(Expr::val(false));
    let mut insert = Query::insert();
    insert
        .into_table(Entity)
        .columns([Column::VideoId, Column::Seq, Column::LostTags, Column::ViewsOnly])
        .select_from(videos)
        .map_err(|error| DbError::malformed(error.to_string()))?;
    txn.execute(&insert).await?;
    Ok(())
}

/// The oldest entries.
pub async fn oldest(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Eviction>, DbError> {
    let query = Entity::find().order_by_asc(Column::Seq).order_by_asc(Column::VideoId).limit(limit);
    let tags = |text: &str| text.split(',').filter_map(|tag| tag.parse().ok().map(TagId)).collect();
    let rows = query.all(db).await?;
    Ok(rows
        .into_iter()
        .map(|row| Eviction {
            seq: row.seq,
            video_id: VideoId(row.video_id),
            removed_tags: tags(&row.lost_tags),
            views_only: row.views_only,
        })
        .collect())
}

/// Deletes the entries up to this one. New entries always sort after it.
pub async fn delete_through(db: &impl ConnectionTrait, last: &Eviction) -> Result<(), DbError> {
    let same = Condition::all().add(Column::Seq.eq(last.seq)).add(Column::VideoId.lte(last.video_id.0));
    Entity::delete_many().filter(Condition::any().add(Column::Seq.lt(last.seq)).add(same)).exec(db).await?;
    Ok(())
}
