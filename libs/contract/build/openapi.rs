//! One OpenAPI 3.1 document of every public route: RPCs and raw routes.

use anyhow::{Context, Result};
use prost_reflect::DescriptorPool;
use rest_over_grpc::build::{DescriptorOptions, Generator, OpenApiInfo, ServiceDefinition};
use serde_json::{Map, Value, json};

use crate::{
    TIMESTAMP,
    comments::Comments,
    options::{Contract, Method, Service},
    raw_operations,
    raw_routes::path_parameters,
    schemas,
};

pub fn render(pool: &DescriptorPool, descriptors: &[u8], contract: &Contract) -> Result<String> {
    let (mut paths, mut schemas) = generate(descriptors)?;
    let comments = Comments::of(pool);
    // Fields in the path are not part of the body's schema.
    let mut in_path = Vec::new();
    for service in &contract.services {
        for method in &service.methods {
            let Some((verb, path)) = &method.rest else { continue };
            let Some(operation) = paths.get_mut(path).and_then(|p| p.get_mut(verb.to_lowercase())) else { continue };
            secure(operation, &method.access);
            operation["tags"] = json!([service.name.trim_end_matches("Service")]);
            describe(operation, pool, &comments, service, method);
            in_path.extend(path_parameters(path).map(|name| (method.input.clone(), name.to_owned())));
        }
    }
    for route in &contract.raw_routes {
        let item = paths.entry(route.path.replace("{*", "{")).or_insert_with(|| json!({}));
        let mut operation = raw_operations::operation(route);
        secure(&mut operation, &route.access);
        item[route.method.to_lowercase()] = operation;
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
            "description": "Errors are `google.rpc.Status`; `details[].reason` is the ErrorReason. 64-bit numbers are \
                strings, times are RFC 3339. Access tokens are sent as `Authorization: Bearer …`; an invalid one is \
                rejected on public routes too.",
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

/// Paths and schemas of the RPCs, without descriptions.
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

/// Adds the comments of an RPC and of its parameters' fields.
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
    let has_route = |service: &&Service| {
        let has_raw_route = contract.raw_routes.iter().any(|route| route.service == service.name);
        has_raw_route || service.methods.iter().any(|method| method.rest.is_some())
    };
    let tag = |service: &Service| {
        let descriptor = pool.get_service_by_name(&format!("{}.{}", service.package, service.name))?;
        let comment = comments.get(&descriptor.parent_file(), descriptor.path()).unwrap_or_default();
        Some(json!({"name": service.name.trim_end_matches("Service"), "description": comment}))
    };
    contract.services.iter().filter(has_route).filter_map(tag).collect()
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
