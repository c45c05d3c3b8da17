//! Sessions, open and ended.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select, sea_query::Expr,
};

use super::entity::{
    refresh_token,
    session::{ActiveModel, Column, Entity, Model},
};
use crate::domain::session::Session;

/// Sessions deleted per statement.
const BATCH_SIZE: u64 = 200;

impl From<Model> for Session {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            user: UserId(row.user_id),
            device: row.device,
            address: row.address,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
        }
    }
}

pub async fn insert(db: &impl ConnectionTrait, session: &Session) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(session.id.clone()),
        user_id: Set(session.user.0),
        device: Set(session.device.clone()),
        address: Set(session.address.clone()),
        created_at: Set(session.created_at),
        last_used_at: Set(session.last_used_at),
        expires_at: Set(session.expires_at),
        ended_at: Set(session.ended_at),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

pub async fn by_id(db: &impl ConnectionTrait, id: &str) -> Result<Option<Session>, DbError> {
    Ok(Entity::find_by_id(id).one(db).await?.map(Session::from))
}

/// The session, locked until the transaction ends.
pub async fn locked_in_txn(db: &impl ConnectionTrait, id: &str) -> Result<Option<Session>, DbError> {
    Ok(Entity::find_by_id(id).lock_exclusive().one(db).await?.map(Session::from))
}

fn open(user: UserId, now: DateTime<Utc>) -> Select<Entity> {
    Entity::find()
        .filter(Column::UserId.eq(user.0))
        .filter(Column::EndedAt.is_null())
        .filter(Column::ExpiresAt.gt(now))
        .order_by_desc(Column::LastUsedAt)
        .order_by_desc(Column::Id)
}

/// A user's open sessions, the last used first.
pub async fn open_by_user(
    db: &impl ConnectionTrait,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Vec<Session>, DbError> {
    Ok(open(user, now).all(db).await?.into_iter().map(Session::from).collect())
}

/// Stores that a session was refreshed.
pub async fn touch(
    db: &impl ConnectionTrait,
    id: &str,
    now: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(Column::Id.eq(id))
        .exec(db)
        .await?;
    Ok(())
}

async fn end(db: &impl ConnectionTrait, which: Condition, now: DateTime<Utc>) -> Result<u64, DbError> {
    let ended = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::EndedAt.is_null())
        .filter(which)
        .exec(db)
        .await?;
    Ok(ended.rows_affected)
}

/// Ends a session of a user; false when there is no such open session.
pub async fn end_one(db: &impl ConnectionTrait, user: UserId, id: &str, now: DateTime<Utc>) -> Result<bool, DbError> {
    let which = Condition::all().add(Column::UserId.eq(user.0)).add(Column::Id.eq(id)).add(Column::ExpiresAt.gt(now));
    Ok(end(db, which, now).await? > 0)
}

/// Ends a user's sessions, except one; returns the ids of those that were open.
pub async fn end_all_in_txn(
    txn: &impl ConnectionTrait,
    user: UserId,
    except: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Vec<String>, DbError> {
    let which = Condition::all()
        .add(Column::UserId.eq(user.0))
        .add(Column::EndedAt.is_null())
        .add_option(except.map(|id| Column::Id.ne(id)));
    let ids = Entity::find().select_only().column(Column::Id).filter(which).order_by_asc(Column::Id).lock_exclusive();
    let ids: Vec<String> = ids.into_tuple().all(txn).await?;
    if !ids.is_empty() {
        end(txn, Condition::all().add(Column::Id.is_in(&ids)), now).await?;
    }
    Ok(ids)
}

/// Ends a user's least recently used sessions beyond a limit; returns their ids.
pub async fn end_beyond(
    db: &impl ConnectionTrait,
    user: UserId,
    keep: u64,
    now: DateTime<Utc>,
) -> Result<Vec<String>, DbError> {
    // MariaDB allows OFFSET only with LIMIT.
    let beyond: Vec<String> =
        open(user, now).select_only().column(Column::Id).offset(keep).limit(1_000).into_tuple().all(db).await?;
    if !beyond.is_empty() {
        end(db, Condition::all().add(Column::Id.is_in(&beyond)), now).await?;
    }
    Ok(beyond)
}

/// Deletes a user's sessions with their refresh tokens. Returns the ids of those
/// that were open, and the number of deleted rows. Lock the account first, so that
/// no session is added.
pub async fn remove_all_in_txn(db: &impl ConnectionTrait, user: UserId) -> Result<(Vec<String>, u64), DbError> {
    let rows = Entity::find().filter(Column::UserId.eq(user.0)).order_by_asc(Column::Id).lock_exclusive();
    let rows = rows.all(db).await?;
    let mut removed = rows.len() as u64;
    for batch in rows.chunks(BATCH_SIZE as usize) {
        let ids: Vec<&str> = batch.iter().map(|row| row.id.as_str()).collect();
        let tokens = refresh_token::Entity::delete_many()
            .filter(refresh_token::Column::SessionId.is_in(ids.iter().copied()))
            .exec(db)
            .await?;
        removed += tokens.rows_affected;
        Entity::delete_many().filter(Column::Id.is_in(ids)).exec(db).await?;
    }
    let open = rows.into_iter().filter(|row| row.ended_at.is_none());
    Ok((open.map(|row| row.id).collect(), removed))
}

/// Deletes a batch of the sessions that ended or expired before these times, with
/// their refresh tokens; false when there are none left.
pub async fn prune(
    db: &impl ConnectionTrait,
    ended_before: DateTime<Utc>,
    expired_before: DateTime<Utc>,
) -> Result<bool, DbError> {
    let expired: Vec<String> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Condition::any().add(Column::EndedAt.lt(ended_before)).add(Column::ExpiresAt.lt(expired_before)))
        .limit(BATCH_SIZE)
        .into_tuple()
        .all(db)
        .await?;
    if expired.is_empty() {
        return Ok(false);
    }
    refresh_token::Entity::delete_many().filter(refresh_token::Column::SessionId.is_in(&expired)).exec(db).await?;
    Entity::delete_many().filter(Column::Id.is_in(expired)).exec(db).await?;
    Ok(true)
}
