//! The OpenAPI document taken at its word, then not: whatever a request
//! carries, the answer is the documented one or a refusal with its reason.

use fenz_testkit::Reply;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::platform::Platform;

/// Requests to each operation.
const ROUNDS: usize = 25;
/// Fixed, so that a failure comes back.
const SEED: u64 = 20_261_121;

#[tokio::test(flavor = "multi_thread")]
async fn no_request_breaks_a_service() {
    let platform = Platform::fleet(&[]).await;
    let anonymous = &platform.client;
    let user = platform.register("somebody").await;
    let document = Reply::of(anonymous.request(Method::GET, "/openapi.json")).await.body;
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut sent = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            // The first two end the session that the others are sent with, a stream
            // does not end.
            if ["/logout", "/logout-all", "/stream"].iter().any(|end| path.ends_with(end)) {
                continue;
            }
            let method: Method = verb.to_uppercase().parse().unwrap();
            for _ in 0..ROUNDS {
                let person = if rng.random_bool(0.8) { &user } else { anonymous };
                let target = target(path, operation, &mut rng);
                let body = body(&document, operation, &mut rng);
                let request = person.request(method.clone(), &target);
                let request = match &body {
                    Some(body) => request.header("content-type", "application/json").body(body.clone()),
                    None => request,
                };
                let what = format!("{method} {target} {}", body.unwrap_or_default());
                let reply = Reply::of(request).await;
                assert!(reply.status < 500, "{what}: {reply:?}");
                if reply.status >= 400 && method != Method::HEAD {
                    assert!(!reply.reason().is_empty(), "{what}: {reply:?}");
                }
                sent += 1;
            }
        }
    }
    assert!(sent > 500, "{sent} requests only");
}

fn target(path: &str, operation: &Value, rng: &mut StdRng) -> String {
    let path: Vec<_> = path
        .split('/')
        .map(|segment| if segment.starts_with('{') { encoded(&scalar(rng)) } else { segment.to_owned() })
        .collect();
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        if parameter["in"] == "query" && rng.random_bool(0.5) {
            query.push(format!("{}={}", parameter["name"].as_str().unwrap(), encoded(&scalar(rng))));
        }
    }
    if rng.random_bool(0.1) {
        query.push(format!("nothing={}", encoded(&scalar(rng))));
    }
    let path = path.join("/");
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

fn body(document: &Value, operation: &Value, rng: &mut StdRng) -> Option<String> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if schema.is_null() {
        return rng.random_bool(0.1).then(|| "{}".to_owned());
    }
    if rng.random_bool(0.1) {
        return Some(["", "{", "[]", "null", "\"x\"", "{\"a\":}"].choose(rng)?.to_string());
    }
    let schema = match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let mut fields = Map::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if rng.random_bool(0.8) {
            fields.insert(name.clone(), value(field, rng));
        }
    }
    if rng.random_bool(0.1) {
        fields.insert("unknown".to_owned(), value(&Value::Null, rng));
    }
    Some(Value::Object(fields).to_string())
}

/// Mostly of the field's type.
fn value(field: &Value, rng: &mut StdRng) -> Value {
    let kind = if rng.random_bool(0.8) { field["type"].as_str().unwrap_or_default() } else { "" };
    match kind {
        "string" => json!(scalar(rng)),
        "integer" | "number" => json!(rng.random_range(-3..200)),
        "boolean" => json!(rng.random_bool(0.5)),
        "array" => (0..rng.random_range(0..8)).map(|_| value(&field["items"], rng)).collect(),
        _ => [json!(null), json!(7), json!("x"), json!([]), json!({}), json!(1e300), json!(true)]
            .choose(rng)
            .unwrap()
            .clone(),
    }
}

fn scalar(rng: &mut StdRng) -> String {
    let known = ["", "1", "0", "-1", "9223372036854775807", "9223372036854775808", "a", "%", "../..", "\u{0}", "影片"];
    match rng.random_range(0..4) {
        0 => (*known.choose(rng).unwrap()).to_owned(),
        1 => rng.next_u64().to_string(),
        2 => "x".repeat(rng.random_range(1..400)),
        _ => (0..rng.random_range(1..40)).map(|_| char::from(rng.random_range(b' '..b'~'))).collect(),
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}
