//! The rows, as sea-orm wants them.

macro_rules! table {
    ($(#[$doc:meta])* $module:ident, $name:literal, { $($fields:tt)* }) => {
        pub mod $module {
            use sea_orm::entity::prelude::*;

            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $name)]
            pub struct Model { $($fields)* }

            #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
            pub enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

table!(
    /// An account. The keys are the lower-cased forms, which are unique.
    user, "users", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub username: String,
        pub username_key: String,
        pub email: String,
        pub email_key: String,
        pub display_name: String,
        /// For searching; not unique.
        pub display_name_key: String,
        pub password_hash: String,
        pub role: String,
        pub hidden_reasons: i32,
        pub banned_until: Option<DateTimeUtc>,
        pub avatar_upload_id: Option<i64>,
        pub version: i64,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
    }
);

table!(session, "sessions", {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub user_id: i64,
    pub device: String,
    pub address: String,
    pub created_at: DateTimeUtc,
    pub last_used_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
});

table!(
    /// A link of a session's chain; those that were used stay until they expire,
    /// so that using one again is recognised.
    refresh_token, "refresh_tokens", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub session_id: String,
        pub expires_at: DateTimeUtc,
        pub used_at: Option<DateTimeUtc>,
    }
);

table!(
    /// At most one of a kind for a user.
    one_time_token, "one_time_tokens", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub kind: String,
        pub digest: String,
        pub payload: String,
        pub expires_at: DateTimeUtc,
    }
);

table!(signing_key, "signing_keys", {
    /// Counts from 1; being unique, it lets one replica win.
    #[sea_orm(primary_key, auto_increment = false)]
    pub generation: i64,
    pub kid: String,
    pub seed: String,
    pub active_from: DateTimeUtc,
    pub retired_at: Option<DateTimeUtc>,
});

table!(
    /// A session that ended with its account, while an access token of it may be
    /// alive: no word about whose it was.
    ended_session, "ended_sessions", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub ended_at: DateTimeUtc,
    }
);

table!(login_failure, "login_failures", {
    #[sea_orm(primary_key, auto_increment = false)]
    pub digest: String,
    /// Of the name alone, so that what is counted under it can be forgotten.
    pub subject: String,
    pub failures: i32,
    pub blocked_until: DateTimeUtc,
    pub forget_at: DateTimeUtc,
});

table!(
    /// Failed logins that the audit log has not heard of yet, by name as typed
    /// and address.
    unreported_failure, "unreported_failures", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub subject: String,
        pub name: String,
        /// Empty where it is not known.
        pub address: String,
        pub failures: i32,
    }
);

table!(
    /// A claim on an upload that media is to release.
    media_errand, "media_errands", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub claim: String,
        /// Hand the upload back instead of removing its files.
        pub keep_files: bool,
        pub due_at: DateTimeUtc,
        /// Media may have been told; there is no way back.
        pub started: bool,
    }
);
