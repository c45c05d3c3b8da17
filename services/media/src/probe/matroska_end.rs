//! The end of a Matroska file, as a small file of its own: recordings of browsers do not
//! say how long they are, but their last packets do.

use std::path::Path;

use fenz_object_store::ObjectStore;
use tempfile::NamedTempFile;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
};

use super::{
    StoredFile,
    sparse_copy::{self, Error},
};
use crate::domain::ebml;

/// What comes before the first cluster fits into this.
const MAX_PREFIX: u64 = 1 << 20;
/// Room for more than one cluster.
const TAIL: u64 = 8 << 20;

/// What comes before the first cluster, and the last clusters. None if they are not found.
pub async fn create(
    store: &ObjectStore,
    source: StoredFile<'_>,
    copy: &Path,
    folder: &Path,
) -> Result<Option<NamedTempFile>, Error> {
    let mut prefix = Vec::new();
    File::open(copy).await?.take(MAX_PREFIX).read_to_end(&mut prefix).await?;
    let StoredFile { key, size, .. } = source;
    let tail = store.read(key, size.saturating_sub(TAIL), size.saturating_sub(1)).await?;
    let (Some(start), Some(clusters)) = (ebml::first_cluster(&prefix), ebml::find_cluster(&tail)) else {
        return Ok(None);
    };
    let temporary = sparse_copy::temporary_file(folder)?;
    let mut file = File::from_std(temporary.reopen()?);
    file.write_all(&prefix[..start]).await?;
    file.write_all(&tail[clusters..]).await?;
    file.flush().await?;
    Ok(Some(temporary))
}
