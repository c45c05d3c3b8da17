//! Logs: JSON for machines, pretty for people.

use serde::{Deserialize, Serialize};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::request;

/// `FENZ_TELEMETRY__…`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    /// `json` or `pretty`.
    pub format: Format,
    /// What to log, e.g. `info` or `info,fenz_media=debug`.
    pub level: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
    Pretty,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { format: Format::Json, level: "info,sqlx=warn,sea_orm_migration=warn".to_owned() }
    }
}

/// Starts logging to standard error. A second call changes nothing: in
/// standalone the first service's settings hold for all.
pub fn init(settings: &TelemetrySettings) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.level)
        .map_err(|e| anyhow::anyhow!("FENZ_TELEMETRY__LEVEL should be levels such as `info`: {e}"))?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let plain = tracing_subscriber::fmt::format();
    // Fails only when a subscriber is set already.
    match settings.format {
        Format::Json => {
            let format = OfRequest { inner: plain.json().flatten_event(true), json: true };
            registry.with(layer.json().event_format(format)).try_init().ok()
        }
        Format::Pretty => {
            let format = OfRequest { inner: plain.with_target(false), json: false };
            registry.with(layer.event_format(format)).try_init().ok()
        }
    };
    Ok(())
}

/// Puts the id, the trace and the service of the request at hand into each line. A span could
/// carry them too, but would format them for every request, logged or not.
struct OfRequest<F> {
    inner: F,
    json: bool,
}

impl<S, N, F> FormatEvent<S, N> for OfRequest<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, cx: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> std::fmt::Result {
        let Some(context) = request::current() else { return self.inner.format_event(cx, out, event) };
        if !self.json {
            write!(out, "{} ", context.id)?;
            return self.inner.format_event(cx, out, event);
        }
        let mut line = String::new();
        self.inner.format_event(cx, Writer::new(&mut line), event)?;
        let (id, trace) = (&context.id, context.trace.trace_id);
        // Ids of requests are plain characters.
        write!(out, r#"{{"request.id":"{id}","trace.id":"{trace:032x}","#)?;
        if !context.service.is_empty() && event.metadata().fields().field("service").is_none() {
            write!(out, r#""service":"{}","#, context.service)?;
        }
        write!(out, "{}", line.trim_start_matches('{'))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use fenz_core::Random;
    use http::HeaderMap;
    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn lines_of_a_request_carry_its_id_its_trace_and_the_service() {
        let log = Log::default();
        let writer = log.clone();
        let format = OfRequest { inner: tracing_subscriber::fmt::format().json().flatten_event(true), json: true };
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).json().event_format(format);
        let subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        let context = request::Context::of(&HeaderMap::new(), &Random::default()).at("content");
        let id = context.id.clone();
        context.scope(async { tracing::info!(video.id = %12, "published") }).await;
        let context = request::Context::of(&HeaderMap::new(), &Random::default()).at("content");
        context.scope(async { tracing::info!(service = "media", "asked") }).await;
        tracing::info!("started");
        drop(subscriber);
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["request.id"], &lines[0]["service"]), (&Value::from(id), &Value::from("content")));
        assert_eq!(lines[0]["video.id"], "12");
        assert_eq!(lines[0]["trace.id"].as_str().unwrap().len(), 32);
        assert_eq!(log.lines().nth(1).unwrap().matches("\"service\"").count(), 1);
        assert_eq!(lines[1]["service"], "media");
        assert!(lines[2].get("request.id").is_none() && lines[2].get("service").is_none());
    }
}
