//! One OpenAPI 3.1 document of every public route: RPCs and raw routes.

use anyhow::{Context, Result};
use prost_reflect::DescriptorPool;
use rest_over_grpc::build::{DescriptorOptions, Generator, OpenApiInfo, ServiceDefinition};
use serde_json::{Map, Value, json};

use crate::{
    TIMESTAMP,
    comments::Comments,
    options::{Contract, Method, RawRoute, Service},
    schemas,
};

pub fn render(pool: &DescriptorPool, descriptors: &[u8], contract: &Contract) -> Result<String> {
    let (mut paths, mut schemas) = generate(descriptors)?;
    let comments = Comments::of(pool);
    // Fields that the path carries, by message.
    let mut in_path = Vec::new();
    for service in &contract.services {
        for method in &service.methods {
            let Some((verb, path)) = &method.rest else { continue };
            let Some(operation) = paths.get_mut(path).and_then(|p| p.get_mut(verb.to_lowercase())) else { continue };
            secure(operation, &method.access);
            operation["tags"] = json!([service.name.trim_end_matches("Service")]);
            describe(operation, pool, &comments, service, method);
            in_path.extend(parameters_of(path).map(|name| (method.input.clone(), name.to_owned())));
        }
    }
    for route in &contract.raw_routes {
        let item = paths.entry(route.path.replace("{*", "{")).or_insert_with(|| json!({}));
        item[route.method.to_lowercase()] = raw_operation(route);
        schemas::add(&mut schemas, pool, &route.response_message);
    }
    schemas::describe(&mut schemas, pool, &comments)?;
    for (message, field) in &in_path {
        schemas::leave_out(&mut schemas, message, field);
    }
    schemas.insert("google.rpc.Status".to_owned(), schemas::status(pool));
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "FenzVideo",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Errors are `google.rpc.Status`; `details[].reason` says why. 64-bit numbers are strings, \
                times are RFC 3339. A token goes into `Authorization: Bearer …`; a bad one is refused everywhere, \
                public routes included.",
        },
        "servers": [{"url": "/"}],
        "tags": tags(pool, &comments, contract),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    });
    Ok(serde_json::to_string(&document)?)
}

/// Paths and schemas of the RPCs, bare.
fn generate(descriptors: &[u8]) -> Result<(Map<String, Value>, Map<String, Value>)> {
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    let options = DescriptorOptions::new().package("fenzvideo").extern_path(TIMESTAMP.0, TIMESTAMP.1);
    for service in ServiceDefinition::from_fds(descriptors, &options)? {
        let info = OpenApiInfo::new("FenzVideo", env!("CARGO_PKG_VERSION"));
        let mut generator = Generator::builder().emit_openapi_spec(Some(info)).build();
        generator.add(service);
        for output in generator.generate()?.1 {
            let spec: Value = serde_json::from_str(output.openapi_spec().context("an OpenAPI document")?)?;
            merge(&mut paths, &spec["paths"]);
            merge(&mut schemas, &spec["components"]["schemas"]);
        }
    }
    Ok((paths, schemas))
}

/// The comments of an RPC and of the fields that its parameters are.
fn describe(operation: &mut Value, pool: &DescriptorPool, comments: &Comments, service: &Service, method: &Method) {
    let full_name = format!("{}.{}", service.package, service.name);
    let descriptor = pool.get_service_by_name(&full_name);
    let Some(rpc) = descriptor.and_then(|s| s.methods().find(|m| m.name() == method.name)) else { return };
    let comment = comments.get(&rpc.parent_file(), rpc.path()).map_or_else(|| words(&method.name), str::to_owned);
    let end = comment.find(". ").map_or(comment.len(), |end| end + 1);
    operation["summary"] = json!(comment[..end].trim_end_matches('.'));
    operation["description"] = json!(comment);
    for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let Some(field) = rpc.input().fields().find(|f| f.json_name() == name || f.name() == name) else { continue };
        if let Some(comment) = comments.get(&field.parent_message().parent_file(), field.path()) {
            parameter["description"] = json!(comment);
        }
    }
}

/// `ListCategories` is `List categories`.
fn words(name: &str) -> String {
    let mut words = String::new();
    for (i, c) in name.char_indices() {
        match i {
            0 => words.push(c),
            _ if c.is_uppercase() => words.extend([' ', c.to_ascii_lowercase()]),
            _ => words.push(c),
        }
    }
    words
}

fn tags(pool: &DescriptorPool, comments: &Comments, contract: &Contract) -> Vec<Value> {
    let of_rpcs = contract.services.iter().filter(|s| s.methods.iter().any(|m| m.rest.is_some())).filter_map(|s| {
        let service = pool.get_service_by_name(&format!("{}.{}", s.package, s.name))?;
        let comment = comments.get(&service.parent_file(), service.path()).unwrap_or_default();
        Some(json!({"name": s.name.trim_end_matches("Service"), "description": comment}))
    });
    let of_bytes = json!({"name": "Media", "description": "Files in and out, as bytes."});
    of_rpcs.chain([of_bytes]).collect()
}

fn merge(into: &mut Map<String, Value>, from: &Value) {
    for (key, value) in from.as_object().into_iter().flatten() {
        match into.get_mut(key) {
            Some(Value::Object(existing)) if value.is_object() => merge(existing, value),
            _ => {
                into.insert(key.clone(), value.clone());
            }
        }
    }
}

fn secure(operation: &mut Value, access: &str) {
    operation["x-access"] = json!(access.to_lowercase());
    operation["security"] = match access {
        "Public" => json!([{}, {"bearer": []}]),
        _ => json!([{"bearer": []}]),
    };
}

/// The names between the braces of a path template.
fn parameters_of(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|s| Some(s.strip_prefix('{')?.strip_suffix('}')?.trim_start_matches('*')))
}

/// `POST /api/v1/upload/video` is `PostUploadVideo`.
fn operation_id(route: &RawRoute) -> String {
    let words = route.path.trim_start_matches("/api/v1").split('/').filter(|s| !s.is_empty() && !s.starts_with('{'));
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..].to_lowercase();
    std::iter::once(route.method.as_str()).chain(words).map(capital).collect()
}

fn raw_operation(route: &RawRoute) -> Value {
    let mut operation = json!({"operationId": operation_id(route), "summary": route.summary, "tags": ["Media"]});
    let parameters: Vec<_> = parameters_of(&route.path)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    if !route.request_type.is_empty() {
        operation["requestBody"] = json!({"required": true, "content": {&route.request_type: {"schema": {
            "type": "object",
            "required": ["file"],
            "properties": {"file": {"type": "string", "format": "binary"}},
        }}}});
    }
    operation["responses"] = if route.response_message.is_empty() {
        file_responses(route.method == "HEAD")
    } else {
        let schema = json!({"$ref": format!("#/components/schemas/{}", route.response_message)});
        json!({"200": {"description": "Successful response.", "content": {"application/json": {"schema": schema}}}})
    };
    operation["responses"]["default"] = error("An error.");
    secure(&mut operation, &route.access);
    operation
}

fn error(description: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/google.rpc.Status"});
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}

/// The answers of a route that gives out files (RFC 9110 §14).
fn file_responses(is_head: bool) -> Value {
    let header = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    let bytes = json!({"*/*": {"schema": {"type": "string", "format": "binary"}}});
    let mut responses = json!({
        "200": {"description": "The whole file.", "headers": {"ETag": header("Names these bytes."), "Accept-Ranges": header("`bytes`")}},
        "206": {"description": "The part that `Range` asks for.", "headers": {"Content-Range": header("Which part.")}},
        "304": {"description": "What `If-None-Match` names is still right."},
        "403": error("The URL is not one we signed, or its time is over."),
        "416": error("The part lies outside the file."),
    });
    if !is_head {
        responses["200"]["content"] = bytes.clone();
        responses["206"]["content"] = bytes;
    }
    responses
}
