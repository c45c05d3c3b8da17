//! Which tags viewers have chosen. Reads return existing tags only.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::{DbError, upsert};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::{
    entity::{guest_tag, tag_choice_lock, user_tag},
    tags,
};
use crate::domain::{Tag, TagId, Viewer};

/// A viewer's tags, by name.
pub async fn find(db: &impl ConnectionTrait, viewer: &Viewer) -> Result<Vec<Tag>, DbError> {
    let ids = match viewer {
        Viewer::User(user) => user_tag_ids(db, *user).await?,
        Viewer::Guest(session) => guest_tag_ids(db, session).await?,
        Viewer::Anonymous => Vec::new(),
    };
    tags::find(db, &ids).await
}

async fn user_tag_ids(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<TagId>, DbError> {
    let query = user_tag::Entity::find().select_only().column(user_tag::Column::TagId);
    let ids = query.filter(user_tag::Column::UserId.eq(user.0)).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(TagId).collect())
}

async fn guest_tag_ids(db: &impl ConnectionTrait, session: &str) -> Result<Vec<TagId>, DbError> {
    let query = guest_tag::Entity::find().select_only().column(guest_tag::Column::TagId);
    let ids = query.filter(guest_tag::Column::SessionId.eq(session)).into_tuple().all(db).await?;
    Ok(ids.into_iter().map(TagId).collect())
}

/// Serializes concurrent updates of one viewer, as from a double click.
async fn lock_in_txn(txn: &impl ConnectionTrait, viewer: &Viewer, now: DateTime<Utc>) -> Result<(), DbError> {
    let row = tag_choice_lock::ActiveModel { viewer: Set(lock_key(viewer)), chosen_at: Set(now) };
    upsert(txn, [row]).await
}

fn lock_key(viewer: &Viewer) -> String {
    match viewer {
        Viewer::User(user) => format!("user:{user}"),
        Viewer::Guest(session) => format!("guest:{session}"),
        Viewer::Anonymous => String::new(),
    }
}

/// Replaces a viewer's tags.
pub async fn replace_in_txn(
    txn: &impl ConnectionTrait,
    viewer: &Viewer,
    tags: &[TagId],
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    lock_in_txn(txn, viewer, now).await?;
    match viewer {
        Viewer::User(user) => replace_user_tags_in_txn(txn, *user, tags).await,
        Viewer::Guest(session) => {
            delete_guest_tags_in_txn(txn, session).await?;
            let row = |tag: &TagId| guest_tag::ActiveModel {
                session_id: Set(session.clone()),
                tag_id: Set(tag.0),
                chosen_at: Set(now),
            };
            if !tags.is_empty() {
                guest_tag::Entity::insert_many(tags.iter().map(row)).exec_without_returning(txn).await?;
            }
            Ok(())
        }
        Viewer::Anonymous => Ok(()),
    }
}

async fn replace_user_tags_in_txn(txn: &impl ConnectionTrait, user: UserId, tags: &[TagId]) -> Result<(), DbError> {
    user_tag::Entity::delete_many().filter(user_tag::Column::UserId.eq(user.0)).exec(txn).await?;
    let row = |tag: &TagId| user_tag::ActiveModel { user_id: Set(user.0), tag_id: Set(tag.0) };
    if !tags.is_empty() {
        user_tag::Entity::insert_many(tags.iter().map(row)).exec_without_returning(txn).await?;
    }
    Ok(())
}

async fn delete_guest_tags_in_txn(txn: &impl ConnectionTrait, session: &str) -> Result<(), DbError> {
    guest_tag::Entity::delete_many().filter(guest_tag::Column::SessionId.eq(session)).exec(txn).await?;
    Ok(())
}

/// Moves a guest's tags to an account, or deletes them if the account has some.
pub async fn transfer_guest_in_txn(
    txn: &impl ConnectionTrait,
    user: UserId,
    session: &str,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    // Most guests have no tags when they sign in: those need no lock.
    if guest_tag_ids(txn, session).await?.is_empty() {
        return Ok(());
    }
    lock_in_txn(txn, &Viewer::Guest(session.to_owned()), now).await?;
    lock_in_txn(txn, &Viewer::User(user), now).await?;
    let chosen = guest_tag_ids(txn, session).await?;
    if !chosen.is_empty() && user_tag_ids(txn, user).await?.is_empty() {
        replace_user_tags_in_txn(txn, user, &chosen).await?;
    }
    delete_guest_tags_in_txn(txn, session).await
}

/// Removes a tag from every viewer.
pub async fn remove_tag_in_txn(txn: &impl ConnectionTrait, tag: TagId) -> Result<(), DbError> {
    user_tag::Entity::delete_many().filter(user_tag::Column::TagId.eq(tag.0)).exec(txn).await?;
    guest_tag::Entity::delete_many().filter(guest_tag::Column::TagId.eq(tag.0)).exec(txn).await?;
    Ok(())
}

/// Deletes a user's tags. Returns how many there were.
pub async fn erase_in_txn(txn: &impl ConnectionTrait, user: UserId) -> Result<u64, DbError> {
    tag_choice_lock::Entity::delete_by_id(lock_key(&Viewer::User(user))).exec(txn).await?;
    Ok(user_tag::Entity::delete_many().filter(user_tag::Column::UserId.eq(user.0)).exec(txn).await?.rows_affected)
}

/// Deletes guests' tags from before a time, and old lock rows.
pub async fn prune_guests(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbError> {
    guest_tag::Entity::delete_many().filter(guest_tag::Column::ChosenAt.lt(before)).exec(db).await?;
    tag_choice_lock::Entity::delete_many().filter(tag_choice_lock::Column::ChosenAt.lt(before)).exec(db).await?;
    Ok(())
}
