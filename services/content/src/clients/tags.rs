//! Client of the recommendation service's tags, with a cache.

use std::time::Duration;

use fenz_chassis::{peers::PeerChannel, status};
use fenz_contract::recommendation::v1::{FindTagsRequest, tag_catalog_service_client::TagCatalogServiceClient};
use fenz_core::{Error, Reason, Result, TagId};
use moka::sync::Cache;

const CAPACITY: u64 = 10_000;
/// The contract's limit of ids per call.
const MAX_IDS: usize = 100;
const TTL: Duration = Duration::from_secs(60);

/// Without a recommendation service every id is accepted.
#[derive(Clone)]
pub struct Tags {
    client: Option<TagCatalogServiceClient<PeerChannel>>,
    known: Cache<TagId, ()>,
}

impl Tags {
    pub fn new(recommendation: Option<PeerChannel>) -> Self {
        let known = Cache::builder().max_capacity(CAPACITY).time_to_live(TTL).build();
        Self { client: recommendation.map(TagCatalogServiceClient::new), known }
    }

    /// # Errors
    /// `TAG_NOT_FOUND` when one of them does not exist; `UNAVAILABLE` when the
    /// recommendation service does not answer.
    pub async fn require(&self, tags: &[TagId]) -> Result<()> {
        self.find_unknown(tags).await?.map_or(Ok(()), |unknown| Err(Self::not_found("tagIds", unknown)))
    }

    /// The first id that does not exist.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the recommendation service does not answer.
    pub async fn find_unknown(&self, tags: &[TagId]) -> Result<Option<TagId>> {
        let Some(client) = &self.client else { return Ok(None) };
        let ids: Vec<i64> = tags.iter().filter(|id| !self.known.contains_key(*id)).map(|id| id.0).collect();
        for ids in ids.chunks(MAX_IDS) {
            let found = client.clone().find_tags(FindTagsRequest { ids: ids.to_vec() }).await;
            let found = found.map_err(status::into_error)?.into_inner().tags;
            for tag in &found {
                self.known.insert(TagId(tag.id), ());
            }
            if let Some(unknown) = ids.iter().find(|id| found.iter().all(|tag| tag.id != **id)) {
                return Ok(Some(TagId(*unknown)));
            }
        }
        Ok(None)
    }

    /// `TAG_NOT_FOUND` on a field of the request.
    pub fn not_found(field: &str, unknown: TagId) -> Error {
        Error::field(Reason::TagNotFound, field, format!("names {unknown}, which is no tag"))
    }

    /// To be called when a tag was deleted.
    pub fn invalidate(&self, tag: TagId) {
        self.known.invalidate(&tag);
    }
}
