//! Steps of migrations, and columns as every service has them. One statement
//! for each step: MariaDB commits each.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

use crate::collation;

/// One migration. Its name is `m<date>_<number>_<what>`, unique in the service
/// and kept for ever: databases remember what they have applied by it.
pub type Step = Box<dyn MigrationTrait>;

/// Makes a table.
pub fn table(name: &'static str, build: fn(&SchemaManager) -> TableCreateStatement) -> Step {
    step(name, move |manager| Change::Table(Box::new(build(manager))))
}

/// Makes an index, which is called as the step is, without date and number.
pub fn index(name: &'static str, table: &'static str, columns: &[&'static str]) -> Step {
    index_as(name, called(name), table, columns)
}

/// The same with another name.
pub fn index_as(name: &'static str, index: &'static str, table: &'static str, columns: &[&'static str]) -> Step {
    let built = build_index(index, table, columns);
    step(name, move |_| Change::Index(built.clone()))
}

/// Makes an index that keeps values apart.
pub fn unique(name: &'static str, table: &'static str, columns: &[&'static str]) -> Step {
    let built = build_index(called(name), table, columns).unique().to_owned();
    step(name, move |_| Change::Index(built.clone()))
}

/// Adds a column: one that may be null, or has a default for the rows that are
/// there.
pub fn column(name: &'static str, table: &'static str, build: fn(&SchemaManager) -> ColumnDef) -> Step {
    step(name, move |manager| Change::Column(Table::alter().table(table).add_column(build(manager)).to_owned()))
}

/// Drops a column that no release reads any more.
pub fn drop_column(name: &'static str, table: &'static str, column: &'static str) -> Step {
    step(name, move |_| Change::Column(Table::alter().table(table).drop_column(column).to_owned()))
}

/// Drops an index.
pub fn drop_index(name: &'static str, index: &'static str, table: &'static str) -> Step {
    step(name, move |_| Change::DropIndex(Index::drop().name(index).table(table).to_owned()))
}

/// Drops a table that no release reads any more.
pub fn drop_table(name: &'static str, table: &'static str) -> Step {
    step(name, move |_| Change::DropTable(Table::drop().table(table).to_owned()))
}

/// Inserts a table's first rows.
pub fn rows(name: &'static str, build: fn() -> InsertStatement) -> Step {
    step(name, move |_| Change::Rows(Box::new(build())))
}

/// Fills tables from others. It may run again after a crash, and is the same on all
/// databases.
pub fn sql(name: &'static str, statement: &'static str) -> Step {
    step(name, move |_| Change::Sql(statement))
}

/// Gives a table another name.
pub fn rename_table(name: &'static str, from: &'static str, to: &'static str) -> Step {
    step(name, move |_| Change::Rename(Table::rename().table(from, to).to_owned()))
}

/// A 64-bit number: an id, a version, a count.
pub fn big(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().to_owned()
}

pub fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).integer().not_null().to_owned()
}

pub fn flag(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().to_owned()
}

/// A column of a point in time, to the microsecond on all three databases.
pub fn timestamp(manager: &SchemaManager, name: impl IntoIden) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match manager.get_database_backend() {
        DbBackend::MySql => column.custom(Alias::new("datetime(6)")),
        _ => column.timestamp_with_time_zone(),
    };
    column
}

/// Text of so many characters at most.
pub fn text(name: &'static str, length: u32) -> ColumnDef {
    ColumnDef::new(name).string_len(length).not_null().to_owned()
}

/// Text of any length.
pub fn long_text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().to_owned()
}

fn called(name: &'static str) -> &'static str {
    name.splitn(3, '_').last().unwrap_or(name)
}

fn build_index(index: &str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut built = Index::create();
    built.name(index).table(table);
    for column in columns {
        built.col(*column);
    }
    built
}

enum Change {
    Table(Box<TableCreateStatement>),
    Index(IndexCreateStatement),
    DropIndex(IndexDropStatement),
    Column(TableAlterStatement),
    DropTable(TableDropStatement),
    Rename(TableRenameStatement),
    Rows(Box<InsertStatement>),
    Sql(&'static str),
}

struct Simple<F> {
    name: &'static str,
    change: F,
}

fn step(name: &'static str, change: impl Fn(&SchemaManager) -> Change + Send + Sync + 'static) -> Step {
    Box::new(Simple { name, change })
}

impl<F> MigrationName for Simple<F> {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl<F: Fn(&SchemaManager) -> Change + Send + Sync> MigrationTrait for Simple<F> {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        match (self.change)(manager) {
            Change::Table(mut table) => {
                if manager.get_database_backend() == DbBackend::MySql {
                    table.character_set("utf8mb4").collate(collation::unpadded(manager.get_connection()).await?);
                }
                manager.create_table(*table).await
            }
            Change::Index(index) => manager.create_index(index).await,
            Change::DropIndex(index) => manager.drop_index(index).await,
            Change::Column(table) => manager.alter_table(table).await,
            Change::DropTable(table) => manager.drop_table(table).await,
            Change::Rename(table) => manager.rename_table(table).await,
            Change::Rows(rows) => manager.execute(*rows).await,
            Change::Sql(statement) => manager.get_connection().execute_unprepared(statement).await.map(|_| ()),
        }
    }
}
