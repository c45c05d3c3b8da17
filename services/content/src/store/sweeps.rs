//! What was deleted that videos belong to, kept until all of them were seen to.
//!
//! A row is kept a while longer than that: requests that were on their way when
//! it came may still store a video.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict},
};

use super::entity::sweep::{ActiveModel, Column, Entity, Model};

/// What was deleted, and so what becomes of its videos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They are deleted too.
    Channel = 1,
    /// They are in no category.
    Category = 2,
    /// They lose the tag.
    Tag = 3,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweep {
    pub kind: Kind,
    pub subject: i64,
    /// Videos from then on are left alone.
    pub made_before: DateTime<Utc>,
    pub keep_until: DateTime<Utc>,
}

impl Sweep {
    fn of(row: &Model) -> Option<Self> {
        let kind = [Kind::Channel, Kind::Category, Kind::Tag].into_iter().find(|kind| *kind as i32 == row.kind)?;
        let (subject, made_before, keep_until) = (row.subject_id, row.made_before, row.keep_until);
        Some(Self { kind, subject, made_before, keep_until })
    }
}

/// Orders a sweep; of two of the same the one that goes further stays.
pub async fn order_in_txn(txn: &impl ConnectionTrait, sweep: &Sweep) -> Result<(), DbErr> {
    let row = ActiveModel {
        kind: Set(sweep.kind as i32),
        subject_id: Set(sweep.subject),
        made_before: Set(sweep.made_before),
        keep_until: Set(sweep.keep_until),
    };
    let exists = OnConflict::columns([Column::Kind, Column::SubjectId]).update_column(Column::SubjectId).to_owned();
    Entity::insert(row).on_conflict(exists).exec_without_returning(txn).await?;
    let columns = [(Column::MadeBefore, sweep.made_before), (Column::KeepUntil, sweep.keep_until)];
    for (column, later) in columns {
        Entity::update_many()
            .col_expr(column, Expr::value(later))
            .filter(Column::Kind.eq(sweep.kind as i32))
            .filter(Column::SubjectId.eq(sweep.subject))
            .filter(column.lt(later))
            .exec(txn)
            .await?;
    }
    Ok(())
}

pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Sweep>, DbErr> {
    let rows = Entity::find().order_by_asc(Column::KeepUntil).all(db).await?;
    Ok(rows.iter().filter_map(Sweep::of).collect())
}

/// Forgets a sweep, unless it was ordered again meanwhile.
pub async fn finish(db: &impl ConnectionTrait, sweep: &Sweep) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::Kind.eq(sweep.kind as i32))
        .filter(Column::SubjectId.eq(sweep.subject))
        .filter(Column::KeepUntil.lte(sweep.keep_until))
        .exec(db)
        .await?;
    Ok(())
}

/// Forgets the sweeps of channels that a deleted user had.
pub async fn forget_channel(db: &impl ConnectionTrait, channel: i64) -> Result<(), DbErr> {
    Entity::delete_many()
        .filter(Column::Kind.eq(Kind::Channel as i32))
        .filter(Column::SubjectId.eq(channel))
        .exec(db)
        .await?;
    Ok(())
}
