//! Which tags viewers have chosen. Reads return existing tags only.

use chrono::{DateTime, Utc};
use fenz_database::DbError;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::OnConflict,
};

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

async fn user_tag_ids(db: &impl ConnectionTrait, user: i64) -> Result<Vec<i64>, DbError> {
    let query = user_tag::Entity::find().select_only().column(user_tag::Column::TagId);
    Ok(query.filter(user_tag::Column::UserId.eq(user)).into_tuple().all(db).await?)
}

async fn guest_tag_ids(db: &impl ConnectionTrait, session: &str) -> Result<Vec<i64>, DbError> {
    let query = guest_tag::Entity::find().select_only().column(guest_tag::Column::TagId);
    Ok(query.filter(guest_tag::Column::SessionId.eq(session)).into_tuple().all(db).await?)
}

/// Serializes concurrent updates of one viewer, as from a double click.
async fn lock_in_txn(txn: &impl ConnectionTrait, viewer: &Viewer, now: DateTime<Utc>) -> Result<(), DbError> {
    let row = tag_choice_lock::ActiveModel { viewer: Set(lock_key(viewer)), chosen_at: Set(now) };
    let again =
        OnConflict::column(tag_choice_lock::Column::Viewer).update_column(tag_choice_lock::Column::ChosenAt).to_owned();
    tag_choice_lock::Entity::insert(row).on_conflict(again).exec_without_returning(txn).await?;
    Ok(())
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
    tags: &[i64],
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    lock_in_txn(txn, viewer, now).await?;
    match viewer {
        Viewer::User(user) => replace_user_tags_in_txn(txn, *user, tags).await,
        Viewer::Guest(session) => {
            delete_guest_tags_in_txn(txn, session).await?;
            let row = |tag: &i64| guest_tag::ActiveModel {
                session_id: Set(session.clone()),
                tag_id: Set(*tag),
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

async fn replace_user_tags_in_txn(txn: &impl ConnectionTrait, user: i64, tags: &[i64]) -> Result<(), DbError> {
    user_tag::Entity::delete_many().filter(user_tag::Column::UserId.eq(user)).exec(txn).await?;
    let row = |tag: &i64| user_tag::ActiveModel { user_id: Set(user), tag_id: Set(*tag) };
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
    user: i64,
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
pub async fn erase_in_txn(txn: &impl ConnectionTrait, user: i64) -> Result<u64, DbError> {
    tag_choice_lock::Entity::delete_by_id(lock_key(&Viewer::User(user))).exec(txn).await?;
    Ok(user_tag::Entity::delete_many().filter(user_tag::Column::UserId.eq(user)).exec(txn).await?.rows_affected)
}

/// Deletes guests' tags from before a time, and old lock rows.
pub async fn prune_guests(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbError> {
    guest_tag::Entity::delete_many().filter(guest_tag::Column::ChosenAt.lt(before)).exec(db).await?;
    tag_choice_lock::Entity::delete_many().filter(tag_choice_lock::Column::ChosenAt.lt(before)).exec(db).await?;
    Ok(())
}
