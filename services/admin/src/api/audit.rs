//! `AuditService`.

use fenz_contract::{
    admin::v1::{self as pb, AuditServiceHandler},
    time_field,
};
use fenz_core::{Result, UserId};
use tonic::{Request, Response};

use super::{Api, encode};
use crate::domain::audit::Filter;

impl AuditServiceHandler for Api {
    async fn list_audit_logs(
        &self,
        request: Request<pb::ListAuditLogsRequest>,
    ) -> Result<Response<pb::ListAuditLogsResponse>> {
        let message = request.into_inner();
        let page = self.0.page(message.page, message.page_size)?;
        let filter = Filter {
            actor: message.actor_id.map(UserId),
            action: message.action,
            object_type: message.object_type,
            object_id: message.object_id,
            from: time_field("from", message.from)?,
            to: time_field("to", message.to)?,
        };
        let (entries, total) = self.0.audit_log(&filter, page).await?;
        let entries = entries.into_iter().map(encode::entry).collect();
        Ok(Response::new(pb::ListAuditLogsResponse { entries, total: total as i64 }))
    }
}
