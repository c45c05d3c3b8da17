//! What belongs to the request at hand: its id, its place in the trace, where
//! it came from.

use std::net::IpAddr;

use fenz_core::Random;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The request id, in and out.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// W3C trace context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// The client's address, set by the gateway and passed on between services,
/// which nobody else reaches. The gateway believes no client's word for it.
pub const CLIENT_ADDRESS: HeaderName = HeaderName::from_static("x-fenz-client-address");

tokio::task_local! {
    static CURRENT: Context;
}

/// The request at hand.
#[derive(Clone, Debug)]
pub struct Context {
    pub id: String,
    /// The service that works on it; empty for an event.
    pub service: &'static str,
    pub trace: Trace,
    /// Where the client is, as far as that is known.
    pub address: Option<IpAddr>,
}

/// A W3C trace context: <https://www.w3.org/TR/trace-context/>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    pub trace_id: u128,
    /// The span that works on the request here.
    pub span_id: u64,
    pub sampled: bool,
}

impl Context {
    /// From the headers, with a new id and trace where they have none or one
    /// that is not well formed.
    pub fn of(headers: &HeaderMap, random: &Random) -> Self {
        let id = headers.get(REQUEST_ID).and_then(|v| v.to_str().ok()).filter(|id| is_id(id));
        let id = id.map_or_else(|| format!("{:032x}", random.value::<u128>()), str::to_owned);
        let trace = headers.get(TRACEPARENT).and_then(|v| v.to_str().ok()).and_then(|text| Trace::parse(text, random));
        let trace = trace.unwrap_or_else(|| Trace::root(random));
        Self { id, service: "", trace, address: client_address(headers) }
    }

    /// The same, worked on by a service.
    #[must_use]
    pub fn at(self, service: &'static str) -> Self {
        Self { service, ..self }
    }

    /// Runs a future as this request's.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// Puts the context into the headers of a call to another service. An
    /// address that is there stays: the gateway has found it out, while its
    /// context has only what the client says.
    pub fn write(&self, headers: &mut HeaderMap) {
        if let Ok(id) = HeaderValue::from_str(&self.id) {
            headers.insert(REQUEST_ID, id);
        }
        if let Ok(trace) = HeaderValue::from_str(&self.trace.to_string()) {
            headers.insert(TRACEPARENT, trace);
        }
        if let Some(address) = self.address.and_then(|a| HeaderValue::from_str(&a.to_string()).ok()) {
            headers.entry(CLIENT_ADDRESS).or_insert(address);
        }
    }
}

impl Trace {
    fn root(random: &Random) -> Self {
        Self { trace_id: random.value::<u128>().max(1), span_id: random.value::<u64>().max(1), sampled: true }
    }

    /// The trace of a `traceparent`, with a new span of ours below its.
    fn parse(text: &str, random: &Random) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |s: &str, len: usize| s.len() == len && s.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !(hex(version, 2) && version != "ff" && hex(trace, 32) && hex(span, 16) && hex(flags, 2)) {
            return None;
        }
        let trace_id = u128::from_str_radix(trace, 16).ok().filter(|id| *id != 0)?;
        u64::from_str_radix(span, 16).ok().filter(|id| *id != 0)?;
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self { trace_id, span_id: random.value::<u64>().max(1), sampled })
    }
}

impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, u8::from(self.sampled))
    }
}

/// The request at hand, if the code runs for one.
pub fn current() -> Option<Context> {
    CURRENT.try_with(Clone::clone).ok()
}

/// The id of the request at hand; empty outside of one.
pub fn current_id() -> String {
    CURRENT.try_with(|c| c.id.clone()).unwrap_or_default()
}

/// Where the client is, as the gateway says.
pub fn client_address(headers: &HeaderMap) -> Option<IpAddr> {
    headers.get(CLIENT_ADDRESS)?.to_str().ok()?.parse().ok()
}

/// What counts as one client: an IPv6 subscriber usually has a whole /64.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Ids from outside are kept when they are short and plain.
fn is_id(id: &str) -> bool {
    (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_trace_and_makes_a_span() {
        let mut headers = HeaderMap::new();
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        headers.insert(TRACEPARENT, HeaderValue::from_static(parent));
        let context = Context::of(&headers, &Random::default());
        assert_eq!(context.trace.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_ne!(context.trace.to_string(), parent);
    }

    #[test]
    fn the_address_goes_along_but_not_over_a_better_one() {
        let known = HeaderMap::from_iter([(CLIENT_ADDRESS, HeaderValue::from_static("192.0.2.9"))]);
        let mut headers = HeaderMap::new();
        Context::of(&known, &Random::default()).write(&mut headers);
        assert_eq!(headers[CLIENT_ADDRESS], "192.0.2.9");
        headers.insert(CLIENT_ADDRESS, HeaderValue::from_static("198.51.100.1"));
        Context::of(&known, &Random::default()).write(&mut headers);
        assert_eq!(headers[CLIENT_ADDRESS], "198.51.100.1");
        let mut none = HeaderMap::new();
        Context::of(&HeaderMap::new(), &Random::default()).write(&mut none);
        assert!(!none.contains_key(CLIENT_ADDRESS));
    }

    #[test]
    fn refuses_malformed_context() {
        for bad in ["", "00-0-0-0", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "zz"] {
            assert_eq!(Trace::parse(bad, &Random::default()), None, "{bad}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("a b\"; drop"));
        assert!(is_id(&Context::of(&headers, &Random::default()).id));
    }
}
