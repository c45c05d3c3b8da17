//! Which headers are forwarded, removed or set.

use std::net::IpAddr;

use fenz_chassis::{request as context, request::CLIENT_ADDRESS};
use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts, uri::Authority};

use super::Protocol;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Headers of one connection (RFC 9110 §7.6.1). `expect` is among them: the
/// server in front answers it.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
    header::TE,
    header::UPGRADE,
    header::EXPECT,
];
/// Headers that claim a client address and that the gateway does not support.
const UNTRUSTED: [HeaderName; 2] = [header::FORWARDED, HeaderName::from_static("x-real-ip")];
/// Headers that only services may set.
const INTERNAL_PREFIX: &str = "x-fenz-";

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// Where a request comes from.
pub struct ClientInfo {
    pub address: IpAddr,
    /// The other end of the TCP connection.
    pub peer: IpAddr,
    pub via_trusted_proxy: bool,
}

/// Rewrites the headers of a request for the upstream.
pub fn to_upstream(parts: &mut Parts, client: &ClientInfo, protocol: Protocol) {
    let host = host(parts);
    let headers = &mut parts.headers;
    strip_hop_by_hop(headers);
    let internal: Vec<_> = headers.keys().filter(|n| n.as_str().starts_with(INTERNAL_PREFIX)).cloned().collect();
    for name in internal.iter().chain(&UNTRUSTED) {
        headers.remove(name);
    }
    let peer = value(client.peer.to_string());
    if client.via_trusted_proxy {
        let hops = headers.get_all(FORWARDED_FOR).iter().chain([&peer]).filter_map(|v| v.to_str().ok());
        let chain = value(hops.collect::<Vec<_>>().join(", "));
        headers.insert(FORWARDED_FOR, chain);
        headers.insert(CLIENT_ADDRESS, value(client.address.to_string()));
    } else {
        headers.remove(FORWARDED_PROTO);
        headers.remove(FORWARDED_HOST);
        headers.insert(FORWARDED_FOR, peer.clone());
        headers.insert(CLIENT_ADDRESS, peer);
    }
    headers.entry(FORWARDED_PROTO).or_insert(HeaderValue::from_static("http"));
    if let Some(host) = host {
        headers.entry(FORWARDED_HOST).or_insert(host);
    }
    if protocol == Protocol::Grpc {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if let Some(context) = context::current() {
        context.write(headers);
    }
}

/// Never falls back in practice: addresses and received headers are valid.
fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

/// The host name that the client used.
fn host(parts: &Parts) -> Option<HeaderValue> {
    let in_uri = || parts.uri.authority().map(Authority::as_str).and_then(|a| HeaderValue::from_str(a).ok());
    parts.headers.get(header::HOST).cloned().or_else(in_uri)
}

/// Rewrites the headers of a response for the client.
pub fn to_client(headers: &mut HeaderMap, protocol: Protocol) {
    strip_hop_by_hop(headers);
    if protocol == Protocol::Rest {
        headers.remove(header::TRAILER);
    }
}

/// Whether these HTTP/1.1 headers upgrade the connection to WebSocket.
pub fn is_websocket(headers: &HeaderMap) -> bool {
    let lists = |name, item: &str| {
        let values = headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
        values.flat_map(|v| v.split(',')).any(|v| v.trim().eq_ignore_ascii_case(item))
    };
    lists(header::UPGRADE, "websocket") && lists(header::CONNECTION, "upgrade")
}

/// Sets the hop-by-hop headers of a WebSocket upgrade again, for the next hop.
pub fn set_websocket_upgrade(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, WEBSOCKET);
}

fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if let Some(named) = headers.get(header::CONNECTION) {
        let named = named.to_str().unwrap_or_default().split(',').map(str::trim);
        for name in named.filter_map(|n| n.parse::<HeaderName>().ok()).collect::<Vec<_>>() {
            // A client must not be able to strip these (RFC 9110 §7.6.1).
            if ![header::AUTHORIZATION, header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(&name) {
                headers.remove(name);
            }
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    if headers.remove(header::TRANSFER_ENCODING).is_some() {
        headers.remove(header::CONTENT_LENGTH);
    }
}
