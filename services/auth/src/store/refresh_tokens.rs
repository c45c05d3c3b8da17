//! Refresh tokens.

use chrono::{DateTime, Utc};
use fenz_database::DbError;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::entity::refresh_token::{ActiveModel, Column, Entity};

pub async fn insert(
    db: &impl ConnectionTrait,
    digest: &str,
    session: &str,
    expires_at: DateTime<Utc>,
) -> Result<(), DbError> {
    let row = ActiveModel {
        digest: Set(digest.to_owned()),
        session_id: Set(session.to_owned()),
        expires_at: Set(expires_at),
        used_at: Set(None),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The session of a token that has not expired, used or not.
pub async fn session_of(
    db: &impl ConnectionTrait,
    digest: &str,
    now: DateTime<Utc>,
) -> Result<Option<String>, DbError> {
    let token = Entity::find_by_id(digest).filter(Column::ExpiresAt.gt(now)).one(db).await?;
    Ok(token.map(|token| token.session_id))
}

/// Marks a token as used; false when it was used before.
pub async fn mark_used(db: &impl ConnectionTrait, digest: &str, now: DateTime<Utc>) -> Result<bool, DbError> {
    let marked = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::Digest.eq(digest))
        .filter(Column::UsedAt.is_null())
        .exec(db)
        .await?;
    Ok(marked.rows_affected == 1)
}

pub async fn prune(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::ExpiresAt.lt(now)).exec(db).await?;
    Ok(())
}
