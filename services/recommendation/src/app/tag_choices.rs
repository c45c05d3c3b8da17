//! The tags that a viewer has chosen.

use std::collections::HashSet;

use fenz_core::{Error, Reason, Result};
use fenz_database::transact;

use super::App;
use crate::{
    domain::{Tag, TagId, Viewer},
    store::{tag_choices, tags},
};

impl App {
    /// A viewer's tags; none for anonymous ones.
    pub async fn my_tags(&self, viewer: &Viewer) -> Result<Vec<Tag>> {
        Ok(tag_choices::find(&self.db, viewer).await?)
    }

    /// Replaces a viewer's tags.
    ///
    /// # Errors
    /// `TAG_NOT_FOUND`; `INVALID_PARAMS` for anonymous viewers.
    pub async fn choose_tags(&self, viewer: &Viewer, ids: &[TagId]) -> Result<Vec<Tag>> {
        if *viewer == Viewer::Anonymous {
            return Err(Error::field(Reason::InvalidParams, "sessionId", "is needed where nobody is signed in"));
        }
        let chosen = transact(&self.db, |txn| async move {
            let chosen = tags::find(&*txn, ids).await?;
            let existing: HashSet<TagId> = chosen.iter().map(|tag| tag.id).collect();
            if ids.iter().any(|id| !existing.contains(id)) {
                return Err(Error::field(Reason::TagNotFound, "tagIds", "names a tag that is not there"));
            }
            if let Viewer::User(user) = viewer
                && self.erasures.is_erased(&*txn, *user).await?
            {
                return Err(Error::new(Reason::UserNotFound, "this account is gone"));
            }
            tag_choices::replace_in_txn(&*txn, viewer, ids, self.clock.now()).await?;
            Ok(chosen)
        });
        let chosen = chosen.await?;
        self.preferences.invalidate(viewer).await;
        Ok(chosen)
    }
}
