//! The OpenAPI operations of raw routes.

use serde_json::{Value, json};

use crate::raw_routes::{Kind, Parameter, RawRoute};

/// Request headers of downloads (RFC 9110, sections 13 and 14).
const DOWNLOAD_HEADERS: [(&str, &str); 3] = [
    ("Range", "One byte range, such as `bytes=0-1023`."),
    ("If-Range", "Ignore `Range` unless the file still has this ETag or date."),
    ("If-None-Match", "Reply 304 if the file has one of these ETags."),
];

pub fn operation(route: &RawRoute) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.summary,
        "description": route.description,
        "tags": [route.service.trim_end_matches("Service")],
    });
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation["parameters"] = json!(parameters);
    }
    if let Some(body) = request_body(route) {
        operation["requestBody"] = body;
    }
    operation["responses"] = match route.kind {
        Kind::Download => download_responses(route.method == "HEAD"),
        _ => json!({"200": success(route)}),
    };
    for (status, description) in &route.errors {
        operation["responses"][status.to_string()] = error(description);
    }
    operation["responses"]["default"] = error("An error.");
    operation
}

/// `POST /api/v1/upload/video` is `PostUploadVideo`.
fn operation_id(route: &RawRoute) -> String {
    let words = route.path.trim_start_matches("/api/v1").split(['/', '-']);
    let words = words.filter(|s| !s.is_empty() && !s.starts_with('{'));
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..].to_lowercase();
    std::iter::once(route.method.as_str()).chain(words).map(capital).collect()
}

fn parameters(route: &RawRoute) -> Vec<Value> {
    let declared = route.parameters.iter().map(|Parameter { name, location, schema, description, required }| {
        let (kind, format) = schema;
        let mut schema = json!({"type": kind});
        if let Some(format) = format {
            schema["format"] = json!(format);
        }
        json!({"name": name, "in": location, "required": required, "description": description, "schema": schema})
    });
    let implied = DOWNLOAD_HEADERS.iter().filter(|_| route.kind == Kind::Download).map(|(name, description)| {
        json!({"name": name, "in": "header", "description": description, "schema": {"type": "string"}})
    });
    declared.chain(implied).collect()
}

fn request_body(route: &RawRoute) -> Option<Value> {
    let schema = match route.kind {
        Kind::Upload => json!({
            "type": "object",
            "required": ["file"],
            "properties": {"file": {"type": "string", "format": "binary"}},
        }),
        Kind::Webhook => json!({}),
        Kind::Download | Kind::EventStream | Kind::LineStream => return None,
    };
    Some(json!({"required": true, "content": {&route.request_type: {"schema": schema}}}))
}

fn success(route: &RawRoute) -> Value {
    let description = match route.response_description.as_str() {
        "" => "Successful response.",
        description => description,
    };
    let message = json!({"$ref": format!("#/components/schemas/{}", route.response_message)});
    let has_message = !route.response_message.is_empty();
    let media_type = match route.kind {
        Kind::EventStream => "text/event-stream",
        Kind::LineStream => &route.response_type,
        _ if has_message => {
            return json!({"description": description, "content": {"application/json": {"schema": message}}});
        }
        _ => return json!({"description": description}),
    };
    let mut content = json!({"schema": {"type": "string"}});
    // The schema of one item of a stream has no place in OpenAPI 3.1; 3.2 calls it `itemSchema`.
    if has_message {
        content["x-item-schema"] = message;
    }
    json!({"description": description, "content": {media_type: content}})
}

pub fn error(description: &str) -> Value {
    let schema = json!({"$ref": "#/components/schemas/google.rpc.Status"});
    json!({"description": description, "content": {"application/json": {"schema": schema}}})
}

fn download_responses(is_head: bool) -> Value {
    let header = |description: &str| json!({"description": description, "schema": {"type": "string"}});
    let bytes = json!({"*/*": {"schema": {"type": "string", "format": "binary"}}});
    let mut responses = json!({
        "200": {
            "description": "The whole file.",
            "headers": {"ETag": header("Identifies these bytes."), "Accept-Ranges": header("`bytes`")},
        },
        "206": {
            "description": "The requested range.",
            "headers": {"ETag": header("Identifies the whole file."), "Content-Range": header("The range and the size of the file.")},
        },
        "304": {"description": "The file has an ETag of `If-None-Match`."},
        "416": error("RANGE_NOT_SATISFIABLE: the range lies outside the file."),
    });
    if !is_head {
        responses["200"]["content"] = bytes.clone();
        responses["206"]["content"] = bytes;
    }
    responses
}
