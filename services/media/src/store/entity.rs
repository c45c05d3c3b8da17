//! The rows, as sea-orm wants them.

pub mod upload {
    use sea_orm::entity::prelude::*;

    /// Where an upload is in its life.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))")]
    pub enum State {
        /// Its bytes are coming; `touched_at` tells that somebody still works on it.
        #[sea_orm(string_value = "receiving")]
        Receiving,
        /// Its bytes may still be coming and are to be removed: whoever takes them
        /// in does so, or the sweeper once nobody does.
        #[sea_orm(string_value = "ending")]
        Ending,
        #[sea_orm(string_value = "stored")]
        Stored,
        /// Not to be seen any more; its files are still to be removed.
        #[sea_orm(string_value = "gone")]
        Gone,
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
        /// While receiving: what the sender announced.
        pub size_bytes: i64,
        pub sha256: String,
        pub duration_seconds: i32,
        pub width: i32,
        pub height: i32,
        pub object_key: String,
        /// Of the object store; there before the first part is.
        pub multipart_id: Option<String>,
        /// The video that this picture is a frame of.
        pub poster_of: Option<i64>,
        /// What uses it; nothing does without.
        pub claim: Option<String>,
        pub touched_at: DateTimeUtc,
        pub created_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod daily {
    use sea_orm::entity::prelude::*;

    /// What a user has sent on a day, also when it is removed since.
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

    /// What content has told of a video.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "video_states")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub video_id: i64,
        pub channel_id: i64,
        /// 0 where only its deletion was told.
        pub owner_id: i64,
        pub is_published: bool,
        pub is_hidden: bool,
        pub is_deleted: bool,
        /// The video's; what is older says nothing new.
        pub version: i64,
        pub heard_at: DateTimeUtc,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod channel_state {
    use sea_orm::entity::prelude::*;

    /// What channel has told of one.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "channel_states")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub channel_id: i64,
        pub owner_id: i64,
        pub is_hidden: bool,
        pub is_deleted: bool,
        /// The channel's; what is older says nothing new.
        pub version: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
