//! The sea-orm entities.

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
    /// An account. The `_key` columns are lower-cased.
    user, "users", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub username: String,
        pub username_key: String,
        pub email: String,
        pub email_key: String,
        pub display_name: String,
        /// For searching; the only key that is not unique.
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
    /// Used tokens are kept until they expire, to detect reuse.
    refresh_token, "refresh_tokens", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub session_id: String,
        pub expires_at: DateTimeUtc,
        pub used_at: Option<DateTimeUtc>,
    }
);

table!(
    /// At most one per user and kind.
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
    /// Counts from 1; of replicas that insert the same one, one succeeds.
    #[sea_orm(primary_key, auto_increment = false)]
    pub generation: i64,
    pub kid: String,
    pub seed: String,
    pub active_from: DateTimeUtc,
    pub retired_at: Option<DateTimeUtc>,
});

table!(
    /// The end of a session, until its access tokens have expired. It does not
    /// identify the user, whose account may be deleted.
    session_end, "session_ends", {
        /// From the sequence, so in the order of commits.
        #[sea_orm(primary_key, auto_increment = false)]
        pub seq: i64,
        pub session_id: String,
        pub ended_at: DateTimeUtc,
    }
);

table!(login_failure, "login_failures", {
    #[sea_orm(primary_key, auto_increment = false)]
    pub digest: String,
    /// The digest of an account or of what was typed, so that a user's counts can be
    /// deleted.
    pub subject: String,
    pub failures: i32,
    pub blocked_until: DateTimeUtc,
    #[sea_orm(column_name = "forget_at")]
    pub expires_at: DateTimeUtc,
});

table!(
    /// Failed logins not yet reported to the audit log, by account or unknown name,
    /// and address.
    unreported_failure, "unreported_failures", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub digest: String,
        pub subject: String,
        /// What was typed, of releases before; it may be a password. Empty.
        pub name: String,
        /// Empty when unknown.
        pub address: String,
        pub failures: i32,
        /// 0 where there is no such account.
        pub user_id: i64,
    }
);

table!(
    /// Random secrets, made once and kept.
    secret, "secrets", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub value: String,
    }
);
