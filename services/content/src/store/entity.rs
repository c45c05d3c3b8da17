//! The rows, as sea-orm wants them.

pub mod video {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "videos")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub channel_id: i64,
        pub owner_id: i64,
        pub title: String,
        #[sea_orm(column_type = "Text")]
        pub description: String,
        pub category_id: Option<i64>,
        pub access_tier: i32,
        pub is_published: bool,
        /// A bit for each reason; 0 is visible.
        pub hidden_reasons: i32,
        pub views_member: i64,
        pub views_non_member: i64,
        pub duration_seconds: i32,
        pub width: i32,
        pub height: i32,
        pub video_upload_id: i64,
        pub thumbnail_upload_id: Option<i64>,
        pub created_at: DateTimeUtc,
        pub published_at: Option<DateTimeUtc>,
        pub updated_at: DateTimeUtc,
        pub version: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod video_tag {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "video_tags")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub video_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub tag_id: i64,
        /// Keeps the order that the owner gave.
        pub position: i32,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod category {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "categories")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub name: String,
        pub slug: String,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod idempotency_key {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency_keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner_id: i64,
        /// SHA-256 of the key, hexadecimal.
        #[sea_orm(primary_key, auto_increment = false)]
        pub key_hash: String,
        /// SHA-256 of the request, hexadecimal.
        pub request_hash: String,
        pub video_id: i64,
        pub created_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod errand {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "media_errands")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub video_id: i64,
        /// 0: everything that the video's claim holds.
        pub upload_id: i64,
        /// A request is about to use what it claimed; without its word by
        /// `due_at` the claim is released.
        pub is_intent: bool,
        pub keep_files: bool,
        pub attempts: i32,
        pub due_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
