//! Lists in pages.

use fenz_core::page::Page;
use sea_orm::{DatabaseConnection, PaginatorTrait, Selector, SelectorTrait};

use crate::{DbError, snapshot};

/// A page of an ordered list, and the number of all its rows at the same moment.
///
/// # Errors
/// What the database says.
pub async fn page<S: SelectorTrait + Send + Sync + 'static>(
    db: &DatabaseConnection,
    list: Selector<S>,
    page: Page,
) -> Result<(Vec<S::Item>, u64), DbError> {
    snapshot(db, |txn| async move {
        let pages = list.paginate(&*txn, page.limit);
        let rows = pages.fetch_page(page.offset / page.limit).await?;
        let end = page.offset + rows.len() as u64;
        // A page that is not full ends the list: it needs no count.
        let is_last = end < page.end() && (page.offset == 0 || !rows.is_empty());
        let total = if is_last { end } else { pages.num_items().await? };
        Ok((rows, total))
    })
    .await
}
