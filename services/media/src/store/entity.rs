//! sea-orm entities.

pub mod upload {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
    pub enum State {
        /// In progress; `touched_at` is its last heartbeat.
        #[sea_orm(string_value = "receiving")]
        Receiving,
        /// To be removed by the process that receives it, or by the sweeper once it
        /// has no heartbeat.
        #[sea_orm(string_value = "ending")]
        Aborting,
        #[sea_orm(string_value = "stored")]
        Stored,
        /// Does not exist for callers; its files are not deleted yet.
        #[sea_orm(string_value = "gone")]
        Removed,
    }

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "uploads")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub owner_id: i64,
        pub kind: String,
        pub state: State,
        pub content_type: String,
        /// While receiving: the declared size.
        pub size_bytes: i64,
        pub sha256: String,
        pub duration_seconds: i32,
        pub width: i32,
        pub height: i32,
        /// Of a stored upload: `processing`, `ready` or `failed`.
        pub status: String,
        /// Why it failed; else empty.
        pub failure: String,
        pub object_key: String,
        /// Of the object store; stored before the first part is sent.
        pub multipart_id: Option<String>,
        /// The video whose poster this is.
        pub poster_of: Option<i64>,
        /// What uses it or is about to; none if unused.
        pub used_by_kind: Option<String>,
        pub used_by_id: Option<i64>,
        /// The object that uses it has said so.
        pub is_confirmed: bool,
        pub touched_at: DateTimeUtc,
        pub created_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod reservation {
    use sea_orm::entity::prelude::*;

    /// A request of another service that is about to use an upload.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reservations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub upload_id: i64,
        pub reserved_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod daily_usage {
    use sea_orm::entity::prelude::*;

    /// Bytes that a user sent on a day, removed uploads included.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "daily_usage")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub owner_id: i64,
        /// Days since 1970, UTC.
        #[sea_orm(primary_key, auto_increment = false)]
        pub day: i32,
        pub bytes: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod video_state {
    use sea_orm::entity::prelude::*;

    /// A video's state as of content's newest event.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "video_states")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub video_id: i64,
        pub channel_id: i64,
        /// 0 once it is deleted.
        pub owner_id: i64,
        pub is_published: bool,
        pub is_hidden: bool,
        pub is_deleted: bool,
        /// Of the video; older events are ignored.
        pub version: i64,
        #[sea_orm(column_name = "heard_at")]
        pub updated_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod user_state {
    use sea_orm::entity::prelude::*;

    /// A user's state as of auth's newest event.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "user_states")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i64,
        /// Of the user; older events are ignored.
        pub version: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod channel_state {
    use sea_orm::entity::prelude::*;

    /// A channel's state as of channel's newest event.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "channel_states")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub channel_id: i64,
        pub owner_id: i64,
        pub is_hidden: bool,
        pub is_deleted: bool,
        /// Of the channel; older events are ignored.
        pub version: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
