//! The sea-orm entity.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: i64,
    pub kind: String,
    /// Unique in its kind; the id where the job has none of its own.
    pub job_key: String,
    /// JSON.
    pub payload: String,
    /// The lowest first.
    pub priority: i32,
    /// When it may be claimed; of a running job, when its lease ends. None: it is dead.
    pub run_at: Option<DateTimeUtc>,
    /// It was enqueued again while it ran: when it runs once more.
    pub requeue_at: Option<DateTimeUtc>,
    /// The attempt that holds it. None: it waits or is dead.
    pub claim: Option<String>,
    /// Since it was enqueued, the current one included.
    pub attempts: i32,
    pub progress: i32,
    pub message: String,
    /// Of the last failure.
    pub error: String,
    pub enqueued_at: DateTimeUtc,
    /// Since when it runs, or is dead; none in rows of older releases.
    pub changed_at: Option<DateTimeUtc>,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
