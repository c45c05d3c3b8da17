//! The audit log: taking entries in, reading them, handing all of them out.

use fenz_chassis::{Result, UserId, database::Txn};
use futures::{Stream, stream};

use super::App;
use crate::{
    domain::{
        audit::{Entry, Filter},
        page::Page,
    },
    store::{
        audit::{self, Place},
        turns,
    },
};

/// Entries that are in memory at a time while all are handed out.
const PORTION: u64 = 500;

impl App {
    /// Adds an entry; without what is personal where it is by or about a user
    /// who was forgotten.
    pub async fn record_in_txn(&self, txn: &Txn, mut entry: Entry) -> Result<()> {
        let users = [entry.actor, entry.subject];
        turns::take_in_txn(&**txn, &users).await?;
        for user in users.into_iter().filter(|user| *user > 0) {
            if self.orders.is_erased(&**txn, UserId(user)).await? {
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

    /// All entries until now, the oldest first, some at a time: each portion is
    /// read when the one before is gone, and no connection is held between.
    ///
    /// # Errors
    /// When the first portion cannot be read; later ones are in the stream.
    pub async fn export(&self, mut filter: Filter) -> Result<impl Stream<Item = Result<Vec<Entry>>> + use<>> {
        // So that it comes to an end, however much is added meanwhile.
        let now = self.clock.now();
        filter.to = Some(filter.to.map_or(now, |to| to.min(now)));
        let first = audit::after(&self.db, &filter, None, PORTION).await?;
        let (db, first) = (self.db.clone(), Some(first));
        Ok(stream::try_unfold((first, None), move |(ready, place): (Option<Vec<Entry>>, Option<Place>)| {
            let (db, filter) = (db.clone(), filter.clone());
            async move {
                let entries = match ready {
                    Some(entries) => entries,
                    None => audit::after(&db, &filter, place, PORTION).await?,
                };
                let Some(last) = entries.last() else { return Ok(None) };
                let place = (last.created_at, last.id);
                Ok(Some((entries, (None, Some(place)))))
            }
        }))
    }
}
