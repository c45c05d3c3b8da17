//! Claims: what uses an upload.

use chrono::{DateTime, Utc};
use fenz_chassis::UserId;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    entity::upload::{Column, Entity, State},
    removal::{Leftover, mark_gone},
    uploads::this_or_its_poster,
};
use crate::domain::upload::{Kind, Upload, UploadId};

/// How a claim went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    Yes { upload: Upload, poster: Option<UploadId> },
    ByAnother,
    WrongKind(Kind),
    Unknown,
}

/// Takes an owner's upload into use. Of several claims at once one wins.
pub async fn claim_in_txn(
    txn: &impl ConnectionTrait,
    id: UploadId,
    owner: UserId,
    kind: Kind,
    claim: &str,
) -> Result<Claimed, DbErr> {
    let free = Entity::update_many()
        .col_expr(Column::Claim, Expr::value(claim))
        .filter(Column::Id.eq(id.0))
        .filter(Column::OwnerId.eq(owner.0))
        .filter(Column::Kind.eq(kind.as_str()))
        .filter(Column::State.eq(State::Stored))
        .filter(Column::PosterOf.is_null())
        .filter(Column::Claim.is_null());
    let won = free.exec(txn).await?.rows_affected == 1;
    if won {
        Entity::update_many()
            .col_expr(Column::Claim, Expr::value(claim))
            .filter(Column::PosterOf.eq(id.0))
            .filter(Column::State.eq(State::Stored))
            .exec(txn)
            .await?;
    }
    let row = Entity::find_by_id(id.0)
        .filter(Column::OwnerId.eq(owner.0))
        .filter(Column::State.eq(State::Stored))
        .filter(Column::PosterOf.is_null())
        .one(txn)
        .await?;
    let Some(row) = row else { return Ok(Claimed::Unknown) };
    if row.kind != kind.as_str() {
        return Ok(Claimed::WrongKind(Upload::from(row).kind));
    }
    if row.claim.as_deref() != Some(claim) {
        return Ok(Claimed::ByAnother);
    }
    let poster = Entity::find()
        .filter(Column::PosterOf.eq(id.0))
        .filter(Column::State.eq(State::Stored))
        .filter(Column::Claim.eq(claim))
        .one(txn)
        .await?;
    Ok(Claimed::Yes { upload: row.into(), poster: poster.map(|row| UploadId(row.id)) })
}

/// What a claim holds: all of it, or one upload and the frame taken of it.
fn held(claim: &str, only: Option<UploadId>) -> Condition {
    let held = Condition::all().add(Column::Claim.eq(claim)).add(Column::State.eq(State::Stored));
    held.add_option(only.map(this_or_its_poster))
}

/// Frees what a claim holds for another use; unused, it is removed after a while
/// that begins now.
pub async fn free(
    db: &impl ConnectionTrait,
    claim: &str,
    only: Option<UploadId>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Claim, Expr::value(None::<String>))
        .col_expr(Column::TouchedAt, Expr::value(now))
        .filter(held(claim, only))
        .exec(db)
        .await?;
    Ok(())
}

/// Ends the life of what a claim holds; gives what is to be removed.
pub async fn end_in_txn(
    txn: &impl ConnectionTrait,
    claim: &str,
    only: Option<UploadId>,
    now: DateTime<Utc>,
) -> Result<Vec<Leftover>, DbErr> {
    let rows = Entity::find().filter(held(claim, only)).all(txn).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    // A video's frame goes with it, also one that was freed on its own.
    let mut frames = Vec::new();
    if !ids.is_empty() {
        let of_them = Condition::all().add(Column::PosterOf.is_in(ids.clone())).add(Column::Claim.is_null());
        frames = Entity::find().filter(of_them).filter(Column::State.eq(State::Stored)).all(txn).await?;
    }
    let leftovers: Vec<Leftover> = rows.into_iter().chain(frames).map(Leftover::from).collect();
    mark_gone(txn, leftovers.iter().map(|l| l.id), now).await?;
    Ok(leftovers)
}
