//! Title prefix search, for while there is no search index.

use chrono::DateTime;
use fenz_database::DbError;
use fenz_search_index::{Access, Filters, Query, Sort};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, LikeExpr},
};

use super::entity::{
    video::{Column, Entity},
    video_tag,
};
use crate::domain::{VideoId, title_key};

/// Ids of visible videos, the longest or the newest first: only the search
/// index sorts in other ways.
pub async fn find_by_prefix(db: &impl ConnectionTrait, query: &Query, limit: u64) -> Result<Vec<VideoId>, DbError> {
    let mut select = Entity::find()
        .select_only()
        .column(Column::VideoId)
        .filter(Column::IsVisible.eq(true))
        .filter(condition(&query.filters));
    let text = query.text.trim();
    if !text.is_empty() {
        select = select.filter(Expr::col(Column::TitleKey).like(prefix_pattern(&title_key(text))));
    }
    let select = match query.sort {
        Sort::Longest => select.order_by(Column::DurationSeconds, Order::Desc),
        _ => select,
    };
    let ids = select.order_by_desc(Column::VideoId).limit(limit).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(VideoId).collect())
}

fn condition(filters: &Filters) -> Condition {
    let time = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    let tagged = |tags: &[i64]| {
        let ids = video_tag::Entity::find().select_only().column(video_tag::Column::VideoId);
        Column::VideoId.in_subquery(ids.filter(video_tag::Column::TagId.is_in(tags.iter().copied())).into_query())
    };
    Condition::all()
        .add_option(filters.category.map(|id| Column::CategoryId.eq(id)))
        .add_option(filters.channel.map(|id| Column::ChannelId.eq(id)))
        .add_option((!filters.tags.is_empty()).then(|| tagged(&filters.tags)))
        .add_option(filters.min_duration.map(|seconds| Column::DurationSeconds.gte(seconds)))
        .add_option(filters.max_duration.map(|seconds| Column::DurationSeconds.lte(seconds)))
        .add_option(filters.published_from.map(|seconds| Column::PublishedAt.gte(time(seconds))))
        .add_option(filters.published_to.map(|seconds| Column::PublishedAt.lt(time(seconds))))
        .add_option(filters.access.map(|access| match access {
            Access::Public => Column::AccessTier.eq(0),
            Access::Member => Column::AccessTier.gt(0),
        }))
}

/// Escapes with `!`: databases disagree about backslashes.
fn prefix_pattern(prefix: &str) -> LikeExpr {
    let mut pattern = String::with_capacity(prefix.len() + 1);
    for c in prefix.chars() {
        if matches!(c, '!' | '%' | '_') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    LikeExpr::new(pattern).escape('!')
}
