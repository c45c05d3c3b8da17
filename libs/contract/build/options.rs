//! Reads the options of the contract's RPCs: access, host, routes.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, Value};

use crate::raw_routes::{self, RawRoute};

/// The host of a gRPC service that each service serves for itself.
const EVERY_SERVICE: &str = "*";

pub struct Contract {
    pub services: Vec<Service>,
    pub raw_routes: Vec<RawRoute>,
}

impl Contract {
    /// The services of the fleet behind the gateway.
    pub fn hosts(&self) -> BTreeSet<&str> {
        self.services.iter().map(|s| s.host.as_str()).filter(|host| *host != EVERY_SERVICE).collect()
    }
}

pub struct Service {
    pub package: String,
    pub name: String,
    pub host: String,
    pub methods: Vec<Method>,
}

pub struct Method {
    pub name: String,
    pub input: String,
    pub output: String,
    pub access: String,
    /// The services that may call, if it is internal.
    pub callers: Vec<String>,
    pub ignores_authorization: bool,
    /// The HTTP method and the path template.
    pub rest: Option<(String, String)>,
    /// The request has the field `update_fields`, filled in from the names of the
    /// body's fields.
    pub wants_fields: bool,
    /// The fields that are not in the path are in the body.
    pub has_body: bool,
    /// The JSON names of repeated fields in the query.
    pub query_lists: Vec<String>,
}

pub fn read(pool: &DescriptorPool) -> Result<Contract> {
    let mut contract = Contract { services: Vec::new(), raw_routes: Vec::new() };
    for service in pool.services().filter(|s| s.full_name().starts_with("fenzvideo.")) {
        let options = service.options();
        let host = text(&extension(pool, &options, "fenzvideo.options.v1.host")?);
        ensure!(!host.is_empty(), "{} has no (fenzvideo.options.v1.host)", service.full_name());
        let raw_routes = raw_routes::read(pool, &service, &host)?;
        let methods = service.methods().map(|m| method(pool, &m)).collect::<Result<Vec<_>>>()?;
        // The gateway could not tell which of them to ask.
        let is_internal = raw_routes.is_empty() && methods.iter().all(|m| m.access == "Internal");
        ensure!(host != EVERY_SERVICE || is_internal, "{} of every service must be internal", service.full_name());
        contract.raw_routes.extend(raw_routes);
        contract.services.push(Service {
            package: service.package_name().to_owned(),
            name: service.name().to_owned(),
            host,
            methods,
        });
    }
    Ok(contract)
}

fn method(pool: &DescriptorPool, method: &MethodDescriptor) -> Result<Method> {
    let options = method.options();
    ensure!(
        !method.is_client_streaming() && !method.is_server_streaming(),
        "{}: streaming RPCs are not generated yet",
        method.full_name()
    );
    let rule = extension(pool, &options, "google.api.http")?;
    let rest = rule.as_message().and_then(|rule| {
        ["get", "put", "post", "delete", "patch"].into_iter().find_map(|verb| {
            let path = text(rule.get_field_by_name(verb)?.as_ref());
            (!path.is_empty()).then(|| (verb.to_uppercase(), path))
        })
    });
    // Without a body, fields are in the path or the query.
    let has_body =
        rule.as_message().and_then(|r| Some(text(r.get_field_by_name("body")?.as_ref()))) != Some(String::new());
    let in_query = rest.is_some() && !has_body;
    let input = method.input();
    let lists = input.fields().filter(|f| in_query && f.is_list());
    let access = access(&extension(pool, &options, "fenzvideo.options.v1.access")?, method.full_name())?;
    if access == "Internal" && rest.is_some() {
        bail!("{} is internal and must not have a REST route", method.full_name());
    }
    let callers = texts(&extension(pool, &options, "fenzvideo.options.v1.caller")?);
    ensure!(
        callers.is_empty() != (access == "Internal"),
        "{}: internal RPCs, and only these, have (fenzvideo.options.v1.caller)",
        method.full_name()
    );
    Ok(Method {
        name: method.name().to_owned(),
        input: method.input().full_name().to_owned(),
        output: method.output().full_name().to_owned(),
        access,
        callers,
        ignores_authorization: extension(pool, &options, "fenzvideo.options.v1.ignores_authorization")?
            .as_bool()
            .unwrap_or_default(),
        rest,
        query_lists: lists.map(|f| f.json_name().to_owned()).collect(),
        has_body,
        wants_fields: method.input().get_field_by_name("update_fields").is_some(),
    })
}

pub fn extension(pool: &DescriptorPool, options: &DynamicMessage, name: &str) -> Result<Value> {
    let Some(extension) = pool.get_extension_by_name(name) else { bail!("no extension {name}") };
    Ok(options.get_extension(&extension).into_owned())
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub fn texts(value: &Value) -> Vec<String> {
    value.as_list().map(|list| list.iter().map(text).collect()).unwrap_or_default()
}

pub fn access(value: &Value, of: &str) -> Result<String> {
    Ok(match value.as_enum_number() {
        Some(1) => "Public",
        Some(2) => "User",
        Some(3) => "Moderator",
        Some(4) => "Admin",
        Some(5) => "Internal",
        _ => bail!("{of} has no (fenzvideo.options.v1.access)"),
    }
    .to_owned())
}
