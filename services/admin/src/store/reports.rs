//! Reports.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::{DbError, timestamp_value};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use super::entity::report::{ActiveModel, Column, Entity, Model};
use crate::domain::{
    page::Page,
    report::{Action, Filter, Kind, Object, Report, Status},
};

/// The request that is executing the action of a report, and when its claim
/// expires.
pub type Claim = (i64, DateTime<Utc>);

fn report(row: Model) -> Result<Report, DbError> {
    let unknown = |what: &str, value: &str| DbError::malformed(format!("a report has the unknown {what} {value:?}"));
    let kind = Kind::parse(&row.object_type).ok_or_else(|| unknown("object type", &row.object_type))?;
    Ok(Report {
        id: row.id,
        reporter: UserId(row.reporter_id),
        object: Object { kind, id: row.object_id },
        reported: UserId(row.reported_user_id),
        title: row.object_title,
        reason: row.reason,
        text: row.text,
        status: Status::parse(&row.status).ok_or_else(|| unknown("status", &row.status))?,
        assignee: UserId(row.assignee_id),
        action: Action::parse(&row.action),
        note: row.note,
        ban_until: row.ban_until,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Unique among open reports.
fn open_key(reporter: UserId, object: Object) -> String {
    format!("{reporter}/{}/{}", object.kind.as_str(), object.id)
}

/// Stores a new report; a unique violation when the reporter has an open one of
/// the same object.
pub async fn insert(db: &impl ConnectionTrait, report: &Report) -> Result<(), DbError> {
    let row = ActiveModel {
        id: Set(report.id),
        reporter_id: Set(report.reporter.0),
        object_type: Set(report.object.kind.as_str().to_owned()),
        object_id: Set(report.object.id),
        reported_user_id: Set(report.reported.0),
        object_title: Set(report.title.clone()),
        reason: Set(report.reason.clone()),
        text: Set(report.text.clone()),
        status: Set(report.status.as_str().to_owned()),
        assignee_id: Set(report.assignee.0),
        action: Set(report.action.map_or("", Action::as_str).to_owned()),
        note: Set(report.note.clone()),
        ban_until: Set(report.ban_until),
        created_at: Set(report.created_at),
        updated_at: Set(report.updated_at),
        open_key: Set(Some(open_key(report.reporter, report.object))),
        closed_at: Set(None),
        claim_id: Set(0),
        claimed_until: Set(None),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// The number of open reports by a user, and whether one is of this object.
pub async fn count_open(db: &impl ConnectionTrait, reporter: UserId, object: Object) -> Result<(u64, bool), DbError> {
    let open = Entity::find().filter(Column::ReporterId.eq(reporter.0)).filter(Column::OpenKey.is_not_null());
    let same = Entity::find().filter(Column::OpenKey.eq(open_key(reporter, object)));
    Ok((open.count(db).await?, same.one(db).await?.is_some()))
}

pub async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<Report>, DbError> {
    Entity::find_by_id(id).one(db).await?.map(report).transpose()
}

/// A report and its claim, locked until the transaction ends.
pub async fn lock_in_txn(txn: &impl ConnectionTrait, id: i64) -> Result<Option<(Report, Option<Claim>)>, DbError> {
    let Some(row) = Entity::find_by_id(id).lock_exclusive().one(txn).await? else { return Ok(None) };
    let claim = row.claimed_until.map(|until| (row.claim_id, until));
    Ok(Some((report(row)?, claim)))
}

/// Sets or removes the claim.
pub async fn set_claim_in_txn(txn: &impl ConnectionTrait, id: i64, claim: Option<Claim>) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::ClaimId, Expr::value(claim.map_or(0, |(id, _)| id)))
        .col_expr(Column::ClaimedUntil, Expr::value(claim.map(|(_, until)| until)))
        .filter(Column::Id.eq(id))
        .exec(txn)
        .await?;
    Ok(())
}

/// Removes a claim, unless another one replaced it.
pub async fn drop_claim(db: &impl ConnectionTrait, id: i64, claim_id: i64) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::ClaimId, Expr::value(0_i64))
        .col_expr(Column::ClaimedUntil, Expr::value(None::<DateTime<Utc>>))
        .filter(Column::Id.eq(id))
        .filter(Column::ClaimId.eq(claim_id))
        .exec(db)
        .await?;
    Ok(())
}

/// Stores the columns that may change, and removes the claim.
pub async fn save_in_txn(txn: &impl ConnectionTrait, report: &Report) -> Result<(), DbError> {
    let is_open = report.status.is_open();
    // A report without a reporter cannot have a duplicate.
    let open_key = (is_open && report.reporter.0 > 0).then(|| open_key(report.reporter, report.object));
    Entity::update_many()
        .col_expr(Column::ReporterId, Expr::value(report.reporter.0))
        .col_expr(Column::ObjectId, Expr::value(report.object.id))
        .col_expr(Column::ReportedUserId, Expr::value(report.reported.0))
        .col_expr(Column::ObjectTitle, Expr::value(report.title.as_str()))
        .col_expr(Column::Text, Expr::value(report.text.as_str()))
        .col_expr(Column::Status, Expr::value(report.status.as_str()))
        .col_expr(Column::AssigneeId, Expr::value(report.assignee.0))
        .col_expr(Column::Action, Expr::value(report.action.map_or("", Action::as_str)))
        .col_expr(Column::Note, Expr::value(report.note.as_str()))
        .col_expr(Column::BanUntil, Expr::value(timestamp_value(txn, report.ban_until)))
        .col_expr(Column::UpdatedAt, Expr::value(report.updated_at))
        .col_expr(Column::OpenKey, Expr::value(open_key))
        .filter(Column::Id.eq(report.id))
        .exec(txn)
        .await?;
    if !is_open {
        // Only the first time: a later erasure must not postpone the deletion.
        Entity::update_many()
            .col_expr(Column::ClosedAt, Expr::value(report.updated_at))
            .filter(Column::Id.eq(report.id))
            .filter(Column::ClosedAt.is_null())
            .exec(txn)
            .await?;
    }
    set_claim_in_txn(txn, report.id, None).await
}

/// A page of reports, the oldest first, and the total.
pub async fn list(db: &DatabaseConnection, filter: Filter, page: Page) -> Result<(Vec<Report>, u64), DbError> {
    let condition = Condition::all()
        .add_option(filter.status.map(|status| Column::Status.eq(status.as_str())))
        .add_option(filter.kind.map(|kind| Column::ObjectType.eq(kind.as_str())))
        .add_option(filter.assignee.map(|assignee| Column::AssigneeId.eq(assignee.0)));
    let oldest_first = Entity::find().filter(condition).order_by_asc(Column::CreatedAt).order_by_asc(Column::Id);
    let (rows, total) = fenz_database::page(db, oldest_first.into_model(), page).await?;
    Ok((rows.into_iter().map(report).collect::<Result<_, _>>()?, total))
}

/// A batch of the reports by a user.
pub async fn by_reporter(db: &impl ConnectionTrait, user: UserId, limit: u64) -> Result<Vec<i64>, DbError> {
    ids(db, Condition::all().add(Column::ReporterId.eq(user.0)), limit).await
}

/// A batch of the reports of a user's objects.
pub async fn by_reported_user(db: &impl ConnectionTrait, user: UserId, limit: u64) -> Result<Vec<i64>, DbError> {
    ids(db, Condition::all().add(Column::ReportedUserId.eq(user.0)), limit).await
}

async fn ids(db: &impl ConnectionTrait, condition: Condition, limit: u64) -> Result<Vec<i64>, DbError> {
    Ok(Entity::find().select_only().column(Column::Id).filter(condition).limit(limit).into_tuple().all(db).await?)
}

/// Unassigns a user's open reports; returns their number.
pub async fn unassign(db: &impl ConnectionTrait, user: UserId) -> Result<u64, DbError> {
    let unassigned = Entity::update_many()
        .col_expr(Column::AssigneeId, Expr::value(0_i64))
        .filter(Column::AssigneeId.eq(user.0))
        .filter(Column::ClosedAt.is_null())
        .exec(db)
        .await?;
    Ok(unassigned.rows_affected)
}

/// Deletes a batch of the reports closed before a time; returns their number.
pub async fn prune(db: &impl ConnectionTrait, before: DateTime<Utc>, limit: u64) -> Result<u64, DbError> {
    let expired = ids(db, Condition::all().add(Column::ClosedAt.lt(before)), limit).await?;
    if expired.is_empty() {
        return Ok(0);
    }
    Ok(Entity::delete_many().filter(Column::Id.is_in(expired)).exec(db).await?.rows_affected)
}
