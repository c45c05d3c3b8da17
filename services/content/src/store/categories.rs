//! Categories.

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryOrder};

use super::entity::category::{Column, Entity};
use crate::domain::CategoryId;

/// What videos are sorted under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    pub id: CategoryId,
    pub name: String,
    pub slug: String,
}

/// All of them; there are few.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Category>, DbErr> {
    let rows = Entity::find().order_by_asc(Column::Id).all(db).await?;
    Ok(rows.into_iter().map(|row| Category { id: CategoryId(row.id), name: row.name, slug: row.slug }).collect())
}

pub async fn exists(db: &impl ConnectionTrait, id: CategoryId) -> Result<bool, DbErr> {
    Ok(Entity::find_by_id(id.0).one(db).await?.is_some())
}
