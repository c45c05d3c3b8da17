//! The audit log.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::{DbError, timestamp_value};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

use super::entity::audit_entry::{ActiveModel, Column, Entity, Model};
use crate::domain::{
    audit::{Entry, Filter, is_id},
    page::Page,
};

/// The position of an entry in the order of the log.
pub type Cursor = (DateTime<Utc>, i64);

impl From<Model> for Entry {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            actor: UserId(row.actor_id),
            action: row.action,
            object_type: row.object_type,
            object_id: row.object_id,
            before: row.before_text,
            after: row.after_text,
            request_id: row.request_id,
            address: row.address,
            subject: UserId(row.subject_id),
            created_at: row.created_at,
            is_blanked: row.is_blanked,
        }
    }
}

pub async fn insert(db: &impl ConnectionTrait, entry: Entry) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(entry.id),
        actor_id: Set(entry.actor.0),
        action: Set(entry.action),
        object_type: Set(entry.object_type),
        object_id: Set(entry.object_id),
        before_text: Set(entry.before),
        after_text: Set(entry.after),
        request_id: Set(entry.request_id),
        address: Set(entry.address),
        subject_id: Set(entry.subject.0),
        created_at: Set(entry.created_at),
        is_blanked: Set(entry.is_blanked),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

fn condition(db: &impl ConnectionTrait, filter: &Filter) -> Condition {
    let time = |at| timestamp_value(db, Some(at));
    Condition::all()
        .add_option(filter.actor.map(|actor| Column::ActorId.eq(actor.0)))
        .add_option(filter.action.as_deref().map(|action| Column::Action.eq(action)))
        .add_option(filter.object_type.as_deref().map(|kind| Column::ObjectType.eq(kind)))
        .add_option(filter.object_id.as_deref().map(|id| Column::ObjectId.eq(id)))
        .add_option(filter.from.map(|from| Column::CreatedAt.gte(time(from))))
        .add_option(filter.to.map(|to| Column::CreatedAt.lt(time(to))))
}

/// A page of the log, the newest first, and the total.
pub async fn list(db: &DatabaseConnection, filter: &Filter, page: Page) -> Result<(Vec<Entry>, u64), DbError> {
    let query = Entity::find().filter(condition(db, filter));
    let newest_first = query.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
    let (rows, total) = fenz_database::page(db, newest_first.into_model::<Model>(), page).await?;
    Ok((rows.into_iter().map(Entry::from).collect(), total))
}

/// The next entries after a cursor, the oldest first.
pub async fn after(
    db: &impl ConnectionTrait,
    filter: &Filter,
    cursor: Option<Cursor>,
    limit: u64,
) -> Result<Vec<Entry>, DbError> {
    let later = cursor.map(|(at, id)| {
        Condition::any()
            .add(Column::CreatedAt.gt(at))
            .add(Condition::all().add(Column::CreatedAt.eq(at)).add(Column::Id.gt(id)))
    });
    let rows = Entity::find()
        .filter(Condition::all().add(condition(db, filter)).add_option(later))
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(Entry::from).collect())
}

/// Deletes a batch of the failed logins before a time that are about nobody, which
/// strangers can cause; returns their number.
pub async fn prune(db: &impl ConnectionTrait, before: DateTime<Utc>, limit: u64) -> Result<u64, DbError> {
    let old: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::SubjectId.eq(0))
        .filter(Column::ActorId.eq(0))
        .filter(Column::Action.eq("auth.login_failed"))
        .filter(Column::CreatedAt.lt(before))
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    if old.is_empty() {
        return Ok(0);
    }
    Ok(Entity::delete_many().filter(Column::Id.is_in(old)).exec(db).await?.rows_affected)
}

/// Blanks a batch of the entries by or about a user; returns their number.
pub async fn blank_in_txn(txn: &impl ConnectionTrait, user: UserId, limit: u64) -> Result<u64, DbError> {
    let mut blanked = 0;
    for column in [Column::ActorId, Column::SubjectId] {
        let rows: Vec<(i64, String)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::ObjectId])
            .filter(column.eq(user.0))
            .filter(Column::IsBlanked.eq(false))
            .limit(limit)
            .into_tuple()
            .all(txn)
            .await?;
        let ids: Vec<i64> = rows.iter().map(|(id, _)| *id).collect();
        let with_name: Vec<i64> = rows.iter().filter(|(_, object)| !is_id(object)).map(|(id, _)| *id).collect();
        if !with_name.is_empty() {
            Entity::update_many()
                .col_expr(Column::ObjectId, Expr::value(""))
                .filter(Column::Id.is_in(with_name))
                .exec(txn)
                .await?;
        }
        if !ids.is_empty() {
            blanked += ids.len() as u64;
            Entity::update_many()
                .col_expr(Column::Address, Expr::value(""))
                .col_expr(Column::BeforeText, Expr::value(""))
                .col_expr(Column::AfterText, Expr::value(""))
                .col_expr(Column::IsBlanked, Expr::value(true))
                .filter(Column::Id.is_in(ids))
                .exec(txn)
                .await?;
        }
    }
    Ok(blanked)
}
