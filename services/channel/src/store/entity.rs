//! sea-orm entities.

pub mod channel {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "channels")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub owner_id: i64,
        pub name: String,
        #[sea_orm(column_type = "Text")]
        pub description: String,
        pub avatar_upload_id: Option<i64>,
        pub banner_upload_id: Option<i64>,
        /// Minor units.
        pub monthly_fee: i64,
        pub fee_currency: String,
        /// Bit set; 0 is visible.
        pub hidden_reasons: i32,
        pub subscriber_count: i64,
        pub premium_count: i64,
        pub created_at: DateTimeUtc,
        pub version: i64,
        /// Set while the channel is deleted.
        pub deleted_at: Option<DateTimeUtc>,
        /// Memberships up to this version belong to a deleted channel.
        pub membership_floor: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod membership {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "memberships")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub channel_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i64,
        /// 0 if ended.
        pub tier: i32,
        pub status: String,
        pub created_at: DateTimeUtc,
        pub version: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(belongs_to = "super::channel::Entity", from = "Column::ChannelId", to = "super::channel::Column::Id")]
        Channel,
    }

    impl Related<super::channel::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Channel.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod user_name {
    use sea_orm::entity::prelude::*;

    /// A user's state as of auth's newest event.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "user_names")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i64,
        pub username: String,
        pub display_name: String,
        pub is_hidden: bool,
        /// Of the user; older updates are ignored.
        pub version: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
