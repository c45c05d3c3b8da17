//! The schema, one statement per step: MariaDB commits each.

use fenz_database::schema::{big, column, index, long_text, number, table, text, timestamp, unique};
use sea_orm_migration::prelude::*;

/// The tables of the library; a service appends them to its own.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        table("m20261130_000001_jobs", jobs),
        unique("m20261130_000002_jobs_key", "jobs", &["kind", "job_key"]),
        // In the order in which they are claimed.
        index("m20261130_000003_jobs_claim", "jobs", &["priority", "run_at"]),
        // When the next is due.
        index("m20261130_000004_jobs_due", "jobs", &["run_at"]),
        column("m20261130_000005_jobs_changed_at", "jobs", |manager| timestamp(manager, "changed_at")),
    ]
}

fn jobs(manager: &SchemaManager) -> TableCreateStatement {
    Table::create()
        .table("jobs")
        .col(big("id").primary_key())
        .col(text("kind", 64))
        .col(text("job_key", 128))
        .col(long_text("payload"))
        .col(number("priority"))
        .col(timestamp(manager, "run_at"))
        .col(timestamp(manager, "requeue_at"))
        .col(ColumnDef::new("claim").string_len(64))
        .col(number("attempts"))
        .col(number("progress"))
        .col(long_text("message"))
        .col(long_text("error"))
        .col(timestamp(manager, "enqueued_at").not_null())
        .to_owned()
}
