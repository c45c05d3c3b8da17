//! Looking titles up in the table.

use fenz_chassis::Result;
use fenz_search_index::Query;

use super::App;
use crate::store::titles;

impl App {
    /// Visible ids whose titles begin with the text, within the filters; so
    /// many at most, and not too many readers at a time.
    pub async fn read_titles(&self, query: &Query, limit: u64) -> Result<Vec<i64>> {
        let _permit = self.gate.enter().await?;
        Ok(titles::find(&self.db, query, limit).await?)
    }
}
