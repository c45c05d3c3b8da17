//! An event as it is transported: payload and headers, on either bus.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use fenz_chassis::request;
use fenz_core::Random;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::Event;

// Names of the CloudEvents binding for NATS.
const SPEC_VERSION: &str = "ce-specversion";
pub const ID: &str = "ce-id";
const TYPE: &str = "ce-type";
const SOURCE: &str = "ce-source";
const TIME: &str = "ce-time";
const CONTENT_TYPE: &str = "content-type";

/// Headers by name, lower-case.
pub type Headers = BTreeMap<String, String>;

/// An event in transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// A version 7 UUID: the same however often the event is delivered.
    pub id: String,
    pub subject: String,
    pub payload: Vec<u8>,
    pub headers: Headers,
}

impl Envelope {
    /// Wraps an event of a service; the current request is its origin.
    pub fn new<E: Event>(event: &E, source: &str, now: DateTime<Utc>, random: &Random) -> Self {
        let id = uuid::Uuid::now_v7().to_string();
        let mut headers = Headers::new();
        let mut set = |name: &str, value: String| headers.insert(name.to_owned(), value);
        set(SPEC_VERSION, "1.0".to_owned());
        set(ID, id.clone());
        set(TYPE, format!("fenzvideo.{}.{}", E::TYPE.family, E::TYPE.name));
        set(SOURCE, format!("fenzvideo/{source}"));
        set(TIME, now.to_rfc3339_opts(SecondsFormat::Micros, true));
        set(CONTENT_TYPE, "application/protobuf".to_owned());
        // Without a request it begins a trace of its own.
        let context = request::current().unwrap_or_else(|| request::Context::of(&HeaderMap::new(), random));
        set(request::REQUEST_ID.as_str(), context.id);
        set(request::TRACEPARENT.as_str(), context.trace.to_string());
        Self { id, subject: event.subject(), payload: event.encode_to_vec(), headers }
    }

    /// The request that caused the event, with a new span below its.
    pub fn context(&self, random: &Random) -> request::Context {
        let mut headers = HeaderMap::new();
        for name in [request::REQUEST_ID, request::TRACEPARENT] {
            if let Some(value) = self.headers.get(name.as_str()).and_then(|v| HeaderValue::from_str(v).ok()) {
                headers.insert::<HeaderName>(name, value);
            }
        }
        request::Context::of(&headers, random)
    }

    /// When it happened; unknown for messages of other publishers.
    pub fn time(&self) -> Option<DateTime<Utc>> {
        let time = DateTime::parse_from_rfc3339(self.headers.get(TIME)?).ok()?;
        Some(time.to_utc())
    }
}

/// As stored in the tables.
pub fn to_json(headers: &Headers) -> String {
    serde_json::to_string(headers).unwrap_or_default()
}

/// As read from the tables; none where [`to_json`] did not write them.
pub fn from_json(text: &str) -> Headers {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use fenz_contract::events::v1::UserRegistered;

    use super::*;

    #[tokio::test]
    async fn the_trace_and_the_request_id_are_kept() {
        let random = Random::default();
        let origin = request::Context::of(&HeaderMap::new(), &random);
        let now = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        let event = UserRegistered::default();
        let envelope = origin.clone().scope(async { Envelope::new(&event, "auth", now, &random) }).await;
        let arrived = Envelope { headers: from_json(&to_json(&envelope.headers)), ..envelope.clone() };
        assert_eq!(arrived, envelope);
        let context = arrived.context(&random);
        assert_eq!((context.id, context.trace.trace_id), (origin.id, origin.trace.trace_id));
        assert_ne!(context.trace.span_id, origin.trace.span_id);
        assert_eq!(arrived.time(), Some(now));
        assert_eq!(arrived.headers["ce-type"], "fenzvideo.user.registered");
    }
}
