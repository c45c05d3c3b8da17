//! Accounts.

use chrono::{DateTime, Utc};
use fenz_core::{Role, UploadId, UserId};
use fenz_database::{DbError, timestamp_value};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, LikeExpr},
};

use super::entity::user::{ActiveModel, Column, Entity, Model};
use crate::domain::{
    account::{self, Account, Filter},
    hidden::HiddenReasons,
    page::Page,
};

impl From<Model> for Account {
    fn from(row: Model) -> Self {
        Self {
            id: UserId(row.id),
            username: row.username,
            display_name: row.display_name,
            email: row.email,
            password_hash: row.password_hash,
            // An unknown role gets the least permissions.
            role: Role::parse(&row.role).unwrap_or(Role::User),
            hidden: HiddenReasons::from_bits(row.hidden_reasons),
            banned_until: row.banned_until,
            avatar_upload_id: row.avatar_upload_id.map(UploadId),
            version: row.version,
            created_at: row.created_at,
        }
    }
}

/// The columns that may change.
fn row(account: &Account, now: DateTime<Utc>) -> ActiveModel {
    ActiveModel {
        id: NotSet,
        username: Set(account.username.clone()),
        username_key: Set(account::key(&account.username)),
        email: Set(account.email.clone()),
        email_key: Set(account::key(&account.email)),
        display_name: Set(account.display_name.clone()),
        display_name_key: Set(account::key(&account.display_name)),
        password_hash: Set(account.password_hash.clone()),
        role: Set(account.role.as_str().to_owned()),
        hidden_reasons: Set(account.hidden.bits()),
        banned_until: Set(account.banned_until),
        avatar_upload_id: Set(account.avatar_upload_id.map(|id| id.0)),
        version: Set(account.version),
        created_at: NotSet,
        updated_at: Set(now),
    }
}

/// Stores a new account; a taken name or address is a unique violation.
pub async fn insert(db: &impl ConnectionTrait, account: &Account) -> Result<(), DbError> {
    let row =
        ActiveModel { id: Set(account.id.0), created_at: Set(account.created_at), ..row(account, account.created_at) };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// Stores a changed account. Lock it first: the last to write wins.
pub async fn update_in_txn(db: &impl ConnectionTrait, account: &Account, now: DateTime<Utc>) -> Result<(), DbError> {
    let row = ActiveModel { banned_until: NotSet, ..row(account, now) };
    Entity::update_many()
        .set(row)
        .col_expr(Column::BannedUntil, Expr::value(timestamp_value(db, account.banned_until)))
        .filter(Column::Id.eq(account.id.0))
        .exec(db)
        .await?;
    Ok(())
}

/// Stores a new hash of the same password. No visible field changes, so the
/// version stays.
pub async fn rehash(db: &impl ConnectionTrait, user: UserId, hash: &str) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(hash))
        .filter(Column::Id.eq(user.0))
        .exec(db)
        .await?;
    Ok(())
}

pub async fn by_id(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Account>, DbError> {
    Ok(Entity::find_by_id(user.0).one(db).await?.map(Account::from))
}

/// The account, locked until the transaction ends.
pub async fn locked_in_txn(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Account>, DbError> {
    Ok(Entity::find_by_id(user.0).lock_exclusive().one(db).await?.map(Account::from))
}

/// The account of a username or an address.
pub async fn by_login(db: &impl ConnectionTrait, login: &str) -> Result<Option<Account>, DbError> {
    // No username has an @.
    let column = if login.contains('@') { Column::EmailKey } else { Column::UsernameKey };
    Ok(Entity::find().filter(column.eq(account::key(login))).one(db).await?.map(Account::from))
}

pub async fn username_exists(db: &impl ConnectionTrait, username: &str) -> Result<bool, DbError> {
    Ok(Entity::find().filter(Column::UsernameKey.eq(account::key(username))).count(db).await? > 0)
}

/// Whether an account, except one, has the address.
pub async fn email_exists(db: &impl ConnectionTrait, email: &str, except: Option<UserId>) -> Result<bool, DbError> {
    let mut taken = Entity::find().filter(Column::EmailKey.eq(account::key(email)));
    if let Some(user) = except {
        taken = taken.filter(Column::Id.ne(user.0));
    }
    Ok(taken.count(db).await? > 0)
}

pub async fn has_admin(db: &impl ConnectionTrait) -> Result<bool, DbError> {
    Ok(Entity::find().filter(Column::Role.eq(Role::Admin.as_str())).count(db).await? > 0)
}

/// The ids of all administrators, including hidden and banned ones.
pub async fn administrators(db: &impl ConnectionTrait) -> Result<Vec<UserId>, DbError> {
    let ids = Entity::find().select_only().column(Column::Id).filter(Column::Role.eq(Role::Admin.as_str()));
    Ok(ids.into_tuple().all(db).await?.into_iter().map(UserId).collect())
}

/// The existing accounts among these ids, locked until the transaction ends. The
/// order of locking prevents deadlocks.
pub async fn locked_all_in_txn(db: &impl ConnectionTrait, ids: &[UserId]) -> Result<Vec<Account>, DbError> {
    let rows =
        Entity::find().filter(Column::Id.is_in(ids.iter().map(|id| id.0))).order_by_asc(Column::Id).lock_exclusive();
    Ok(rows.all(db).await?.into_iter().map(Account::from).collect())
}

/// A page of the accounts, the newest first, and the total.
pub async fn list(db: &DatabaseConnection, filter: &Filter, page: Page) -> Result<(Vec<Account>, u64), DbError> {
    // Ids are ordered by time.
    let newest_first = Entity::find().filter(condition(filter)).order_by_desc(Column::Id);
    let (rows, total) = fenz_database::page(db, newest_first.into_model::<Model>(), page).await?;
    Ok((rows.into_iter().map(Account::from).collect(), total))
}

fn condition(filter: &Filter) -> Condition {
    let hidden =
        filter.hidden.map(|hidden| if hidden { Column::HiddenReasons.ne(0) } else { Column::HiddenReasons.eq(0) });
    let role = filter.role.map(|role| Column::Role.eq(role.as_str()));
    Condition::all().add_option(role).add_option(hidden).add_option(begins_with(&filter.search))
}

fn begins_with(search: &str) -> Option<Condition> {
    if search.is_empty() {
        return None;
    }
    let mut prefix = String::new();
    for c in account::key(search).chars() {
        // Not a backslash: its meaning in a literal differs between databases.
        if matches!(c, '%' | '_' | '!') {
            prefix.push('!');
        }
        prefix.push(c);
    }
    prefix.push('%');
    let keys = [Column::UsernameKey, Column::DisplayNameKey, Column::EmailKey];
    Some(keys.into_iter().fold(Condition::any(), |any, key| any.add(key.like(LikeExpr::new(&prefix).escape('!')))))
}

/// Deletes an account; returns the number of rows.
pub async fn delete(db: &impl ConnectionTrait, user: UserId) -> Result<u64, DbError> {
    Ok(Entity::delete_by_id(user.0).exec(db).await?.rows_affected)
}
