//! The sea-orm entities.

macro_rules! table {
    ($(#[$doc:meta])* $module:ident, $name:literal, { $($fields:tt)* }) => {
        $(#[$doc])*
        pub mod $module {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $name)]
            pub struct Model {
                $($fields)*
            }

            #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

table!(video, "videos", {
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
    /// Bit set of `HiddenReasons`; 0 is visible.
    pub hidden_reasons: i32,
    pub views_member: i64,
    pub views_non_member: i64,
    pub duration_seconds: i32,
    pub width: i32,
    pub height: i32,
    /// 0 for imported videos, which have no media.
    pub video_upload_id: i64,
    pub thumbnail_upload_id: Option<i64>,
    pub created_at: DateTimeUtc,
    pub published_at: Option<DateTimeUtc>,
    pub updated_at: DateTimeUtc,
    pub version: i64,
    /// When it is to be published.
    pub publish_at: Option<DateTimeUtc>,
    /// `processing`, `ready` or `failed`, and why.
    pub media_status: String,
    pub media_failure: String,
    /// Its key in the catalogue that it was imported from.
    pub import_key: Option<String>,
});

table!(video_tag, "video_tags", {
    #[sea_orm(primary_key, auto_increment = false)]
    pub video_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub tag_id: i64,
    /// The owner's order.
    pub position: i32,
});

table!(category, "categories", {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub name: String,
    pub slug: String,
    /// The name in lower case, for a unique index that ignores case.
    pub name_key: Option<String>,
});

table!(
    /// The latest state of a channel from its events.
    channel_state, "channel_states", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub channel_id: i64,
        pub owner_id: i64,
        pub is_hidden: bool,
        pub is_deleted: bool,
        pub version: i64,
    }
);

table!(
    /// A deletion that is being cascaded to videos.
    cascade, "cascades", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: i32,
        /// The id of the channel, category or tag.
        #[sea_orm(primary_key, auto_increment = false)]
        pub subject_id: i64,
        /// Applies only to videos created before.
        pub made_before: DateTimeUtc,
        /// Until then requests in flight may still store a video.
        pub keep_until: DateTimeUtc,
    }
);

table!(idempotency_key, "idempotency_keys", {
    #[sea_orm(primary_key, auto_increment = false)]
    pub owner_id: i64,
    /// SHA-256 of the key, hexadecimal.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key_hash: String,
    /// SHA-256 of the request, hexadecimal.
    pub request_hash: String,
    pub video_id: i64,
    pub created_at: DateTimeUtc,
});

table!(
    /// A batch of views that was added to the totals, for idempotent retries.
    view_flush, "view_flushes", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub flushed_at: DateTimeUtc,
    }
);

table!(
    /// The views of a video in one hour.
    view_hour, "view_hours", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub video_id: i64,
        /// Hours since 1970, UTC.
        #[sea_orm(primary_key, auto_increment = false)]
        pub hour: i64,
        pub member: i64,
        pub non_member: i64,
    }
);

table!(
    /// An entry of a user's watch history.
    view_record, "view_records", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub video_id: i64,
        /// When last watched.
        pub watched_at: DateTimeUtc,
    }
);

table!(
    /// Watch history settings; enabled without a row.
    history_setting, "history_settings", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i64,
        pub enabled: bool,
        /// Entries up to then are dropped.
        pub cleared_at: Option<DateTimeUtc>,
    }
);
