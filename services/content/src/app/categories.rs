//! Categories, and what administrators do to them.

use std::time::Duration;

use fenz_chassis::{Error, Reason, Result, UserId, database::Txn};
use fenz_events::Act;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::App;
use crate::{
    domain::CategoryId,
    store::{
        categories::{self, Category},
        sweeps::{self, Kind, Sweep},
    },
};

/// How long a reply waits for the videos of a deleted category; a job sees to
/// the rest.
const SWEEP: Duration = Duration::from_secs(5);

/// What an edit names.
#[derive(Clone, Debug, Default)]
pub struct CategoryEdit {
    pub name: Option<String>,
    pub slug: Option<String>,
}

impl App {
    pub async fn categories(&self) -> Result<Vec<Category>> {
        Ok(categories::all(&self.db).await?)
    }

    /// # Errors
    /// `CATEGORY_TAKEN`.
    pub async fn create_category(&self, actor: UserId, name: &str, slug: String) -> Result<Category> {
        let category = Category { id: CategoryId(self.ids.next()), name: name_of(name)?, slug };
        let new = &category;
        let create = self.outbox.transact(|txn| async move {
            require_free(&*txn, new).await?;
            categories::insert_in_txn(&*txn, new).await?;
            self.audit_in_txn(&txn, actor, "category.created", new.id, [None, Some(shown(new))]).await
        });
        create.await.map_err(taken)?;
        Ok(category)
    }

    /// # Errors
    /// `CATEGORY_NOT_FOUND`, `CATEGORY_TAKEN`.
    pub async fn update_category(&self, actor: UserId, id: CategoryId, edit: CategoryEdit) -> Result<Category> {
        let name = edit.name.as_deref().map(name_of).transpose()?;
        let (name, slug) = (&name, &edit.slug);
        let update = self.outbox.transact(|txn| async move {
            let before = categories::lock_in_txn(&*txn, id).await?.ok_or_else(not_found)?;
            let mut after = before.clone();
            after.name = name.clone().unwrap_or(after.name);
            after.slug = slug.clone().unwrap_or(after.slug);
            if after != before {
                require_free(&*txn, &after).await?;
                categories::update_in_txn(&*txn, &after).await?;
                let change = [Some(shown(&before)), Some(shown(&after))];
                self.audit_in_txn(&txn, actor, "category.updated", id, change).await?;
            }
            Ok(after)
        });
        update.await.map_err(taken)
    }

    /// Its videos are in no category then.
    ///
    /// # Errors
    /// `CATEGORY_NOT_FOUND`.
    pub async fn delete_category(&self, actor: UserId, id: CategoryId) -> Result<()> {
        let keep_until = self.clock.after(self.config.claim_timeout);
        let sweep = &Sweep { kind: Kind::Category, subject: id.0, made_before: keep_until, keep_until };
        let delete = self.outbox.transact(|txn| async move {
            let category = categories::lock_in_txn(&*txn, id).await?.ok_or_else(not_found)?;
            categories::delete_in_txn(&*txn, id).await?;
            sweeps::order_in_txn(&*txn, sweep).await?;
            self.audit_in_txn(&txn, actor, "category.deleted", id, [Some(shown(&category)), None]).await
        });
        delete.await?;
        if let Err(error) = self.sweep_for(sweep, SWEEP).await {
            tracing::warn!(%error, category.id = id.0, "videos of a deleted category are seen to later");
        }
        self.sweeps.wake();
        Ok(())
    }

    async fn audit_in_txn(
        &self,
        txn: &Txn,
        actor: UserId,
        action: &str,
        id: CategoryId,
        [before, after]: [Option<Value>; 2],
    ) -> Result<()> {
        let (object_type, object_id) = ("category", id.0.to_string());
        let act = Act { actor: Some(actor), action, object_type, object_id, before, after, about: None, address: None };
        self.outbox.audit(txn, act).await
    }
}

fn shown(category: &Category) -> Value {
    json!({"name": category.name, "slug": category.slug})
}

/// A name without space around it.
fn name_of(name: &str) -> Result<String> {
    match name.trim() {
        "" => Err(Error::field(Reason::InvalidParams, "name", "must not be blank")),
        name => Ok(name.to_owned()),
    }
}

async fn require_free(db: &impl ConnectionTrait, category: &Category) -> Result<()> {
    let Some(other) = categories::find_alike(db, category).await? else { return Ok(()) };
    let field = if other.slug == category.slug { "slug" } else { "name" };
    Err(Error::field(Reason::CategoryTaken, field, "is another category's"))
}

/// Two requests at once that want the same.
fn taken(error: Error) -> Error {
    if error.is_duplicate() {
        return Error::new(Reason::CategoryTaken, "there is such a category already");
    }
    error
}

fn not_found() -> Error {
    Error::new(Reason::CategoryNotFound, "there is no such category")
}
