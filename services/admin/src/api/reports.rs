//! `ReportService`.

use fenz_chassis::{caller_of, require_user};
use fenz_contract::{
    admin::v1::{self as pb, ReportServiceHandler},
    time_field,
};
use fenz_core::{Error, Reason, Result, UserId};
use tonic::{Request, Response};

use super::{Api, encode};
use crate::{
    app::NewReport,
    domain::{
        change::Change,
        report::{self, Action, Kind, Object},
    },
    moderation_client::ForwardedAuthorization,
};

impl ReportServiceHandler for Api {
    async fn create_report(
        &self,
        request: Request<pb::CreateReportRequest>,
    ) -> Result<Response<pb::CreateReportResponse>> {
        let caller = caller_of(&request);
        let message = request.into_inner();
        let kind = encode::parse("objectType", Some(&message.object_type), Kind::parse)?;
        let kind = kind.ok_or_else(|| Error::field(Reason::InvalidParams, "objectType", "is missing"))?;
        let object = Object { kind, id: message.object_id };
        let new = NewReport { object, reason: message.reason, text: message.text };
        let report = self.0.create_report(caller.require_user()?, new).await?;
        Ok(Response::new(pb::CreateReportResponse { report: Some(encode::report(report)) }))
    }

    async fn list_reports(
        &self,
        request: Request<pb::ListReportsRequest>,
    ) -> Result<Response<pb::ListReportsResponse>> {
        let message = request.into_inner();
        let page = self.0.page(message.page, message.page_size)?;
        let filter = report::Filter {
            status: encode::parse("status", message.status.as_deref(), report::Status::parse)?,
            kind: encode::parse("objectType", message.object_type.as_deref(), Kind::parse)?,
            assignee: message.assignee_id.map(UserId),
        };
        let (reports, total) = self.0.reports(filter, page).await?;
        let reports = reports.into_iter().map(encode::report).collect();
        Ok(Response::new(pb::ListReportsResponse { reports, total: total as i64 }))
    }

    async fn get_report(&self, request: Request<pb::GetReportRequest>) -> Result<Response<pb::GetReportResponse>> {
        let report = self.0.report(request.into_inner().id).await?;
        Ok(Response::new(pb::GetReportResponse { report: Some(encode::report(report)) }))
    }

    async fn update_report(
        &self,
        request: Request<pb::UpdateReportRequest>,
    ) -> Result<Response<pb::UpdateReportResponse>> {
        let moderator = require_user(&request)?.id;
        let authorization = ForwardedAuthorization::of(&request)?;
        let message = request.into_inner();
        let change = Change {
            status: encode::parse("status", message.status.as_deref(), report::Status::parse)?,
            assignee: message.assignee_id.map(UserId),
            action: encode::parse("action", message.action.as_deref(), Action::parse)?,
            ban_until: time_field("banUntil", message.ban_until)?,
            note: message.note,
        };
        let report = self.0.update_report(moderator, &authorization, message.id, &change).await?;
        Ok(Response::new(pb::UpdateReportResponse { report: Some(encode::report(report)) }))
    }
}
