//! One OpenAPI 3.1 document of every public route: RPCs and raw routes.

use anyhow::{Context, Result};
use rest_over_grpc::build::{DescriptorOptions, Generator, OpenApiInfo, ServiceDefinition};
use serde_json::{Map, Value, json};

use crate::{
    TIMESTAMP,
    options::{Contract, RawRoute},
};

pub fn render(descriptors: &[u8], contract: &Contract) -> Result<String> {
    let mut paths = Map::new();
    let mut schemas = Map::new();
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
    for service in &contract.services {
        for method in &service.methods {
            let Some((verb, path)) = &method.rest else { continue };
            let Some(operation) = paths.get_mut(path).and_then(|p| p.get_mut(verb.to_lowercase())) else { continue };
            secure(operation, &method.access);
            operation["tags"] = json!([service.name.trim_end_matches("Service")]);
        }
    }
    for route in &contract.raw_routes {
        let item = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        item[route.method.to_lowercase()] = raw_operation(route);
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "FenzVideo",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Errors are `google.rpc.Status`; `details[].reason` says why.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    });
    Ok(serde_json::to_string_pretty(&document)?)
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

fn raw_operation(route: &RawRoute) -> Value {
    let mut operation = json!({"summary": route.summary, "tags": ["Media"]});
    let parameters: Vec<_> = route
        .path
        .split('/')
        .filter_map(|s| s.strip_prefix('{')?.strip_suffix('}'))
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
        json!({"200": {"description": "The file."}, "206": {"description": "A part of it."}})
    } else {
        let schema = json!({"$ref": format!("#/components/schemas/{}", route.response_message)});
        json!({"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}})
    };
    secure(&mut operation, &route.access);
    operation
}
