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
    /// An event that a consumer has applied.
    inbox, "inbox", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub event_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub consumer: String,
        pub handled_at: DateTimeUtc,
    }
);

table!(
    /// An event that waits for its consumer: to be tried again, replayed, or
    /// published without a broker.
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
    /// A task that one replica runs for all.
    lease, "leases", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub name: String,
        pub holder: String,
        pub expires_at: DateTimeUtc,
    }
);

table!(
    /// A request to erase a user's data.
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
    /// A user that was deleted, kept as long as late events may arrive.
    erased_user, "erased_users", {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i64,
        pub erased_at: DateTimeUtc,
    }
);
