//! The newest event of each channel, at hand so that neither a count nor a page
//! looks at what did not move.

use std::hash::{DefaultHasher, Hash, Hasher};

use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QueryResult, QuerySelect,
    sea_query::{Expr, ExprTrait, OnConflict, Query},
};

use super::entity::{
    channel_event as event,
    channel_head::{ActiveModel, Column, Entity},
};
use crate::domain::{Kinds, Seq};

/// The newest event of a kind on a channel that a user is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Head {
    pub channel: i64,
    pub latest: Seq,
    /// When anything among these events last changed.
    pub changed: Seq,
    /// The user is told of what came after this place.
    pub since: Seq,
}

/// The heads of a user's list: audible, visible, wanted channels and kinds with
/// anything for them.
pub async fn of_user(db: &impl ConnectionTrait, user: i64, wanted: Kinds) -> Result<Vec<Head>, DbErr> {
    let of_membership = |table: &'static str| Expr::col((table, "channel_id")).equals(("memberships", "channel_id"));
    let muted = Expr::col(("mutes", "user_id")).equals(("memberships", "user_id")).and(of_membership("mutes"));
    let hidden = of_membership("channels").and(Expr::col(("channels", "is_hidden")).eq(true));
    let query = Query::select()
        .columns([("channel_heads", "channel_id"), ("channel_heads", "latest"), ("channel_heads", "changed")])
        .column(("memberships", "since_seq"))
        .from("memberships")
        .join(JoinType::InnerJoin, "channel_heads", of_membership("channel_heads"))
        .join(JoinType::LeftJoin, "mutes", muted)
        .join(JoinType::LeftJoin, "channels", hidden)
        .and_where(Expr::col(("memberships", "user_id")).eq(user))
        .and_where(Expr::col(("memberships", "tier")).gt(0))
        .and_where(Expr::col(("mutes", "user_id")).is_null())
        .and_where(Expr::col(("channels", "channel_id")).is_null())
        .and_where(Expr::col(("channel_heads", "kind")).is_in(wanted.numbers()))
        .and_where(Expr::col(("channel_heads", "latest")).gt(Expr::col(("memberships", "since_seq"))))
        .to_owned();
    let head = |row: QueryResult| {
        Ok(Head {
            channel: row.try_get("", "channel_id")?,
            latest: row.try_get("", "latest")?,
            changed: row.try_get("", "changed")?,
            since: row.try_get("", "since_seq")?,
        })
    };
    let mut heads = db.query_all(&query).await?.into_iter().map(head).collect::<Result<Vec<_>, DbErr>>()?;
    // The newest first; what is equal has the same fingerprint.
    heads.sort_unstable_by_key(|head| std::cmp::Reverse((head.latest, head.channel)));
    Ok(heads)
}

/// Equal for equal heads: nothing has moved.
pub fn fingerprint(heads: &[Head]) -> u64 {
    let mut hasher = DefaultHasher::new();
    heads.hash(&mut hasher);
    hasher.finish()
}

/// A new event is its channel's newest.
pub async fn advance_in_txn(txn: &impl ConnectionTrait, channel: i64, kind: i32, seq: Seq) -> Result<(), DbErr> {
    put_in_txn(txn, (channel, kind), seq, seq).await
}

/// Looks the newest event up again after some have changed.
pub async fn refresh_in_txn(txn: &impl ConnectionTrait, channel: i64, kind: i32, seq: Seq) -> Result<(), DbErr> {
    let latest = event::Entity::find()
        .select_only()
        .column_as(event::Column::Seq.max(), "latest")
        .filter(event::Column::ChannelId.eq(channel))
        .filter(event::Column::Kind.eq(kind))
        .filter(event::Column::IsVisible.eq(true))
        .into_tuple::<Option<Seq>>()
        .one(txn)
        .await?;
    if let Some(latest) = latest.flatten() {
        return put_in_txn(txn, (channel, kind), latest, seq).await;
    }
    Entity::delete_many().filter(Column::ChannelId.eq(channel)).filter(Column::Kind.eq(kind)).exec(txn).await?;
    Ok(())
}

/// Looks the newest events of a channel up again, of every kind.
pub async fn refresh_channel_in_txn(txn: &impl ConnectionTrait, channel: i64, seq: Seq) -> Result<(), DbErr> {
    let kinds: Vec<i32> = Entity::find()
        .select_only()
        .column(Column::Kind)
        .filter(Column::ChannelId.eq(channel))
        .into_tuple()
        .all(txn)
        .await?;
    for kind in kinds {
        refresh_in_txn(txn, channel, kind, seq).await?;
    }
    Ok(())
}

async fn put_in_txn(txn: &impl ConnectionTrait, of: (i64, i32), latest: Seq, changed: Seq) -> Result<(), DbErr> {
    let row = ActiveModel { channel_id: Set(of.0), kind: Set(of.1), latest: Set(latest), changed: Set(changed) };
    let replace = OnConflict::columns([Column::ChannelId, Column::Kind])
        .update_columns([Column::Latest, Column::Changed])
        .to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(txn).await?;
    Ok(())
}

/// Forgets the heads of channels whose events are all gone.
pub async fn prune(db: &impl ConnectionTrait, up_to: Seq) -> Result<(), DbErr> {
    Entity::delete_many().filter(Column::Latest.lte(up_to)).exec(db).await?;
    Ok(())
}
