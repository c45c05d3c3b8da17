//! Reads reports.

use fenz_core::{Error, Reason, Result};

use super::App;
use crate::{
    domain::{
        page::Page,
        report::{Filter, Report},
    },
    store::reports,
};

impl App {
    pub async fn reports(&self, filter: Filter, page: Page) -> Result<(Vec<Report>, u64)> {
        Ok(reports::list(&self.db, filter, page).await?)
    }

    /// # Errors
    /// `REPORT_NOT_FOUND`.
    pub async fn report(&self, id: i64) -> Result<Report> {
        reports::find(&self.db, id).await?.ok_or_else(not_found)
    }
}

pub fn not_found() -> Error {
    Error::new(Reason::ReportNotFound, "there is no such report")
}
