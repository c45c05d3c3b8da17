//! Claims: which entity of another service uses an upload.

use chrono::{DateTime, Utc};
use fenz_core::UserId;
use fenz_database::DbError;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, sea_query::Expr};

use super::{
    entity::upload::{Column, Entity, State},
    removal::{RemovedUpload, mark_removed},
    uploads::with_poster,
};
use crate::domain::upload::{Kind, Upload, UploadId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    Claimed { upload: Upload, poster: Option<UploadId> },
    AlreadyClaimed,
    WrongKind(Kind),
    NotFound,
}

/// Claims an owner's upload. One of several concurrent claims succeeds.
pub async fn claim_in_txn(
    txn: &impl ConnectionTrait,
    id: UploadId,
    owner: UserId,
    kind: Kind,
    claim: &str,
) -> Result<ClaimOutcome, DbError> {
    let unclaimed = Entity::update_many()
        .col_expr(Column::Claim, Expr::value(claim))
        .filter(Column::Id.eq(id.0))
        .filter(Column::OwnerId.eq(owner.0))
        .filter(Column::Kind.eq(kind.as_str()))
        .filter(Column::State.eq(State::Stored))
        .filter(Column::PosterOf.is_null())
        .filter(Column::Claim.is_null());
    let won = unclaimed.exec(txn).await?.rows_affected == 1;
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
    let Some(row) = row else { return Ok(ClaimOutcome::NotFound) };
    if row.kind != kind.as_str() {
        return Ok(ClaimOutcome::WrongKind(Upload::from(row).kind));
    }
    if row.claim.as_deref() != Some(claim) {
        return Ok(ClaimOutcome::AlreadyClaimed);
    }
    let poster = Entity::find()
        .filter(Column::PosterOf.eq(id.0))
        .filter(Column::State.eq(State::Stored))
        .filter(Column::Claim.eq(claim))
        .one(txn)
        .await?;
    Ok(ClaimOutcome::Claimed { upload: row.into(), poster: poster.map(|row| UploadId(row.id)) })
}

/// All uploads of a claim, or one upload with its poster.
fn claimed(claim: &str, only: Option<UploadId>) -> Condition {
    let claimed = Condition::all().add(Column::Claim.eq(claim)).add(Column::State.eq(State::Stored));
    claimed.add_option(only.map(with_poster))
}

/// Releases a claim. Its uploads count as unused from now on.
pub async fn unclaim(
    db: &impl ConnectionTrait,
    claim: &str,
    only: Option<UploadId>,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    Entity::update_many()
        .col_expr(Column::Claim, Expr::value(None::<String>))
        .col_expr(Column::TouchedAt, Expr::value(now))
        .filter(claimed(claim, only))
        .exec(db)
        .await?;
    Ok(())
}

/// Removes the uploads of a claim.
pub async fn remove_in_txn(
    txn: &impl ConnectionTrait,
    claim: &str,
    only: Option<UploadId>,
    now: DateTime<Utc>,
) -> Result<Vec<RemovedUpload>, DbError> {
    let rows = Entity::find().filter(claimed(claim, only)).all(txn).await?;
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    // Also the poster of a video that was unclaimed on its own.
    let mut posters = Vec::new();
    if !ids.is_empty() {
        let of_them = Condition::all().add(Column::PosterOf.is_in(ids.clone())).add(Column::Claim.is_null());
        posters = Entity::find().filter(of_them).filter(Column::State.eq(State::Stored)).all(txn).await?;
    }
    let removed: Vec<RemovedUpload> = rows.into_iter().chain(posters).map(RemovedUpload::from).collect();
    mark_removed(txn, removed.iter().map(|upload| upload.id), now).await?;
    Ok(removed)
}
