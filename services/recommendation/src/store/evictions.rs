//! The cleanup queue: changes that the cache has not heard of. Written in the
//! transaction of the change, so that a cache that is away loses none.

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

use super::entity::{
    eviction::{ActiveModel, Column, Entity},
    video, video_tag,
};
use crate::domain::Seq;

/// A video that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    pub seq: Seq,
    pub video_id: i64,
    /// Tags that the video had before.
    pub lost_tags: Vec<i64>,
    /// Nothing but its views changed.
    pub views_only: bool,
}

pub async fn insert_in_txn(txn: &impl ConnectionTrait, evictions: Vec<Eviction>) -> Result<(), DbErr> {
    if evictions.is_empty() {
        return Ok(());
    }
    let rows = evictions.into_iter().map(|e| ActiveModel {
        seq: Set(e.seq),
        video_id: Set(e.video_id),
        lost_tags: Set(e.lost_tags.iter().map(i64::to_string).collect::<Vec<_>>().join(",")),
        views_only: Set(e.views_only),
    });
    Entity::insert_many(rows).exec_without_returning(txn).await?;
    Ok(())
}

/// All videos of a channel that can be seen but for the channel.
pub async fn insert_channel_in_txn(txn: &impl ConnectionTrait, seq: Seq, channel: i64) -> Result<(), DbErr> {
    let videos = Query::select()
        .column(video::Column::VideoId)
        .from(video::Entity)
        .and_where(Expr::col(video::Column::ChannelId).eq(channel))
        .and_where(Expr::col(video::Column::IsPublished).eq(true))
        .and_where(Expr::col(video::Column::IsHidden).eq(false))
        .and_where(Expr::col(video::Column::IsGone).eq(false))
        .to_owned();
    insert_select_in_txn(txn, seq, "", videos).await
}

/// All videos of a tag that is going.
pub async fn insert_tag_in_txn(txn: &impl ConnectionTrait, seq: Seq, tag: i64) -> Result<(), DbErr> {
    let videos = Query::select()
        .column(video_tag::Column::VideoId)
        .from(video_tag::Entity)
        .and_where(Expr::col(video_tag::Column::TagId).eq(tag))
        .to_owned();
    insert_select_in_txn(txn, seq, &tag.to_string(), videos).await
}

async fn insert_select_in_txn(
    txn: &impl ConnectionTrait,
    seq: Seq,
    lost_tags: &str,
    mut videos: SelectStatement,
) -> Result<(), DbErr> {
    videos.expr(Expr::val(seq)).expr(Expr::val(lost_tags)).expr(Expr::val(false));
    let mut insert = Query::insert();
    insert
        .into_table(Entity)
        .columns([Column::VideoId, Column::Seq, Column::LostTags, Column::ViewsOnly])
        .select_from(videos)
        .map_err(|error| DbErr::Custom(error.to_string()))?;
    txn.execute(&insert).await?;
    Ok(())
}

/// The oldest.
pub async fn first(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<Eviction>, DbErr> {
    let query = Entity::find().order_by_asc(Column::Seq).order_by_asc(Column::VideoId).limit(limit);
    let tags = |text: &str| text.split(',').filter_map(|tag| tag.parse().ok()).collect();
    let rows = query.all(db).await?;
    Ok(rows
        .into_iter()
        .map(|row| Eviction {
            seq: row.seq,
            video_id: row.video_id,
            lost_tags: tags(&row.lost_tags),
            views_only: row.views_only,
        })
        .collect())
}

/// Those up to this one are done. Newer ones always come behind it.
pub async fn done(db: &impl ConnectionTrait, last: &Eviction) -> Result<(), DbErr> {
    let same = Condition::all().add(Column::Seq.eq(last.seq)).add(Column::VideoId.lte(last.video_id));
    Entity::delete_many().filter(Condition::any().add(Column::Seq.lt(last.seq)).add(same)).exec(db).await?;
    Ok(())
}
