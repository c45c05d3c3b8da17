//! Reads and checks the raw routes of a gRPC service.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use prost_reflect::{DescriptorPool, DynamicMessage, ServiceDescriptor, Value};

use crate::options::{access, extension};

pub struct RawRoute {
    /// The gRPC service that declares it.
    pub service: String,
    pub host: String,
    pub method: String,
    pub path: String,
    pub access: String,
    pub kind: Kind,
    pub summary: String,
    pub description: String,
    pub request_type: String,
    pub response_type: String,
    pub response_message: String,
    pub response_description: String,
    pub parameters: Vec<Parameter>,
    /// HTTP status and description.
    pub errors: Vec<(i32, String)>,
}

/// `RawRouteKind` of `options.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Download,
    Upload,
    EventStream,
    LineStream,
    Webhook,
}

pub struct Parameter {
    pub name: String,
    /// As OpenAPI's `in`.
    pub location: &'static str,
    /// As JSON schema's `type` and `format`.
    pub schema: (&'static str, Option<&'static str>),
    pub description: String,
    pub required: bool,
}

pub fn read(pool: &DescriptorPool, service: &ServiceDescriptor, host: &str) -> Result<Vec<RawRoute>> {
    let routes = extension(pool, &service.options(), "fenzvideo.options.v1.raw_route")?;
    let routes = routes.as_list().unwrap_or_default().iter().filter_map(Value::as_message);
    routes
        .map(|message| {
            let route = raw_route(message, service, host)?;
            check(&route, pool).with_context(|| format!("{} {}", route.method, route.path))?;
            Ok(route)
        })
        .collect()
}

fn raw_route(message: &DynamicMessage, service: &ServiceDescriptor, host: &str) -> Result<RawRoute> {
    let fields = Fields(message);
    let path = fields.text("path");
    let kind = match fields.number("kind") {
        1 => Kind::Download,
        2 => Kind::Upload,
        3 => Kind::EventStream,
        4 => Kind::LineStream,
        5 => Kind::Webhook,
        _ => bail!("{path} has no kind"),
    };
    Ok(RawRoute {
        service: service.name().to_owned(),
        host: host.to_owned(),
        method: fields.text("method"),
        access: access(&Value::EnumNumber(fields.number("access")), &path)?,
        kind,
        summary: fields.text("summary"),
        description: fields.text("description"),
        request_type: fields.text("request_type"),
        response_type: fields.text("response_type"),
        response_message: fields.text("response_message"),
        response_description: fields.text("response_description"),
        parameters: fields.messages("parameters").iter().map(|p| parameter(p, &path)).collect::<Result<_>>()?,
        errors: fields.messages("errors").iter().map(|e| (e.number("status"), e.text("description"))).collect(),
        path,
    })
}

fn parameter(fields: &Fields, path: &str) -> Result<Parameter> {
    let name = fields.text("name");
    let location = match fields.number("location") {
        1 => "path",
        2 => "query",
        3 => "header",
        _ => bail!("the parameter {name:?} of {path} has no location"),
    };
    let schema = match fields.number("type") {
        1 => ("string", None),
        2 => ("boolean", None),
        3 => ("integer", Some("int32")),
        4 => ("string", Some("int64")),
        5 => ("string", Some("date-time")),
        _ => bail!("the parameter {name:?} of {path} has no type"),
    };
    let required = location == "path" || fields.flag("required");
    Ok(Parameter { name, location, schema, description: fields.text("description"), required })
}

/// Rejects what the kind does not allow.
fn check(route: &RawRoute, pool: &DescriptorPool) -> Result<()> {
    let is_get = route.method == "GET";
    match route.kind {
        Kind::Download => ensure!(is_get || route.method == "HEAD", "a download is GET or HEAD"),
        Kind::EventStream | Kind::LineStream => ensure!(is_get, "a stream is GET"),
        Kind::Upload => ensure!(route.request_type == "multipart/form-data", "an upload takes multipart/form-data"),
        Kind::Webhook => ensure!(!route.request_type.is_empty(), "a webhook has a request_type"),
    }
    let has_body = matches!(route.kind, Kind::Upload | Kind::Webhook);
    ensure!(has_body || route.request_type.is_empty(), "{:?} has no request_type", route.kind);
    let needs_message = matches!(route.kind, Kind::Upload | Kind::EventStream);
    ensure!(!needs_message || !route.response_message.is_empty(), "{:?} needs a response_message", route.kind);
    let is_known = route.response_message.is_empty() || pool.get_message_by_name(&route.response_message).is_some();
    ensure!(is_known, "there is no message {:?}", route.response_message);
    let is_stream = matches!(route.kind, Kind::EventStream | Kind::LineStream);
    ensure!(!is_stream || !route.response_description.is_empty(), "a stream needs a response_description");
    ensure!((route.kind == Kind::LineStream) != route.response_type.is_empty(), "response_type is for line streams");
    ensure!(route.access != "Internal", "an internal call is an RPC");
    ensure!(!route.summary.is_empty(), "a route has a summary");
    for (status, description) in &route.errors {
        ensure!((400..600).contains(status) && !description.is_empty(), "an error has a status and a description");
    }
    let declared = route.parameters.iter().filter(|p| p.location == "path").map(|p| p.name.as_str());
    let declared: BTreeSet<_> = declared.collect();
    let in_path: BTreeSet<_> = path_parameters(&route.path).collect();
    ensure!(declared == in_path, "its path parameters are {in_path:?}, but {declared:?} are declared");
    Ok(())
}

/// The names between the braces of a path template.
pub fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|s| Some(s.strip_prefix('{')?.strip_suffix('}')?.trim_start_matches('*')))
}

/// A message of options by field name; absent fields have their default.
struct Fields<'a>(&'a DynamicMessage);

impl<'a> Fields<'a> {
    fn value(&self, name: &str) -> std::borrow::Cow<'a, Value> {
        self.0.get_field_by_name(name).expect("a field of options.proto")
    }

    fn text(&self, name: &str) -> String {
        self.value(name).as_str().unwrap_or_default().to_owned()
    }

    fn flag(&self, name: &str) -> bool {
        self.value(name).as_bool().unwrap_or_default()
    }

    fn number(&self, name: &str) -> i32 {
        let value = self.value(name);
        value.as_enum_number().or(value.as_i32()).unwrap_or_default()
    }

    fn messages(&self, name: &str) -> Vec<Fields<'a>> {
        match self.value(name) {
            std::borrow::Cow::Borrowed(Value::List(list)) => {
                list.iter().filter_map(|item| item.as_message().map(Fields)).collect()
            }
            // Absent: the default is an empty list.
            _ => Vec::new(),
        }
    }
}
