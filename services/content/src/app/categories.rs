//! Categories and their administration.

use std::time::Duration;

use fenz_core::{Error, Reason, Result, UserId, text};
use fenz_database::{Txn, is_duplicate};
use fenz_events::AuditEntry;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use super::App;
use crate::{
    domain::{Category, CategoryId},
    store::{
        cascades::{Cascade, Kind},
        categories,
    },
};

/// How long a request waits for the cascade to videos; a job does the rest.
const CASCADE_TIMEOUT: Duration = Duration::from_secs(5);

/// Fields that are `None` stay as they are.
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
        let category = Category { id: CategoryId(self.ids.next()), name: text::line("name", name)?, slug };
        let new = &category;
        let create = self.outbox.transact(|txn| async move {
            require_unique(&*txn, new).await?;
            categories::insert_in_txn(&*txn, new).await?;
            self.audit_in_txn(&txn, actor, "category.created", new.id, [None, Some(audit_state(new))]).await
        });
        create.await.map_err(category_taken)?;
        Ok(category)
    }

    /// # Errors
    /// `CATEGORY_NOT_FOUND`, `CATEGORY_TAKEN`.
    pub async fn update_category(&self, actor: UserId, id: CategoryId, edit: CategoryEdit) -> Result<Category> {
        let name = edit.name.as_deref().map(|name| text::line("name", name)).transpose()?;
        let (name, slug) = (&name, &edit.slug);
        let update = self.outbox.transact(|txn| async move {
            let before = categories::lock_in_txn(&*txn, id).await?.ok_or_else(not_found)?;
            let mut after = before.clone();
            after.name = name.clone().unwrap_or(after.name);
            after.slug = slug.clone().unwrap_or(after.slug);
            if after != before {
                require_unique(&*txn, &after).await?;
                categories::update_in_txn(&*txn, &after).await?;
                let change = [Some(audit_state(&before)), Some(audit_state(&after))];
                self.audit_in_txn(&txn, actor, "category.updated", id, change).await?;
            }
            Ok(after)
        });
        update.await.map_err(category_taken)
    }

    /// Removes the category from its videos.
    ///
    /// # Errors
    /// `CATEGORY_NOT_FOUND`.
    pub async fn delete_category(&self, actor: UserId, id: CategoryId) -> Result<()> {
        let keep_until = self.clock.after(self.longest_request);
        let cascade = &Cascade { kind: Kind::Category, subject: id.0, made_before: keep_until, keep_until };
        let delete = self.outbox.transact(|txn| async move {
            let category = categories::lock_in_txn(&*txn, id).await?.ok_or_else(not_found)?;
            categories::delete_in_txn(&*txn, id).await?;
            self.cascade_in_txn(&txn, cascade, self.clock.after(CASCADE_TIMEOUT)).await?;
            self.audit_in_txn(&txn, actor, "category.deleted", id, [Some(audit_state(&category)), None]).await
        });
        delete.await?;
        if let Err(error) = self.run_cascade_until(cascade, tokio::time::Instant::now() + CASCADE_TIMEOUT).await {
            tracing::warn!(%error, category.id = %id, "cascade of category deletion failed; the job retries");
        }
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
        let entry = AuditEntry {
            actor: Some(actor),
            action,
            object_type,
            object_id,
            before,
            after,
            about: None,
            address: None,
        };
        self.outbox.audit(txn, entry).await
    }
}

fn audit_state(category: &Category) -> Value {
    json!({"name": category.name, "slug": category.slug})
}

async fn require_unique(db: &impl ConnectionTrait, category: &Category) -> Result<()> {
    let Some(other) = categories::find_conflict(db, category).await? else { return Ok(()) };
    let field = if other.slug == category.slug { "slug" } else { "name" };
    Err(Error::field(Reason::CategoryTaken, field, "is another category's"))
}

/// Two concurrent requests with the same name or slug.
fn category_taken(error: Error) -> Error {
    if is_duplicate(&error) {
        return Error::new(Reason::CategoryTaken, "there is such a category already");
    }
    error
}

fn not_found() -> Error {
    Error::new(Reason::CategoryNotFound, "there is no such category")
}
