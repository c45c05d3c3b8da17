//! Categories.

use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::entity::category::{ActiveModel, Column, Entity, Model};
use crate::domain::{Category, CategoryId};

impl From<Model> for Category {
    fn from(row: Model) -> Self {
        Self { id: CategoryId(row.id), name: row.name, slug: row.slug }
    }
}

fn row(category: &Category) -> ActiveModel {
    ActiveModel {
        id: Set(category.id.0),
        name: Set(category.name.clone()),
        slug: Set(category.slug.clone()),
        name_key: Set(Some(category.name_key())),
    }
}

/// Unpaginated, as categories are few.
pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Category>, DbError> {
    let rows = Entity::find().order_by_asc(Column::Id).all(db).await?;
    Ok(rows.into_iter().map(Category::from).collect())
}

pub async fn exists(db: &impl ConnectionTrait, id: CategoryId) -> Result<bool, DbError> {
    Ok(Entity::find_by_id(id.0).one(db).await?.is_some())
}

pub async fn lock_in_txn(txn: &impl ConnectionTrait, id: CategoryId) -> Result<Option<Category>, DbError> {
    Ok(Entity::find_by_id(id.0).lock_exclusive().one(txn).await?.map(Category::from))
}

/// Another category with the same name or slug.
pub async fn find_conflict(db: &impl ConnectionTrait, category: &Category) -> Result<Option<Category>, DbError> {
    let conflicts = Condition::any().add(Column::NameKey.eq(category.name_key())).add(Column::Slug.eq(&*category.slug));
    let found = Entity::find().filter(conflicts).filter(Column::Id.ne(category.id.0)).one(db).await?;
    Ok(found.map(Category::from))
}

/// Fails with a duplicate key when another category has its name or slug.
pub async fn insert_in_txn(txn: &impl ConnectionTrait, category: &Category) -> Result<(), DbError> {
    Entity::insert(row(category)).exec_without_returning(txn).await?;
    Ok(())
}

/// Fails with a duplicate key when another category has its name or slug.
pub async fn update_in_txn(txn: &impl ConnectionTrait, category: &Category) -> Result<(), DbError> {
    Entity::update_many().set(row(category)).filter(Column::Id.eq(category.id.0)).exec(txn).await?;
    Ok(())
}

pub async fn delete_in_txn(txn: &impl ConnectionTrait, id: CategoryId) -> Result<(), DbError> {
    Entity::delete_by_id(id.0).exec(txn).await?;
    Ok(())
}
