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

/// Puts the id and the trace of the request at hand into each line. A span could
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
        write!(out, r#"{{"request.id":"{id}","trace.id":"{trace:032x}",{}"#, line.trim_start_matches('{'))
    }
}
