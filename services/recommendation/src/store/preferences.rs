//! Which tags viewers picked. What is read are tags that are there.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, sea_query::OnConflict,
};

use super::{
    entity::{chooser, guest_tag, user_tag},
    tags,
};
use crate::domain::{Tag, TagId, Viewer};

/// A viewer's tags, by name.
pub async fn of(db: &impl ConnectionTrait, viewer: &Viewer) -> Result<Vec<Tag>, DbErr> {
    let ids = match viewer {
        Viewer::User(user) => of_user(db, *user).await?,
        Viewer::Guest(session) => of_guest(db, session).await?,
        Viewer::Nobody => Vec::new(),
    };
    tags::find(db, &ids).await
}

async fn of_user(db: &impl ConnectionTrait, user: i64) -> Result<Vec<i64>, DbErr> {
    let query = user_tag::Entity::find().select_only().column(user_tag::Column::TagId);
    query.filter(user_tag::Column::UserId.eq(user)).into_tuple().all(db).await
}

async fn of_guest(db: &impl ConnectionTrait, session: &str) -> Result<Vec<i64>, DbErr> {
    let query = guest_tag::Entity::find().select_only().column(guest_tag::Column::TagId);
    query.filter(guest_tag::Column::SessionId.eq(session)).into_tuple().all(db).await
}

/// Where two choices of one viewer, as of a second click, wait for each other.
async fn lock_in_txn(txn: &impl ConnectionTrait, viewer: &Viewer, now: DateTime<Utc>) -> Result<(), DbErr> {
    let row = chooser::ActiveModel { viewer: Set(chooser_of(viewer)), chosen_at: Set(now) };
    let again = OnConflict::column(chooser::Column::Viewer).update_column(chooser::Column::ChosenAt).to_owned();
    chooser::Entity::insert(row).on_conflict(again).exec_without_returning(txn).await?;
    Ok(())
}

fn chooser_of(viewer: &Viewer) -> String {
    match viewer {
        Viewer::User(user) => format!("user:{user}"),
        Viewer::Guest(session) => format!("guest:{session}"),
        Viewer::Nobody => String::new(),
    }
}

/// Replaces a viewer's choice.
pub async fn put_in_txn(
    txn: &impl ConnectionTrait,
    viewer: &Viewer,
    tags: &[i64],
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    lock_in_txn(txn, viewer, now).await?;
    match viewer {
        Viewer::User(user) => put_users_in_txn(txn, *user, tags).await,
        Viewer::Guest(session) => {
            forget_guest_in_txn(txn, session).await?;
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
        Viewer::Nobody => Ok(()),
    }
}

async fn put_users_in_txn(txn: &impl ConnectionTrait, user: i64, tags: &[i64]) -> Result<(), DbErr> {
    user_tag::Entity::delete_many().filter(user_tag::Column::UserId.eq(user)).exec(txn).await?;
    let row = |tag: &i64| user_tag::ActiveModel { user_id: Set(user), tag_id: Set(*tag) };
    if !tags.is_empty() {
        user_tag::Entity::insert_many(tags.iter().map(row)).exec_without_returning(txn).await?;
    }
    Ok(())
}

async fn forget_guest_in_txn(txn: &impl ConnectionTrait, session: &str) -> Result<(), DbErr> {
    guest_tag::Entity::delete_many().filter(guest_tag::Column::SessionId.eq(session)).exec(txn).await?;
    Ok(())
}

/// The account takes a guest's choice over if it has none; the guest's goes.
pub async fn take_over_in_txn(
    txn: &impl ConnectionTrait,
    user: i64,
    session: &str,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    // Most who sign in have chosen nothing as guests: that needs no lock.
    if of_guest(txn, session).await?.is_empty() {
        return Ok(());
    }
    lock_in_txn(txn, &Viewer::Guest(session.to_owned()), now).await?;
    lock_in_txn(txn, &Viewer::User(user), now).await?;
    let chosen = of_guest(txn, session).await?;
    if !chosen.is_empty() && of_user(txn, user).await?.is_empty() {
        put_users_in_txn(txn, user, &chosen).await?;
    }
    forget_guest_in_txn(txn, session).await
}

/// Takes a tag from every choice.
pub async fn remove_tag_in_txn(txn: &impl ConnectionTrait, tag: TagId) -> Result<(), DbErr> {
    user_tag::Entity::delete_many().filter(user_tag::Column::TagId.eq(tag.0)).exec(txn).await?;
    guest_tag::Entity::delete_many().filter(guest_tag::Column::TagId.eq(tag.0)).exec(txn).await?;
    Ok(())
}

/// Forgets a user's choice. How many rows that was.
pub async fn erase_in_txn(txn: &impl ConnectionTrait, user: i64) -> Result<u64, DbErr> {
    chooser::Entity::delete_by_id(chooser_of(&Viewer::User(user))).exec(txn).await?;
    Ok(user_tag::Entity::delete_many().filter(user_tag::Column::UserId.eq(user)).exec(txn).await?.rows_affected)
}

/// Drops what guests chose before, and who chose.
pub async fn prune_guests(db: &impl ConnectionTrait, before: DateTime<Utc>) -> Result<(), DbErr> {
    guest_tag::Entity::delete_many().filter(guest_tag::Column::ChosenAt.lt(before)).exec(db).await?;
    chooser::Entity::delete_many().filter(chooser::Column::ChosenAt.lt(before)).exec(db).await?;
    Ok(())
}
