//! Pages of videos.

use std::collections::HashMap;

use fenz_chassis::UserId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select,
};

use super::{
    entity::{
        video::{Column, Entity, Model},
        video_tag,
    },
    videos::video,
};
use crate::domain::{CategoryId, Video, page::Page};

/// What public videos are narrowed to.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub channel: Option<i64>,
    /// Videos of any of these channels.
    pub channels: Option<Vec<i64>>,
    pub category: Option<CategoryId>,
    /// Videos with any of them; all videos without.
    pub tags: Vec<i64>,
}

/// Published, visible videos, the newest first, and how many there are in all.
pub async fn public(db: &impl ConnectionTrait, filter: &Filter, page: Page) -> Result<(Vec<Video>, u64), DbErr> {
    let mut query = Entity::find().filter(Column::IsPublished.eq(true)).filter(Column::HiddenReasons.eq(0));
    if let Some(channel) = filter.channel {
        query = query.filter(Column::ChannelId.eq(channel));
    }
    if let Some(channels) = &filter.channels {
        query = query.filter(Column::ChannelId.is_in(channels.iter().copied()));
    }
    if let Some(category) = filter.category {
        query = query.filter(Column::CategoryId.eq(category.0));
    }
    if !filter.tags.is_empty() {
        let tagged = video_tag::Entity::find()
            .select_only()
            .column(video_tag::Column::VideoId)
            .filter(video_tag::Column::TagId.is_in(filter.tags.iter().copied()));
        query = query.filter(Column::Id.in_subquery(tagged.into_query()));
    }
    let newest_first = query.clone().order_by_desc(Column::PublishedAt).order_by_desc(Column::Id);
    read(db, query, newest_first, page).await
}

/// An owner's videos in every state, the newest first, and how many there are.
pub async fn of_owner(db: &impl ConnectionTrait, owner: UserId, page: Page) -> Result<(Vec<Video>, u64), DbErr> {
    let query = Entity::find().filter(Column::OwnerId.eq(owner.0));
    let newest_first = query.clone().order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
    read(db, query, newest_first, page).await
}

async fn read(
    db: &impl ConnectionTrait,
    all: Select<Entity>,
    ordered: Select<Entity>,
    page: Page,
) -> Result<(Vec<Video>, u64), DbErr> {
    let total = all.count(db).await?;
    if page.offset >= total {
        return Ok((Vec::new(), total));
    }
    let rows = ordered.offset(page.offset).limit(page.limit).all(db).await?;
    let mut tags = tags_of(db, &rows).await?;
    let videos = rows.into_iter().map(|row| {
        let tags = tags.remove(&row.id).unwrap_or_default();
        video(row, tags)
    });
    Ok((videos.collect(), total))
}

/// The tags of a page of videos, in one query.
async fn tags_of(db: &impl ConnectionTrait, rows: &[Model]) -> Result<HashMap<i64, Vec<i64>>, DbErr> {
    let mut tags: HashMap<i64, Vec<i64>> = HashMap::new();
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
        tags.entry(tag.video_id).or_default().push(tag.tag_id);
    }
    Ok(tags)
}
