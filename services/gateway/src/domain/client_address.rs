//! Where a request comes from.

use std::net::IpAddr;

use http::HeaderValue;

use crate::config::Network;

/// The client's address: the peer's, or, where the peer is a proxy of ours, the
/// last address of `X-Forwarded-For` that is not.
pub fn client_address<'a>(
    peer: IpAddr,
    forwarded_for: impl DoubleEndedIterator<Item = &'a HeaderValue>,
    trusted: &[Network],
) -> IpAddr {
    let mut client = peer.to_canonical();
    let hops = forwarded_for.rev().flat_map(|v| v.as_bytes().rsplit(|byte| *byte == b','));
    for hop in hops {
        if !is_trusted(client, trusted) {
            break;
        }
        // What cannot be read came from the hop we know: it is as far as we see.
        let Some(address) = str::from_utf8(hop).ok().and_then(|hop| parse(hop.trim())) else { break };
        client = address;
    }
    client
}

pub fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address.to_canonical()))
}

/// An address, which some proxies write with a port.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text.parse().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|a| a.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    Some(address.or_else(with_port).or_else(bracketed)?.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[&str], trusted: &[&str]) -> String {
        let headers: Vec<_> = headers.iter().map(|h| HeaderValue::from_bytes(h.as_bytes()).unwrap()).collect();
        let trusted: Vec<Network> = trusted.iter().map(|t| t.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), headers.iter(), &trusted).to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"], &[]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["198.51.100.7"], &["10.0.0.0/8"]), "192.0.2.1");
    }

    #[test]
    fn behind_proxies_the_last_stranger_is_the_client() {
        let ours = ["10.0.0.0/8"];
        assert_eq!(client("10.0.0.1", &["203.0.113.9"], &ours), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.0.0.2"], &ours), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "203.0.113.9", "10.0.0.2"], &ours), "203.0.113.9");
        assert_eq!(client("::ffff:10.0.0.1", &["203.0.113.9:4711"], &ours), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["[2001:db8::1]:80"], &ours), "2001:db8::1");
    }

    #[test]
    fn nonsense_ends_the_walk() {
        let ours = ["10.0.0.0/8"];
        assert_eq!(client("10.0.0.1", &[], &ours), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"], &ours), "10.0.0.2");
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"], &ours), "10.0.0.3");
        // What a client makes up in front must not hide it.
        assert_eq!(client("10.0.0.1", &["é, 203.0.113.9"], &ours), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, é", "10.0.0.2"], &ours), "10.0.0.2");
    }
}
