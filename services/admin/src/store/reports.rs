//! Reports.

use chrono::{DateTime, Utc};
use fenz_chassis::database::far_time;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

use super::entity::report::{ActiveModel, Column, Entity, Model};
use crate::domain::{
    page::Page,
    report::{Action, Filter, Kind, Object, Report, Status},
};

/// Who is carrying out the action of a report, and until when nobody else may.
pub type Claim = (i64, DateTime<Utc>);

fn report(row: Model) -> Result<Report, DbErr> {
    let stored = |what: &str, word: &str| DbErr::Type(format!("a report has the {what} {word:?}"));
    let kind = Kind::parse(&row.object_type).ok_or_else(|| stored("object type", &row.object_type))?;
    Ok(Report {
        id: row.id,
        reporter: row.reporter_id,
        object: Object { kind, id: row.object_id },
        reported: row.reported_user_id,
        title: row.object_title,
        reason: row.reason,
        text: row.text,
        status: Status::parse(&row.status).ok_or_else(|| stored("status", &row.status))?,
        assignee: row.assignee_id,
        action: Action::parse(&row.action),
        note: row.note,
        ban_until: row.ban_until,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// What there is once while a report is open.
fn open_key(reporter: i64, object: Object) -> String {
    format!("{reporter}/{}/{}", object.kind.as_str(), object.id)
}

/// Stores a new report; a unique violation when the reporter has an open one of
/// the same object.
pub async fn insert(db: &impl ConnectionTrait, report: &Report) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: Set(report.id),
        reporter_id: Set(report.reporter),
        object_type: Set(report.object.kind.as_str().to_owned()),
        object_id: Set(report.object.id),
        reported_user_id: Set(report.reported),
        object_title: Set(report.title.clone()),
        reason: Set(report.reason.clone()),
        text: Set(report.text.clone()),
        status: Set(report.status.as_str().to_owned()),
        assignee_id: Set(report.assignee),
        action: Set(report.action.map_or("", Action::as_str).to_owned()),
        note: Set(report.note.clone()),
        ban_until: Set(report.ban_until),
        created_at: Set(report.created_at),
        updated_at: Set(report.updated_at),
        open_key: Set(Some(open_key(report.reporter, report.object))),
        closed_at: Set(None),
        acting: Set(0),
        acting_until: Set(None),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

/// How many open reports a user has, and whether one is of this object.
pub async fn open_of(db: &impl ConnectionTrait, reporter: i64, object: Object) -> Result<(u64, bool), DbErr> {
    let open = Entity::find().filter(Column::ReporterId.eq(reporter)).filter(Column::OpenKey.is_not_null());
    let same = Entity::find().filter(Column::OpenKey.eq(open_key(reporter, object)));
    Ok((open.count(db).await?, same.one(db).await?.is_some()))
}

pub async fn find(db: &impl ConnectionTrait, id: i64) -> Result<Option<Report>, DbErr> {
    Entity::find_by_id(id).one(db).await?.map(report).transpose()
}

/// A report that nobody else changes until the transaction ends, and who is
/// carrying its action out.
pub async fn lock_in_txn(txn: &impl ConnectionTrait, id: i64) -> Result<Option<(Report, Option<Claim>)>, DbErr> {
    let Some(row) = Entity::find_by_id(id).lock_exclusive().one(txn).await? else { return Ok(None) };
    let claim = row.acting_until.map(|until| (row.acting, until));
    Ok(Some((report(row)?, claim)))
}

/// Says who is carrying its action out, or that nobody is.
pub async fn set_claim_in_txn(txn: &impl ConnectionTrait, id: i64, claim: Option<Claim>) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Acting, Expr::value(claim.map_or(0, |(acting, _)| acting)))
        .col_expr(Column::ActingUntil, Expr::value(claim.map(|(_, until)| until)))
        .filter(Column::Id.eq(id))
        .exec(txn)
        .await?;
    Ok(())
}

/// Takes a claim back, if it is still there.
pub async fn drop_claim(db: &impl ConnectionTrait, id: i64, acting: i64) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Acting, Expr::value(0_i64))
        .col_expr(Column::ActingUntil, Expr::value(None::<DateTime<Utc>>))
        .filter(Column::Id.eq(id))
        .filter(Column::Acting.eq(acting))
        .exec(db)
        .await?;
    Ok(())
}

/// Stores what may change of a report; nobody is carrying its action out then.
pub async fn save_in_txn(txn: &impl ConnectionTrait, report: &Report) -> Result<(), DbErr> {
    let is_open = report.status.is_open();
    // Of one whose reporter was forgotten nobody can have a second.
    let open_key = (is_open && report.reporter > 0).then(|| open_key(report.reporter, report.object));
    Entity::update_many()
        .col_expr(Column::ReporterId, Expr::value(report.reporter))
        .col_expr(Column::ObjectId, Expr::value(report.object.id))
        .col_expr(Column::ReportedUserId, Expr::value(report.reported))
        .col_expr(Column::ObjectTitle, Expr::value(report.title.as_str()))
        .col_expr(Column::Text, Expr::value(report.text.as_str()))
        .col_expr(Column::Status, Expr::value(report.status.as_str()))
        .col_expr(Column::AssigneeId, Expr::value(report.assignee))
        .col_expr(Column::Action, Expr::value(report.action.map_or("", Action::as_str)))
        .col_expr(Column::Note, Expr::value(report.note.as_str()))
        .col_expr(Column::BanUntil, Expr::value(far_time(txn, report.ban_until)))
        .col_expr(Column::UpdatedAt, Expr::value(report.updated_at))
        .col_expr(Column::OpenKey, Expr::value(open_key))
        .filter(Column::Id.eq(report.id))
        .exec(txn)
        .await?;
    if !is_open {
        // Since the first time: what an erasure changes later does not prolong it.
        Entity::update_many()
            .col_expr(Column::ClosedAt, Expr::value(report.updated_at))
            .filter(Column::Id.eq(report.id))
            .filter(Column::ClosedAt.is_null())
            .exec(txn)
            .await?;
    }
    set_claim_in_txn(txn, report.id, None).await
}

/// A page of reports, the oldest first, and how many there are.
pub async fn list(db: &impl ConnectionTrait, filter: Filter, page: Page) -> Result<(Vec<Report>, u64), DbErr> {
    let among = Condition::all()
        .add_option(filter.status.map(|status| Column::Status.eq(status.as_str())))
        .add_option(filter.kind.map(|kind| Column::ObjectType.eq(kind.as_str())))
        .add_option(filter.assignee.map(|assignee| Column::AssigneeId.eq(assignee)));
    let query = Entity::find().filter(among);
    let total = query.clone().count(db).await?;
    if page.offset >= total {
        return Ok((Vec::new(), total));
    }
    let oldest_first = query.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id);
    let rows = oldest_first.offset(page.offset).limit(page.limit).all(db).await?;
    Ok((rows.into_iter().map(report).collect::<Result<_, _>>()?, total))
}

/// Some reports by a user.
pub async fn by(db: &impl ConnectionTrait, user: i64, most: u64) -> Result<Vec<i64>, DbErr> {
    ids(db, Condition::all().add(Column::ReporterId.eq(user)), most).await
}

/// Some reports about a user's things.
pub async fn about(db: &impl ConnectionTrait, user: i64, most: u64) -> Result<Vec<i64>, DbErr> {
    ids(db, Condition::all().add(Column::ReportedUserId.eq(user)), most).await
}

async fn ids(db: &impl ConnectionTrait, among: Condition, most: u64) -> Result<Vec<i64>, DbErr> {
    Entity::find().select_only().column(Column::Id).filter(among).limit(most).into_tuple().all(db).await
}

/// Gives back what a user had taken on and not closed; how much.
pub async fn give_back(db: &impl ConnectionTrait, user: i64) -> Result<u64, DbErr> {
    let given = Entity::update_many()
        .col_expr(Column::AssigneeId, Expr::value(0_i64))
        .filter(Column::AssigneeId.eq(user))
        .filter(Column::ClosedAt.is_null())
        .exec(db)
        .await?;
    Ok(given.rows_affected)
}

/// Drops some that were closed before a moment; how many.
pub async fn prune(db: &impl ConnectionTrait, before: DateTime<Utc>, most: u64) -> Result<u64, DbErr> {
    let old = ids(db, Condition::all().add(Column::ClosedAt.lt(before)), most).await?;
    if old.is_empty() {
        return Ok(0);
    }
    Ok(Entity::delete_many().filter(Column::Id.is_in(old)).exec(db).await?.rows_affected)
}
