//! One-time tokens: password resets, changes of the email address.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::DbError;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter};

use super::entity::one_time_token::{ActiveModel, Column, Entity};

/// What a token authorizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Password,
    Email,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Email => "email",
        }
    }
}

/// Stores a token, which replaces the previous one. Lock the account first.
pub async fn replace_in_txn(
    db: &impl ConnectionTrait,
    user: UserId,
    kind: Kind,
    digest: &str,
    payload: &str,
    expires_at: DateTime<Utc>,
) -> Result<(), DbError> {
    Entity::delete_by_id((user.0, kind.as_str().to_owned())).exec(db).await?;
    let row = ActiveModel {
        user_id: Set(user.0),
        kind: Set(kind.as_str().to_owned()),
        digest: Set(digest.to_owned()),
        payload: Set(payload.to_owned()),
        expires_at: Set(expires_at),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

fn unexpired(kind: Kind, digest: &str, now: DateTime<Utc>) -> Condition {
    Condition::all().add(Column::Digest.eq(digest)).add(Column::Kind.eq(kind.as_str())).add(Column::ExpiresAt.gt(now))
}

/// The user and the payload of a token.
pub async fn find(
    db: &impl ConnectionTrait,
    kind: Kind,
    digest: &str,
    now: DateTime<Utc>,
) -> Result<Option<(UserId, String)>, DbError> {
    let token = Entity::find().filter(unexpired(kind, digest, now)).one(db).await?;
    Ok(token.map(|token| (UserId(token.user_id), token.payload)))
}

/// Deletes a token; false when a concurrent request redeemed it.
pub async fn redeem(db: &impl ConnectionTrait, kind: Kind, digest: &str, now: DateTime<Utc>) -> Result<bool, DbError> {
    Ok(Entity::delete_many().filter(unexpired(kind, digest, now)).exec(db).await?.rows_affected == 1)
}

/// Deletes a user's token of a kind.
pub async fn delete(db: &impl ConnectionTrait, user: UserId, kind: Kind) -> Result<(), DbError> {
    Entity::delete_by_id((user.0, kind.as_str().to_owned())).exec(db).await?;
    Ok(())
}

/// Deletes all tokens of a user; returns their number.
pub async fn delete_all(db: &impl ConnectionTrait, user: UserId) -> Result<u64, DbError> {
    Ok(Entity::delete_many().filter(Column::UserId.eq(user.0)).exec(db).await?.rows_affected)
}

pub async fn prune(db: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<(), DbError> {
    Entity::delete_many().filter(Column::ExpiresAt.lt(now)).exec(db).await?;
    Ok(())
}
