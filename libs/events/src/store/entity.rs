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
    /// An event that was committed and is not on the bus yet.
    outbox, "outbox", {
        #[sea_orm(primary_key)]
        pub seq: i64,
        pub id: String,
        /// Which process wrote it, and publishes it first.
        pub replica: String,
        pub subject: String,
        pub payload: Vec<u8>,
        pub headers: String,
        pub created_at: DateTimeUtc,
    }
);

table!(
    /// An event whose effect a consumer has.
    inbox, "inbox", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub event_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub consumer: String,
        pub handled_at: DateTimeUtc,
    }
);

table!(
    /// An event that waits for its consumer: from the bus of one process, to
    /// be tried again, or replayed.
    mailbox, "mailbox", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub event_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub consumer: String,
        pub subject: String,
        pub payload: Vec<u8>,
        pub headers: String,
        /// How often it failed through its own fault.
        pub tries: i32,
        pub available_at: DateTimeUtc,
    }
);

table!(
    /// An event that was given up.
    dead_letter, "dead_letters", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub event_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub consumer: String,
        pub subject: String,
        pub payload: Vec<u8>,
        pub headers: String,
        pub reason: String,
        pub failed_at: DateTimeUtc,
    }
);

table!(
    /// Work that one replica does for all.
    lease, "leases", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub holder: String,
        pub expires_at: DateTimeUtc,
    }
);

table!(
    /// A user that this service is to forget.
    erasure, "erasures", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub erasure_id: i64,
        pub user_id: i64,
        /// Rows and objects so far.
        pub removed: i64,
        /// Failures since the last success.
        pub attempts: i32,
        pub due_at: DateTimeUtc,
    }
);

table!(
    /// A user that was deleted, kept while late events may come.
    erased_user, "erased_users", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i64,
        pub erased_at: DateTimeUtc,
    }
);
