//! The sea-orm entities.

pub mod audit_entry {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_entries")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub actor_id: i64,
        pub action: String,
        pub object_type: String,
        pub object_id: String,
        #[sea_orm(column_type = "Text")]
        pub before_text: String,
        #[sea_orm(column_type = "Text")]
        pub after_text: String,
        pub request_id: String,
        pub address: String,
        pub subject_id: i64,
        pub created_at: DateTimeUtc,
        pub is_blanked: bool,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod erasure {
    use sea_orm::entity::prelude::*;

    /// The progress of an erasure in all services. The events library has another
    /// table, of the erasures that this service itself runs.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "erasure_progress")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub user_id: i64,
        /// 0 until the request arrives.
        pub version: i64,
        pub attempts: i32,
        pub requested_at: DateTimeUtc,
        /// When its event is published again.
        pub due_at: DateTimeUtc,
        pub is_done: bool,
        pub done_at: Option<DateTimeUtc>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod erasure_step {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "erasure_steps")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub erasure_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub service: String,
        pub removed: i64,
        pub done_at: Option<DateTimeUtc>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod report {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "reports")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub reporter_id: i64,
        pub object_type: String,
        pub object_id: i64,
        pub reported_user_id: i64,
        pub object_title: String,
        pub reason: String,
        #[sea_orm(column_type = "Text")]
        pub text: String,
        pub status: String,
        pub assignee_id: i64,
        pub action: String,
        #[sea_orm(column_type = "Text")]
        pub note: String,
        pub ban_until: Option<DateTimeUtc>,
        pub created_at: DateTimeUtc,
        pub updated_at: DateTimeUtc,
        /// Reporter and object while the report is open; unique.
        pub open_key: Option<String>,
        pub closed_at: Option<DateTimeUtc>,
        /// The request that is executing the action.
        #[sea_orm(column_name = "acting")]
        pub claim_id: i64,
        #[sea_orm(column_name = "acting_until")]
        pub claimed_until: Option<DateTimeUtc>,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod user_lock {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "user_locks")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i64,
        pub number: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
