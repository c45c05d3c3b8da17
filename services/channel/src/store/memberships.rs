//! Memberships.

use fenz_chassis::UserId;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::{
    channels,
    entity::{
        channel,
        membership::{ActiveModel, Column, Entity, Model},
    },
};
use crate::domain::{Channel, ChannelId, Membership, Status, Tier, page::Page};

fn membership(row: &Model) -> Result<Membership, DbErr> {
    let unknown = || DbErr::Type(format!("a membership has the unknown status {}", row.status));
    Ok(Membership {
        channel: ChannelId(row.channel_id),
        user: UserId(row.user_id),
        tier: Tier::of(row.tier),
        status: Status::parse(&row.status).ok_or_else(unknown)?,
        created_at: row.created_at,
        version: row.version,
    })
}

/// A user's membership of a channel, ended ones too.
pub async fn find(db: &impl ConnectionTrait, channel: ChannelId, user: UserId) -> Result<Option<Membership>, DbErr> {
    let row = Entity::find_by_id((channel.0, user.0)).one(db).await?;
    row.as_ref().map(membership).transpose()
}

/// The tier of a user's membership of a channel.
pub async fn tier(db: &impl ConnectionTrait, channel: ChannelId, user: UserId) -> Result<Tier, DbErr> {
    let query = Entity::find_by_id((channel.0, user.0)).select_only().column(Column::Tier);
    Ok(Tier::of(query.into_tuple::<i32>().one(db).await?.unwrap_or_default()))
}

/// Stores a membership; `before` is what is stored already. The caller has
/// locked the channel.
pub async fn store_in_txn(
    txn: &impl ConnectionTrait,
    before: Option<&Membership>,
    after: &Membership,
) -> Result<(), DbErr> {
    let mut row = ActiveModel {
        tier: Set(after.tier.number()),
        status: Set(after.status.as_str().to_owned()),
        created_at: Set(after.created_at),
        version: Set(after.version),
        ..ActiveModel::default()
    };
    if before.is_some() {
        let of_user = Entity::update_many().set(row).filter(Column::UserId.eq(after.user.0));
        of_user.filter(Column::ChannelId.eq(after.channel.0)).exec(txn).await?;
    } else {
        row.channel_id = Set(after.channel.0);
        row.user_id = Set(after.user.0);
        Entity::insert(row).exec_without_returning(txn).await?;
    }
    Ok(())
}

/// The visible channels that a user belongs to, the newest membership first,
/// and how many there are.
pub async fn of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    page: Page,
) -> Result<(Vec<(Membership, Channel)>, u64), DbErr> {
    let query = Entity::find()
        .find_also_related(channel::Entity)
        .filter(Column::UserId.eq(user.0))
        .filter(Column::Tier.gt(0))
        .filter(channel::Column::HiddenReasons.eq(0));
    let total = query.clone().count(db).await?;
    if page.offset >= total {
        return Ok((Vec::new(), total));
    }
    let newest_first = query.order_by_desc(Column::CreatedAt).order_by_desc(Column::ChannelId);
    let mut found = Vec::new();
    for (row, of) in newest_first.offset(page.offset).limit(page.limit).all(db).await? {
        if let Some(of) = of {
            found.push((membership(&row)?, channels::channel(of)?));
        }
    }
    Ok((found, total))
}

/// Who belongs to a channel, the newest first.
pub async fn of_channel(db: &impl ConnectionTrait, id: ChannelId, page: Page) -> Result<Vec<Membership>, DbErr> {
    let rows = Entity::find()
        .filter(Column::ChannelId.eq(id.0))
        .filter(Column::Tier.gt(0))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::UserId)
        .offset(page.offset)
        .limit(page.limit)
        .all(db)
        .await?;
    rows.iter().map(membership).collect()
}

/// The channels that a user belongs to, the newest membership first.
pub async fn channels_of_user(db: &impl ConnectionTrait, user: UserId, limit: u64) -> Result<Vec<i64>, DbErr> {
    let rows = Entity::find()
        .select_only()
        .column(Column::ChannelId)
        .filter(Column::UserId.eq(user.0))
        .filter(Column::Tier.gt(0))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::ChannelId);
    rows.limit(limit).into_tuple().all(db).await
}
