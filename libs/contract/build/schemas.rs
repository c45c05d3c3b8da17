//! JSON schemas: of messages that only raw routes use, and comments and field
//! rules of all.

use anyhow::Result;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::{comments::Comments, options::extension};

/// Adds a message and the messages of its fields.
pub fn add(schemas: &mut Map<String, Value>, pool: &DescriptorPool, name: &str) {
    let Some(message) = pool.get_message_by_name(name).filter(|_| !schemas.contains_key(name)) else { return };
    let mut properties = Map::new();
    for field in message.fields() {
        if let Kind::Message(part) = field.kind() {
            add(schemas, pool, part.full_name());
        }
        let one = kind(&field);
        let schema = if field.is_list() { json!({"type": "array", "items": one}) } else { one };
        properties.insert(field.json_name().to_owned(), schema);
    }
    schemas.insert(name.to_owned(), json!({"type": "object", "properties": properties}));
}

fn kind(field: &FieldDescriptor) -> Value {
    match field.kind() {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({"type": "integer", "format": "int32"}),
        Kind::Uint32 | Kind::Fixed32 => json!({"type": "integer", "format": "uint32"}),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => json!({"type": "string", "format": "int64"}),
        Kind::Uint64 | Kind::Fixed64 => json!({"type": "string", "format": "uint64"}),
        Kind::Float | Kind::Double => json!({"type": "number"}),
        Kind::Bytes => json!({"type": "string", "format": "byte"}),
        Kind::String | Kind::Enum(_) => json!({"type": "string"}),
        Kind::Message(m) if m.full_name() == "google.protobuf.Timestamp" => {
            json!({"type": "string", "format": "date-time"})
        }
        Kind::Message(m) => json!({"$ref": format!("#/components/schemas/{}", m.full_name())}),
    }
}

/// Adds comments and field rules to the schemas.
pub fn describe(schemas: &mut Map<String, Value>, pool: &DescriptorPool, comments: &Comments) -> Result<()> {
    for (name, schema) in schemas {
        let Some(message) = pool.get_message_by_name(name) else { continue };
        describe_message(schema, pool, &message, comments)?;
    }
    Ok(())
}

/// Removes a field from a schema.
pub fn leave_out(schemas: &mut Map<String, Value>, message: &str, field: &str) {
    let Some(schema) = schemas.get_mut(message) else { return };
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove(field);
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| name != field);
    }
}

fn describe_message(
    schema: &mut Value,
    pool: &DescriptorPool,
    message: &MessageDescriptor,
    comments: &Comments,
) -> Result<()> {
    let file = message.parent_file();
    if let Some(comment) = comments.get(&file, message.path()) {
        schema["description"] = json!(comment);
    }
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return Ok(()) };
    // Filled in by the server.
    properties.remove("updateFields");
    let mut required = Vec::new();
    for field in message.fields() {
        let Some(property) = properties.get_mut(field.json_name()) else { continue };
        if let Some(comment) = comments.get(&file, field.path()) {
            property["description"] = json!(comment);
        }
        let rules = extension(pool, &field.options(), "buf.validate.field")?;
        if let Some(rules) = rules.as_message()
            && apply_rules(property, rules, &field)
        {
            required.push(field.json_name().to_owned());
        }
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    Ok(())
}

/// Adds the rules that a schema can express. Returns whether the field is
/// required: its default value violates one of them.
fn apply_rules(property: &mut Value, rules: &DynamicMessage, field: &FieldDescriptor) -> bool {
    let mut required = rules.get_field_by_name("required").and_then(|v| v.as_bool()).unwrap_or_default();
    for (group, kind_rules) in rules.fields() {
        let Some(kind_rules) = kind_rules.as_message() else { continue };
        for (rule, value) in kind_rules.fields() {
            let number = value.as_i64().or_else(|| value.as_u64().map(|n| n as i64)).or(value.as_i32().map(i64::from));
            let is_number = property["type"] == "integer";
            match (group.name(), rule.name(), number) {
                ("string", "min_len", Some(n)) => {
                    property["minLength"] = json!(n);
                    required |= n > 0;
                }
                ("string", "max_len", Some(n)) => property["maxLength"] = json!(n),
                ("string", "pattern", _) => property["pattern"] = json!(value.as_str()),
                ("string", "email", _) => property["format"] = json!("email"),
                ("string", "in", _) => {
                    let values = value.as_list().into_iter().flatten();
                    property["enum"] = values.filter_map(|v| v.as_str()).collect();
                }
                ("repeated", "max_items", Some(n)) => property["maxItems"] = json!(n),
                ("repeated", "unique", _) => property["uniqueItems"] = json!(true),
                (_, "gt", Some(n)) => {
                    if is_number {
                        property["exclusiveMinimum"] = json!(n);
                    }
                    required |= n >= 0;
                }
                (_, "gte", Some(n)) if is_number => property["minimum"] = json!(n),
                (_, "lte", Some(n)) if is_number => property["maximum"] = json!(n),
                _ => {}
            }
        }
    }
    required
        && (!field.supports_presence()
            || rules.get_field_by_name("required").is_some_and(|v| v.as_bool() == Some(true)))
}

/// The schema of every error.
pub fn status(pool: &DescriptorPool) -> Value {
    let reasons: Vec<_> = pool
        .get_enum_by_name("fenzvideo.common.v1.ErrorReason")
        .map(|e| e.values().map(|v| v.name().to_owned()).collect())
        .unwrap_or_default();
    json!({
        "type": "object",
        "description": "An error: `message` for people, `details[].reason` for programs.",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "integer", "format": "int32", "description": "A google.rpc.Code."},
            "message": {"type": "string"},
            "details": {"type": "array", "items": {
                "type": "object",
                "required": ["@type"],
                "properties": {
                    "@type": {"type": "string", "description": "A type of google.rpc: ErrorInfo, BadRequest or RequestInfo."},
                    "reason": {"type": "string", "enum": reasons, "description": "Of ErrorInfo."},
                    "domain": {"type": "string", "description": "Of ErrorInfo: `fenzvideo`."},
                    "metadata": {
                        "type": "object",
                        "additionalProperties": {"type": "string"},
                        "description": "Of ErrorInfo, such as `retryAfterSeconds`.",
                    },
                    "fieldViolations": {"type": "array", "description": "Of BadRequest.", "items": {
                        "type": "object",
                        "properties": {"field": {"type": "string"}, "description": {"type": "string"}},
                    }},
                    "requestId": {"type": "string", "description": "Of RequestInfo; identifies the request in the logs."},
                },
            }},
        },
    })
}
