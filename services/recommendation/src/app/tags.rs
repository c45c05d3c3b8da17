//! Tags: reading them, and managing them as an administrator.

use fenz_contract::events::v1::{TagChanged, TagDeleted};
use fenz_core::{Error, Reason, Result, User, text};
use fenz_database::is_duplicate;
use fenz_events::AuditEntry;
use serde_json::{Value, json};

use super::App;
use crate::{
    domain::{Tag, TagId},
    store::tags,
};

impl App {
    /// All tags, by name.
    pub async fn tags(&self) -> Result<Vec<Tag>> {
        Ok(tags::all(&self.db).await?)
    }

    /// The existing ones of these.
    pub async fn find_tags(&self, ids: &[TagId]) -> Result<Vec<Tag>> {
        Ok(tags::find(&self.db, ids).await?)
    }

    /// # Errors
    /// `TAG_TAKEN`.
    pub async fn create_tag(&self, name: &str, slug: &str, admin: &User) -> Result<Tag> {
        let tag =
            &Tag { id: TagId(self.ids.next()), name: text::line("name", name)?, slug: slug.to_owned(), version: 1 };
        let created = self.outbox.transact(|txn| async move {
            tags::insert_in_txn(&*txn, tag, self.clock.now()).await?;
            self.outbox.emit(&txn, &self.changed_event(tag)).await?;
            self.outbox.audit(&txn, audit_entry(admin, "tag.created", None, Some(tag))).await
        });
        created.await.map_err(as_taken)?;
        Ok(tag.clone())
    }

    /// Changes the given fields only.
    ///
    /// # Errors
    /// `TAG_NOT_FOUND`, `TAG_TAKEN`.
    pub async fn update_tag(&self, id: TagId, name: Option<&str>, slug: Option<&str>, admin: &User) -> Result<Tag> {
        let name = name.map(|name| text::line("name", name)).transpose()?;
        let name = name.as_deref();
        let updated = self.outbox.transact(|txn| async move {
            let before = tags::lock_in_txn(&*txn, id).await?.ok_or_else(not_found)?;
            let mut tag = before.clone();
            tag.name = name.map_or(tag.name, str::to_owned);
            tag.slug = slug.map_or(tag.slug, str::to_owned);
            if tag != before {
                tag.version += 1;
                tags::update_in_txn(&*txn, &tag).await?;
                self.outbox.emit(&txn, &self.changed_event(&tag)).await?;
                self.outbox.audit(&txn, audit_entry(admin, "tag.updated", Some(&before), Some(&tag))).await?;
            }
            Ok(tag)
        });
        updated.await.map_err(as_taken)
    }

    /// Deletes a tag. Handling the event removes it from viewers and videos, of
    /// which there may be many.
    ///
    /// # Errors
    /// `TAG_NOT_FOUND`.
    pub async fn delete_tag(&self, id: TagId, admin: &User) -> Result<()> {
        let deleted = self.outbox.transact(|txn| async move {
            let before = tags::lock_in_txn(&*txn, id).await?.ok_or_else(not_found)?;
            tags::delete_in_txn(&*txn, id).await?;
            let occurred_at = Some(self.clock.now().into());
            let event = TagDeleted { tag_id: id.0, version: before.version + 1, occurred_at };
            self.outbox.emit(&txn, &event).await?;
            self.outbox.audit(&txn, audit_entry(admin, "tag.deleted", Some(&before), None)).await
        });
        deleted.await
    }

    fn changed_event(&self, tag: &Tag) -> TagChanged {
        TagChanged {
            tag_id: tag.id.0,
            name: tag.name.clone(),
            slug: tag.slug.clone(),
            version: tag.version,
            occurred_at: Some(self.clock.now().into()),
        }
    }
}

fn audit_entry<'a>(admin: &User, action: &'a str, before: Option<&Tag>, after: Option<&Tag>) -> AuditEntry<'a> {
    let fields = |tag: &Tag| -> Value { json!({"name": tag.name, "slug": tag.slug}) };
    let id = before.or(after).map(|tag| tag.id.0.to_string());
    AuditEntry {
        actor: Some(admin.id),
        action,
        object_type: "tag",
        object_id: id.unwrap_or_default(),
        before: before.map(fields),
        after: after.map(fields),
        ..AuditEntry::default()
    }
}

fn not_found() -> Error {
    Error::new(Reason::TagNotFound, "there is no such tag")
}

fn as_taken(error: Error) -> Error {
    if is_duplicate(&error) {
        return Error::new(Reason::TagTaken, "another tag has this name or slug");
    }
    error
}
