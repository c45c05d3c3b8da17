//! Cascades of a deletion to videos that are not finished.
//!
//! A row outlives its last video for a while: requests in flight at the deletion may
//! still store one.

use chrono::{DateTime, Utc};
use fenz_core::ChannelId;
use fenz_database::{DbError, insert_or_lock_in_txn};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};

use super::entity::cascade::{ActiveModel, Column, Entity, Model};

/// What was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Deletes its videos.
    Channel = 1,
    /// Removes the category from its videos.
    Category = 2,
    /// Removes the tag from its videos.
    Tag = 3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cascade {
    pub kind: Kind,
    /// The id of the channel, category or tag.
    pub subject: i64,
    /// Applies only to videos created before.
    pub made_before: DateTime<Utc>,
    pub keep_until: DateTime<Utc>,
}

impl Cascade {
    fn from_row(row: &Model) -> Option<Self> {
        let kind = [Kind::Channel, Kind::Category, Kind::Tag].into_iter().find(|kind| *kind as i32 == row.kind)?;
        let (subject, made_before, keep_until) = (row.subject_id, row.made_before, row.keep_until);
        Some(Self { kind, subject, made_before, keep_until })
    }
}

/// Schedules a cascade. One for the same subject is extended to the later times.
pub async fn schedule_in_txn(txn: &impl ConnectionTrait, cascade: &Cascade) -> Result<(), DbError> {
    let row = ActiveModel {
        kind: Set(cascade.kind as i32),
        subject_id: Set(cascade.subject),
        made_before: Set(cascade.made_before),
        keep_until: Set(cascade.keep_until),
    };
    insert_or_lock_in_txn(txn, row).await?;
    let columns = [(Column::MadeBefore, cascade.made_before), (Column::KeepUntil, cascade.keep_until)];
    for (column, later) in columns {
        Entity::update_many()
            .col_expr(column, Expr::value(later))
            .filter(Column::Kind.eq(cascade.kind as i32))
            .filter(Column::SubjectId.eq(cascade.subject))
            .filter(column.lt(later))
            .exec(txn)
            .await?;
    }
    Ok(())
}

pub async fn all(db: &impl ConnectionTrait) -> Result<Vec<Cascade>, DbError> {
    let rows = Entity::find().order_by_asc(Column::KeepUntil).all(db).await?;
    Ok(rows.iter().filter_map(Cascade::from_row).collect())
}

/// Deletes a finished cascade, unless it was scheduled again meanwhile.
pub async fn finish(db: &impl ConnectionTrait, cascade: &Cascade) -> Result<(), DbError> {
    Entity::delete_many()
        .filter(Column::Kind.eq(cascade.kind as i32))
        .filter(Column::SubjectId.eq(cascade.subject))
        .filter(Column::KeepUntil.lte(cascade.keep_until))
        .exec(db)
        .await?;
    Ok(())
}

/// Deletes the cascade of a channel whose owner is being erased.
pub async fn delete_of_channel(db: &impl ConnectionTrait, channel: ChannelId) -> Result<(), DbError> {
    Entity::delete_many()
        .filter(Column::Kind.eq(Kind::Channel as i32))
        .filter(Column::SubjectId.eq(channel.0))
        .exec(db)
        .await?;
    Ok(())
}
