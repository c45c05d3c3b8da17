//! `FENZ_GATEWAY__…`

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use anyhow::{Context, Result, ensure};
use http::HeaderValue;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub rate_limit: RateLimitConfig,
    /// Proxies whose `X-Forwarded-For` is trusted: addresses and networks,
    /// comma-separated.
    pub trusted_proxies: Vec<Network>,
    /// Open connections of an address, or open requests that come through a trusted
    /// proxy; 0 is unlimited.
    pub connections_per_address: usize,
    pub cors: CorsConfig,
    pub breaker: BreakerConfig,
    /// How long a stream may go without data before it is closed.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rate_limit: RateLimitConfig::default(),
            trusted_proxies: Vec::new(),
            connections_per_address: 500,
            cors: CorsConfig::default(),
            breaker: BreakerConfig::default(),
            idle_timeout: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// Checks what the types cannot.
    pub fn check(&self) -> Result<()> {
        self.cors.origins()?;
        ensure!(self.breaker.failures > 0, "FENZ_GATEWAY__BREAKER__FAILURES should be at least 1");
        ensure!(
            self.breaker.first_probe <= self.breaker.longest_probe,
            "FENZ_GATEWAY__BREAKER__FIRST_PROBE should be at most FENZ_GATEWAY__BREAKER__LONGEST_PROBE"
        );
        ensure!(!self.idle_timeout.is_zero(), "FENZ_GATEWAY__IDLE_TIMEOUT should be longer than nothing");
        Ok(())
    }
}

/// Requests per minute, all of which may arrive as one burst; 0 is unlimited.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitConfig {
    /// Per address, for requests without a token.
    pub anonymous_per_minute: u32,
    /// Per user.
    pub user_per_minute: u32,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self { anonymous_per_minute: 100, user_per_minute: 1000 }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsConfig {
    /// Allowed origins; `*` for all.
    pub origins: Vec<String>,
}

impl Default for CorsConfig {
    fn default() -> Self {
        Self { origins: vec!["*".to_owned()] }
    }
}

impl CorsConfig {
    /// The allowed origins; `None` allows all.
    pub fn origins(&self) -> Result<Option<Vec<HeaderValue>>> {
        if self.origins.iter().any(|o| o == "*") {
            return Ok(None);
        }
        let parse = |origin: &String| {
            let (_, host) = origin.split_once("://")?;
            (!host.is_empty() && !host.contains('/')).then(|| origin.parse().ok())?
        };
        let origins = self.origins.iter().map(parse).collect::<Option<_>>();
        origins.map(Some).context("FENZ_GATEWAY__CORS__ORIGINS should be origins such as https://example.org, or *")
    }
}

/// When the circuit breaker of an upstream opens. Only failed connections and
/// timeouts count as failures.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    pub failures: usize,
    #[serde(with = "humantime_serde")]
    pub window: Duration,
    /// The wait before the first probe; it doubles after each failed one.
    #[serde(with = "humantime_serde")]
    pub first_probe: Duration,
    #[serde(with = "humantime_serde")]
    pub longest_probe: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failures: 5,
            window: Duration::from_secs(30),
            first_probe: Duration::from_secs(1),
            longest_probe: Duration::from_secs(5),
        }
    }
}

/// An address or a network.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Network(IpNet);

impl Network {
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = || text.parse::<IpAddr>().map(IpNet::from);
        text.parse::<IpNet>()
            .or_else(|_| address())
            .map(Self)
            .map_err(|_| format!("should be addresses or networks such as 10.0.0.0/8, not {text:?}"))
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_addresses_or_cidr() {
        let contains =
            |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(contains("10.0.0.0/8", "10.1.2.3"));
        assert!(contains("::1", "::1"));
        assert!(!contains("127.0.0.1", "127.0.0.2"));
        assert!("10.0.0".parse::<Network>().is_err());
    }

    #[test]
    fn origins_have_a_scheme_and_no_path() {
        let origins = |list: &[&str]| CorsConfig { origins: list.iter().map(|&o| o.to_owned()).collect() }.origins();
        assert!(origins(&["*"]).unwrap().is_none());
        assert_eq!(origins(&["https://a.example", "http://localhost:3000"]).unwrap().unwrap().len(), 2);
        assert!(origins(&["a.example"]).is_err());
        assert!(origins(&["https://a.example/"]).is_err());
    }
}
