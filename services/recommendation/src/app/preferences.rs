//! Which tags a viewer picked.

use std::collections::HashSet;

use fenz_chassis::{Error, Reason, Result, database::transact};

use super::App;
use crate::{
    domain::{Tag, Viewer},
    store::{preferences, tags},
};

impl App {
    /// A viewer's tags; none for nobody.
    pub async fn my_tags(&self, viewer: &Viewer) -> Result<Vec<Tag>> {
        Ok(preferences::of(&self.db, viewer).await?)
    }

    /// Replaces the choice.
    ///
    /// # Errors
    /// `TAG_NOT_FOUND`; `INVALID_PARAMS` for nobody.
    pub async fn choose_tags(&self, viewer: &Viewer, ids: &[i64]) -> Result<Vec<Tag>> {
        if *viewer == Viewer::Nobody {
            return Err(Error::field(Reason::InvalidParams, "sessionId", "is needed where nobody is signed in"));
        }
        let chosen = transact(&self.db, |txn| async move {
            let chosen = tags::find(&*txn, ids).await?;
            let there: HashSet<i64> = chosen.iter().map(|tag| tag.id.0).collect();
            if ids.iter().any(|id| !there.contains(id)) {
                return Err(Error::field(Reason::TagNotFound, "tagIds", "names a tag that is not there"));
            }
            if let Viewer::User(user) = viewer
                && self.erasures.is_erased(&*txn, fenz_chassis::UserId(*user)).await?
            {
                return Err(Error::new(Reason::UserNotFound, "this account is gone"));
            }
            preferences::put_in_txn(&*txn, viewer, ids, self.clock.now()).await?;
            Ok(chosen)
        });
        let chosen = chosen.await?;
        self.viewers.forget(viewer).await;
        Ok(chosen)
    }
}
