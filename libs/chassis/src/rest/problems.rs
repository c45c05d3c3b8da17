//! Why a request does not decode: each of its fields is tried alone.

use fenz_contract::{
    routes::Method,
    rules::{MOST, Violation},
};
use fenz_core::Reason;
use http::Uri;
use serde_json::{Map, Value, json};

/// Fields that are tried; no request has so many of its own.
const TRIED: usize = 256;

/// The fields that do not decode, with what is wrong; the first of them where
/// there are many.
pub fn find(method: &Method, uri: &Uri, body: &[u8]) -> Vec<Violation> {
    let mut fields: Vec<(String, Vec<Value>)> = Vec::new();
    let template = method.rest.as_ref().map_or("", |r| r.path);
    for (name, value) in template.split('/').zip(uri.path().split('/')) {
        if let Some(name) = name.strip_prefix('{').and_then(|n| n.strip_suffix('}')) {
            fields.push((name.to_owned(), vec![json!(value)]));
        }
    }
    if let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(body) {
        fields.extend(body.into_iter().map(|(name, value)| (name, vec![value])));
    }
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        // A parameter may be one value or entries of a list.
        let entries: Vec<_> = value.split(',').collect();
        fields.push((name.into_owned(), vec![json!(value), json!(entries)]));
    }
    let problems = fields.into_iter().take(TRIED).filter_map(|(field, readings)| problem(method, field, readings));
    problems.take(MOST).collect()
}

/// What is wrong with a field in each of its readings; nothing if one is good.
fn problem(method: &Method, field: String, readings: Vec<Value>) -> Option<Violation> {
    let mut problem = None;
    for value in readings {
        let alone = Value::Object(Map::from_iter([(field.clone(), value)]));
        match (method.decode)(alone.to_string().as_bytes()) {
            Ok(()) => return None,
            Err(error) => problem = problem.or(Some(error)),
        }
    }
    let description = problem?.to_string();
    let description = description.split(" at line ").next().unwrap_or_default().to_owned();
    Some(Violation { field, reason: Reason::InvalidParams, description })
}
