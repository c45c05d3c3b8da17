//! The audit log: recorded, listed, exported.

use fenz_core::Result;
use fenz_database::Txn;
use futures::{Stream, stream};

use super::App;
use crate::{
    domain::{
        audit::{Entry, Filter},
        page::Page,
    },
    store::{
        audit::{self, Cursor},
        user_locks,
    },
};

/// Entries in memory at a time during an export.
const BATCH_SIZE: u64 = 500;

impl App {
    /// Adds an entry, without personal data when it is by or about an erased user.
    pub async fn record_in_txn(&self, txn: &Txn, mut entry: Entry) -> Result<()> {
        let users = [entry.actor, entry.subject];
        user_locks::lock_in_txn(&**txn, &users).await?;
        for user in users.into_iter().filter(|user| user.0 > 0) {
            if self.erasure_runner.is_erased(&**txn, user).await? {
                entry = entry.blanked();
                break;
            }
        }
        entry.id = self.ids.next();
        Ok(audit::insert(&**txn, entry).await?)
    }

    pub async fn audit_log(&self, filter: &Filter, page: Page) -> Result<(Vec<Entry>, u64)> {
        Ok(audit::list(&self.db, filter, page).await?)
    }

    /// Batches of all entries until now, the oldest first. Each batch is queried
    /// when the previous one was sent; no connection is held in between.
    ///
    /// # Errors
    /// When the first batch cannot be read; later errors are in the stream.
    pub async fn export(&self, mut filter: Filter) -> Result<impl Stream<Item = Result<Vec<Entry>>> + use<>> {
        // Otherwise entries that are added meanwhile could prolong it forever.
        let now = self.clock.now();
        filter.to = Some(filter.to.map_or(now, |to| to.min(now)));
        let first = audit::after(&self.db, &filter, None, BATCH_SIZE).await?;
        let (db, first) = (self.db.clone(), Some(first));
        Ok(stream::try_unfold((first, None), move |(prefetched, cursor): (Option<Vec<Entry>>, Option<Cursor>)| {
            let (db, filter) = (db.clone(), filter.clone());
            async move {
                let entries = match prefetched {
                    Some(entries) => entries,
                    None => audit::after(&db, &filter, cursor, BATCH_SIZE).await?,
                };
                let Some(last) = entries.last() else { return Ok(None) };
                let cursor = (last.created_at, last.id);
                Ok(Some((entries, (None, Some(cursor)))))
            }
        }))
    }
}
