//! View counts, by video and hour.

use fenz_database::{DbError, upsert};
use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Alias, Expr, ExprTrait, Query},
};

use super::{
    entity::{video, video_views, view_hour},
    evictions::{self, Eviction},
    listing::Cursor,
    sequence,
};
use crate::domain::{Seq, VideoId};

/// Rows per statement.
const ROWS: usize = 500;

/// New views of a video.
#[derive(Clone, Copy, Debug)]
pub struct ViewCount {
    pub video_id: VideoId,
    pub added: i64,
    /// The new total of the video.
    pub total: i64,
}

/// Adds the views of an hour. Video ids must be distinct. Takes the next sequence
/// number.
pub async fn add_in_txn(txn: &impl ConnectionTrait, hour: i32, counts: &[ViewCount]) -> Result<(), DbError> {
    let seq = sequence::next_in_txn(txn).await?;
    for counts in counts.chunks(ROWS) {
        add_to_hour_in_txn(txn, hour, counts).await?;
        raise_totals_in_txn(txn, counts, seq).await?;
    }
    Ok(())
}

async fn add_to_hour_in_txn(txn: &impl ConnectionTrait, hour: i32, counts: &[ViewCount]) -> Result<(), DbError> {
    use view_hour::{ActiveModel, Column, Entity};
    let known: Vec<(i64, i64)> = Entity::find()
        .select_only()
        .columns([Column::VideoId, Column::Views])
        .filter(Column::Hour.eq(hour))
        .filter(Column::VideoId.is_in(counts.iter().map(|c| c.video_id.0)))
        .into_tuple()
        .all(txn)
        .await?;
    let known: HashMap<i64, i64> = known.into_iter().collect();
    let rows = counts.iter().map(|c| ActiveModel {
        video_id: Set(c.video_id.0),
        hour: Set(hour),
        views: Set(c.added + known.get(&c.video_id.0).copied().unwrap_or_default()),
    });
    upsert(txn, rows.collect::<Vec<_>>()).await
}

/// Totals only grow, so the largest is the newest, in any order of events.
async fn raise_totals_in_txn(txn: &impl ConnectionTrait, counts: &[ViewCount], seq: Seq) -> Result<(), DbError> {
    use video_views::{ActiveModel, Column, Entity};
    let query = Entity::find().select_only().columns([Column::VideoId, Column::Total]);
    let known = query.filter(Column::VideoId.is_in(counts.iter().map(|c| c.video_id.0))).into_tuple().all(txn).await?;
    let known: HashMap<i64, i64> = known.into_iter().collect();
    let larger = |c: &&ViewCount| known.get(&c.video_id.0).is_none_or(|total| *total < c.total);
    let larger: Vec<&ViewCount> = counts.iter().filter(larger).collect();
    if larger.is_empty() {
        return Ok(());
    }
    let rows =
        larger.iter().map(|c| ActiveModel { video_id: Set(c.video_id.0), total: Set(c.total), change_seq: Set(seq) });
    upsert(txn, rows.collect::<Vec<_>>()).await?;
    let changed =
        larger.iter().map(|c| Eviction { seq, video_id: c.video_id, removed_tags: Vec::new(), views_only: true });
    evictions::insert_in_txn(txn, changed.collect()).await
}

/// The view totals that changed after a position, in order.
pub async fn changed_after(
    db: &impl ConnectionTrait,
    after: Cursor,
    limit: u64,
) -> Result<Vec<(Cursor, i64)>, DbError> {
    use video_views::{Column, Entity};
    let same = Column::ChangeSeq.eq(after.seq).and(Column::VideoId.gt(after.video_id.0));
    let rows: Vec<(i64, i64, i64)> = Entity::find()
        .select_only()
        .columns([Column::ChangeSeq, Column::VideoId, Column::Total])
        // Redundant, but lets the database start at this key of the index.
        .filter(Column::ChangeSeq.gte(after.seq))
        .filter(Column::ChangeSeq.gt(after.seq).or(same))
        .order_by_asc(Column::ChangeSeq)
        .order_by_asc(Column::VideoId)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(seq, id, total)| (Cursor { seq, video_id: VideoId(id) }, total)).collect())
}

/// Public videos and their decayed views after an hour, the highest first.
pub async fn popular(
    db: &impl ConnectionTrait,
    now_hour: i32,
    since_hour: i32,
    limit: u64,
) -> Result<Vec<(VideoId, f64)>, DbError> {
    use view_hour::{Column, Entity};
    let decay = Alias::new("decay");
    let age = Expr::val(now_hour).sub(Expr::col((Entity, Column::Hour)));
    let weight = Expr::col((decay.clone(), Alias::new("weight")));
    let score = Expr::col((Entity, Column::Views)).mul(weight).sum();
    let is_same = Expr::col((video::Entity, video::Column::VideoId)).equals((Entity, Column::VideoId));
    let query = Query::select()
        .column((Entity, Column::VideoId))
        .expr_as(score, "score")
        .from(Entity)
        .inner_join(decay.clone(), Expr::col((decay, Alias::new("age_hours"))).eq(age))
        .inner_join(video::Entity, is_same)
        .and_where(Expr::col((Entity, Column::Hour)).gt(since_hour))
        .and_where(Expr::col((video::Entity, video::Column::IsVisible)).eq(true))
        .and_where(Expr::col((video::Entity, video::Column::AccessTier)).eq(0))
        .group_by_col((Entity, Column::VideoId))
        .order_by("score", Order::Desc)
        .order_by((Entity, Column::VideoId), Order::Desc)
        .limit(limit)
        .to_owned();
    let rows = db.query_all(&query).await?;
    rows.iter().map(|row| Ok((VideoId(row.try_get("", "video_id")?), row.try_get("", "score")?))).collect()
}

/// Ids of public videos, the newest first.
pub async fn newest(db: &impl ConnectionTrait, limit: u64) -> Result<Vec<VideoId>, DbError> {
    let ids = video::Entity::find()
        .select_only()
        .column(video::Column::VideoId)
        .filter(video::Column::IsVisible.eq(true))
        .filter(video::Column::AccessTier.eq(0))
        .order_by_desc(video::Column::VideoId)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(VideoId).collect())
}

/// Deletes the totals of earlier hours.
pub async fn prune(db: &impl ConnectionTrait, before_hour: i32) -> Result<(), DbError> {
    view_hour::Entity::delete_many().filter(view_hour::Column::Hour.lt(before_hour)).exec(db).await?;
    Ok(())
}
