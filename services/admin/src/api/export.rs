//! `GET /api/v1/admin/audit-logs/export`: every entry as a line of JSON.

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use fenz_chassis::{error_response, identity::Authorizer, server::RouteName};
use fenz_contract::{
    admin::v1::ListAuditLogsRequest,
    routes::{RAW_ROUTES, Route},
    rules::validate,
};
use fenz_core::{Error, Reason, Result, UserId};
use futures::StreamExt;
use http::{HeaderMap, HeaderValue, Uri, header};

use super::encode;
use crate::{
    app::App,
    domain::audit::{Entry, Filter},
};

pub const PATH: &str = "/api/v1/admin/audit-logs/export";

/// The state of the route.
#[derive(Clone)]
pub struct Export {
    pub app: App,
    pub authorizer: Authorizer,
}

pub async fn export(State(route): State<Export>, request: Request) -> Response {
    let result = route.handle(request.uri(), request.headers()).await;
    let mut response = result.unwrap_or_else(error_response);
    response.extensions_mut().insert(RouteName(PATH));
    response
}

impl Export {
    async fn handle(&self, uri: &Uri, headers: &HeaderMap) -> Result<Response> {
        self.authorizer.admit(contract_route()?, headers).await?;
        let batches = self.app.export(validated(filter(uri)?)?).await?;
        let lines = batches.map(|batch| {
            batch.and_then(lines).inspect_err(|error| {
                // The client sees an incomplete body.
                tracing::warn!(%error, "export of the audit log aborted");
            })
        });
        let mut response = Body::from_stream(lines).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let attachment = HeaderValue::from_static("attachment; filename=\"audit-logs.ndjson\"");
        headers.insert(header::CONTENT_DISPOSITION, attachment);
        Ok(response)
    }
}

fn lines(entries: Vec<Entry>) -> Result<Bytes> {
    let mut lines = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut lines, &encode::entry(entry)).map_err(Error::internal)?;
        lines.push(b'\n');
    }
    Ok(lines.into())
}

/// The filters of `ListAuditLogs`, from the query. Unknown names are refused: a
/// misspelt filter would export everything.
fn filter(uri: &Uri) -> Result<Filter> {
    let mut filter = Filter::default();
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        let value = value.into_owned();
        match name.as_ref() {
            "actorId" => filter.actor = Some(actor(&value)?),
            "action" => filter.action = Some(value),
            "objectType" => filter.object_type = Some(value),
            "objectId" => filter.object_id = Some(value),
            "from" => filter.from = Some(time("from", &value)?),
            "to" => filter.to = Some(time("to", &value)?),
            _ => {
                let known = "is not a filter: should be actorId, action, objectType, objectId, from or to";
                return Err(Error::field(Reason::InvalidParams, &name, known));
            }
        }
    }
    Ok(filter)
}

/// Applies the rules of `ListAuditLogs`, which no generated code checks here.
fn validated(filter: Filter) -> Result<Filter> {
    validate(&ListAuditLogsRequest {
        actor_id: filter.actor.map(|actor| actor.0),
        action: filter.action.clone(),
        object_type: filter.object_type.clone(),
        object_id: filter.object_id.clone(),
        ..ListAuditLogsRequest::default()
    })?;
    Ok(filter)
}

fn actor(text: &str) -> Result<UserId> {
    let actor = text.parse().ok().filter(|id| *id >= 0).map(UserId);
    actor.ok_or_else(|| Error::field(Reason::InvalidParams, "actorId", "should be a user's id, or 0"))
}

fn time(field: &str, text: &str) -> Result<DateTime<Utc>> {
    let bad = |_| Error::field(Reason::InvalidParams, field, "should be a time such as 2026-01-31T12:00:00Z");
    DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).map_err(bad)
}

/// The contract's declaration of the route.
fn contract_route() -> Result<Route> {
    let route = RAW_ROUTES.iter().find(|route| route.path == PATH);
    route.map(Route::Raw).ok_or_else(|| Error::new(Reason::RouteNotFound, "there is nothing at this path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_is_parsed_from_the_query() {
        let of = |query: &str| filter(&format!("{PATH}?{query}").parse().unwrap());
        assert_eq!(of("").unwrap(), Filter::default());
        let all = of("actorId=7&action=user.hidden&objectType=user&objectId=a%40b.c&from=2026-01-31T12:00:00%2B01:00");
        let all = all.unwrap();
        assert_eq!(
            (all.actor, all.action.as_deref(), all.object_id.as_deref()),
            (Some(UserId(7)), Some("user.hidden"), Some("a@b.c"))
        );
        assert_eq!(all.from.unwrap().to_rfc3339(), "2026-01-31T11:00:00+00:00");
        for bad in ["actorId=x", "actorId=-1", "from=yesterday", "to=1", "actor=7", "page=1"] {
            assert_eq!(of(bad).unwrap_err().reason, Reason::InvalidParams, "{bad}");
        }
    }
}
