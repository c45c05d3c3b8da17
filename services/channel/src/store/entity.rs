//! The rows, as sea-orm wants them.

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
        /// A bit for each reason; 0 is visible.
        pub hidden_reasons: i32,
        pub subscriber_count: i64,
        pub premium_count: i64,
        pub created_at: DateTimeUtc,
        pub version: i64,
        /// Only what a new one goes on from is left.
        pub deleted_at: Option<DateTimeUtc>,
        /// Memberships up to this version are of a deleted one.
        pub membership_floor: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod clearing {
    use sea_orm::entity::prelude::*;

    /// A channel whose deleted memberships are still to be removed.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "clearings")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub channel_id: i64,
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
        /// 0 where it has ended.
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

    /// What auth has told of a user.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "user_names")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i64,
        pub username: String,
        pub display_name: String,
        pub is_hidden: bool,
        /// The user's; what is older says nothing new.
        pub version: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod errand {
    use sea_orm::entity::prelude::*;

    /// A claim on an upload that media is to release.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "media_errands")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub channel_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub picture: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub upload_id: i64,
        /// Hand the upload back instead of removing its files.
        pub keep_files: bool,
        /// Media may have been told; there is no way back.
        pub started: bool,
        pub attempts: i32,
        pub due_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
