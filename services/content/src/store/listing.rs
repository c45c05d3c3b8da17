//! Lists of videos, in pages.

use fenz_core::{TagId, UserId};
use fenz_database::DbError;
use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select,
    sea_query::{Expr, ExprTrait},
};

use super::{
    channels,
    entity::{
        video::{Column, Entity, Model},
        video_tag,
    },
    videos::video,
};
use crate::domain::{HiddenReasons, ReviewFilter, Video, VideoFilter, VideoId, page::Page};

/// Public videos, the newest first, and their total.
pub async fn public(db: &DatabaseConnection, filter: &VideoFilter, page: Page) -> Result<(Vec<Video>, u64), DbError> {
    let mut query = public_query();
    if let Some(channel) = filter.channel {
        query = query.filter(Column::ChannelId.eq(channel.0));
    }
    if let Some(channels) = &filter.channels {
        query = query.filter(Column::ChannelId.is_in(channels.iter().map(|id| id.0)));
    }
    if let Some(category) = filter.category {
        query = query.filter(Column::CategoryId.eq(category.0));
    }
    if !filter.tags.is_empty() {
        let tagged = video_tag::Entity::find()
            .select_only()
            .column(video_tag::Column::VideoId)
            .filter(video_tag::Column::TagId.is_in(filter.tags.iter().map(|tag| tag.0)));
        query = query.filter(Column::Id.in_subquery(tagged.into_query()));
    }
    let newest_first = query.order_by_desc(Column::PublishedAt).order_by_desc(Column::Id);
    read(db, newest_first, page).await
}

/// Published videos that are not hidden, nor their channels.
pub(super) fn public_query() -> Select<Entity> {
    let mut query = Entity::find().filter(Column::IsPublished.eq(true)).filter(Column::HiddenReasons.eq(0));
    for hidden in channels::hidden_id_queries() {
        query = query.filter(Column::ChannelId.not_in_subquery(hidden));
    }
    query
}

/// Videos in every state, the newest first, and their total.
pub async fn for_review(
    db: &DatabaseConnection,
    filter: ReviewFilter,
    page: Page,
) -> Result<(Vec<Video>, u64), DbError> {
    let mut query = Entity::find();
    if let Some(channel) = filter.channel {
        query = query.filter(Column::ChannelId.eq(channel.0));
    }
    if let Some(moderated) = filter.moderated {
        let reason = Expr::col(Column::HiddenReasons).bit_and(HiddenReasons::MODERATION);
        query = query.filter(if moderated { reason.ne(0) } else { reason.eq(0) });
    }
    if let Some(published) = filter.published {
        query = query.filter(Column::IsPublished.eq(published));
    }
    let newest_first = query.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
    read(db, newest_first, page).await
}

/// Videos with ids greater than `after`, in ascending order.
pub async fn catalog(db: &impl ConnectionTrait, after: VideoId, limit: u64) -> Result<Vec<Video>, DbError> {
    let rows = Entity::find().filter(Column::Id.gt(after.0)).order_by_asc(Column::Id).limit(limit).all(db).await?;
    with_tags(db, rows).await
}

/// Those of these videos that exist, in any order.
pub async fn by_ids(db: &impl ConnectionTrait, ids: &[VideoId]) -> Result<Vec<Video>, DbError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).all(db).await?;
    with_tags(db, rows).await
}

/// An owner's videos in every state, the newest first, and their total.
pub async fn of_owner(db: &DatabaseConnection, owner: UserId, page: Page) -> Result<(Vec<Video>, u64), DbError> {
    let query = Entity::find().filter(Column::OwnerId.eq(owner.0));
    let newest_first = query.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
    read(db, newest_first, page).await
}

async fn read(db: &DatabaseConnection, ordered: Select<Entity>, page: Page) -> Result<(Vec<Video>, u64), DbError> {
    let (rows, total) = fenz_database::page(db, ordered.into_model(), page).await?;
    Ok((with_tags(db, rows).await?, total))
}

async fn with_tags(db: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Video>, DbError> {
    let mut tags = tags_of(db, &rows).await?;
    let videos = rows.into_iter().map(|row| {
        let tags = tags.remove(&row.id).unwrap_or_default();
        video(row, tags)
    });
    Ok(videos.collect())
}

async fn tags_of(db: &impl ConnectionTrait, rows: &[Model]) -> Result<HashMap<i64, Vec<TagId>>, DbError> {
    let mut tags: HashMap<i64, Vec<TagId>> = HashMap::new();
    if rows.is_empty() {
        return Ok(tags);
    }
    let found = video_tag::Entity::find()
        .filter(video_tag::Column::VideoId.is_in(rows.iter().map(|r| r.id)))
        .order_by_asc(video_tag::Column::VideoId)
        .order_by_asc(video_tag::Column::Position)
        .all(db)
        .await?;
    for tag in found {
        tags.entry(tag.video_id).or_default().push(TagId(tag.tag_id));
    }
    Ok(tags)
}
