//! Tags, which recommendation keeps.

use std::time::Duration;

use fenz_chassis::{Error, Reason, Result, peers::PeerChannel};
use fenz_contract::recommendation::v1::{FindTagsRequest, tag_catalog_service_client::TagCatalogServiceClient};
use moka::sync::Cache;

/// Tags kept in mind.
const AT_MOST: u64 = 10_000;
/// As many as the contract lets one call ask about.
const ASKED_AT_ONCE: usize = 100;
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// The recommendation service; where there is none, every tag is one.
#[derive(Clone)]
pub struct Tags {
    client: Option<TagCatalogServiceClient<PeerChannel>>,
    known: Cache<i64, ()>,
}

impl Tags {
    pub fn new(recommendation: Option<PeerChannel>) -> Self {
        let known = Cache::builder().max_capacity(AT_MOST).time_to_live(KNOWN_FOR).build();
        Self { client: recommendation.map(TagCatalogServiceClient::new), known }
    }

    /// # Errors
    /// `TAG_NOT_FOUND` on its field when one of them is no tag; `UNAVAILABLE`
    /// when the recommendation service does not answer.
    pub async fn require(&self, tags: &[i64]) -> Result<()> {
        self.unknown(tags).await?.map_or(Ok(()), |unknown| Err(Self::not_found("tagIds", unknown)))
    }

    /// The first that is no tag, if there is one.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the recommendation service does not answer.
    pub async fn unknown(&self, tags: &[i64]) -> Result<Option<i64>> {
        let Some(client) = &self.client else { return Ok(None) };
        let ids: Vec<i64> = tags.iter().copied().filter(|id| !self.known.contains_key(id)).collect();
        for ids in ids.chunks(ASKED_AT_ONCE) {
            let found = client.clone().find_tags(FindTagsRequest { ids: ids.to_vec() }).await?.into_inner().tags;
            for tag in &found {
                self.known.insert(tag.id, ());
            }
            if let Some(unknown) = ids.iter().find(|id| found.iter().all(|tag| tag.id != **id)) {
                return Ok(Some(*unknown));
            }
        }
        Ok(None)
    }

    /// The refusal of what is no tag, on the field that named it.
    pub fn not_found(field: &str, unknown: i64) -> Error {
        Error::field(Reason::TagNotFound, field, format!("names {unknown}, which is no tag"))
    }

    /// A tag is gone.
    pub fn forget(&self, tag: i64) {
        self.known.invalidate(&tag);
    }
}
