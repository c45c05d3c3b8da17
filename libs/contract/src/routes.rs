//! The tables of RPCs and raw routes, and the router over them.

use std::collections::BTreeMap;

include!(concat!(env!("OUT_DIR"), "/routes.rs"));

/// Who may call; see `proto/fenzvideo/options/v1/options.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    Public,
    User,
    Moderator,
    Admin,
    Internal,
}

/// An RPC.
#[derive(Debug)]
pub struct Method {
    /// `package.Service`
    pub service: &'static str,
    /// `/package.Service/Method`
    pub grpc_path: &'static str,
    /// The service of the fleet that serves it; `*` for every one with a database.
    pub host: &'static str,
    pub access: Access,
    /// The services that may call, if it is internal.
    pub callers: &'static [&'static str],
    /// An Authorization header is ignored.
    pub ignores_authorization: bool,
    pub rest: Option<RestRoute>,
    /// Whether JSON decodes as the request message.
    pub decode: fn(&[u8]) -> Result<(), serde_json::Error>,
}

/// The REST side of an RPC.
#[derive(Debug)]
pub struct RestRoute {
    pub method: &'static str,
    /// A template such as `/api/v1/videos/{id}`.
    pub path: &'static str,
    /// The fields that are not in the path are in the body; otherwise in the query.
    pub has_body: bool,
    /// The request has the field `update_fields`, filled in with the names of the
    /// body's fields.
    pub wants_fields: bool,
    /// The JSON names of repeated fields in the query.
    pub lists: &'static [&'static str],
}

/// A route that is served by a plain HTTP handler instead of an RPC.
#[derive(Debug)]
pub struct RawRoute {
    pub host: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
    pub kind: RawRouteKind,
}

/// What a raw route carries; see `proto/fenzvideo/options/v1/options.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawRouteKind {
    Download,
    Upload,
    EventStream,
    LineStream,
    Webhook,
}

/// What serves a path and method.
#[derive(Clone, Copy, Debug)]
pub enum Route {
    Rpc(&'static Method),
    Raw(&'static RawRoute),
}

impl Route {
    #[must_use]
    pub fn host(self) -> &'static str {
        match self {
            Self::Rpc(m) => m.host,
            Self::Raw(r) => r.host,
        }
    }

    #[must_use]
    pub fn access(self) -> Access {
        match self {
            Self::Rpc(m) => m.access,
            Self::Raw(r) => r.access,
        }
    }

    /// The services that may call an internal RPC.
    #[must_use]
    pub fn callers(self) -> &'static [&'static str] {
        match self {
            Self::Rpc(m) => m.callers,
            Self::Raw(_) => &[],
        }
    }

    #[must_use]
    pub fn ignores_authorization(self) -> bool {
        matches!(self, Self::Rpc(m) if m.ignores_authorization)
    }

    /// What a raw route carries.
    #[must_use]
    pub fn kind(self) -> Option<RawRouteKind> {
        match self {
            Self::Rpc(_) => None,
            Self::Raw(r) => Some(r.kind),
        }
    }

    /// The path template, for metrics and span names.
    #[must_use]
    pub fn template(self) -> &'static str {
        match self {
            Self::Rpc(m) => m.rest.as_ref().map_or(m.grpc_path, |r| r.path),
            Self::Raw(r) => r.path,
        }
    }
}

/// Why there is no route.
#[derive(Debug, PartialEq, Eq)]
pub enum Missing {
    Path,
    /// The path has other methods: the value for `Allow`.
    Method(String),
}

/// Finds the route of a request. Built once, shared by all requests.
pub struct RouteTable {
    rest: matchit::Router<BTreeMap<&'static str, Route>>,
    grpc: std::collections::HashMap<&'static str, &'static Method>,
}

impl Default for RouteTable {
    fn default() -> Self {
        Self::new()
    }
}

impl RouteTable {
    /// The whole contract's table.
    ///
    /// # Panics
    /// When two templates of the contract conflict, which a test excludes.
    #[must_use]
    pub fn new() -> Self {
        let mut paths: BTreeMap<&str, BTreeMap<&'static str, Route>> = BTreeMap::new();
        for method in METHODS {
            if let Some(rest) = &method.rest {
                paths.entry(rest.path).or_default().insert(rest.method, Route::Rpc(method));
            }
        }
        for raw in RAW_ROUTES {
            paths.entry(raw.path).or_default().insert(raw.method, Route::Raw(raw));
        }
        let mut rest = matchit::Router::new();
        for (path, methods) in paths {
            rest.insert(path, methods).expect("templates of the contract do not conflict");
        }
        Self { rest, grpc: METHODS.iter().map(|m| (m.grpc_path, m)).collect() }
    }

    /// The route of a REST request.
    ///
    /// # Errors
    /// When no route has the path, or none of them the method.
    pub fn rest(&self, method: &str, path: &str) -> Result<Route, Missing> {
        let Ok(found) = self.rest.at(path) else { return Err(Missing::Path) };
        match found.value.get(method) {
            Some(route) => Ok(*route),
            None => Err(Missing::Method(found.value.keys().copied().collect::<Vec<_>>().join(", "))),
        }
    }

    /// The RPC of a gRPC request's path.
    #[must_use]
    pub fn grpc(&self, path: &str) -> Option<&'static Method> {
        self.grpc.get(path).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_routes_and_lists_the_allowed_methods() {
        let table = RouteTable::new();
        let route = table.rest("GET", "/api/v1/videos/42").expect("a route");
        assert_eq!((route.host(), route.access()), ("content", Access::Public));
        assert_eq!(table.rest("POST", "/api/v1/videos/42").unwrap_err(), Missing::Method("DELETE, GET, PUT".into()));
        assert_eq!(table.rest("GET", "/api/v1/nothing").unwrap_err(), Missing::Path);
        assert_eq!(table.rest("POST", "/api/v1/upload/video").expect("a route").host(), "media");
    }

    #[test]
    fn internal_methods_have_no_rest_route() {
        assert!(METHODS.iter().filter(|m| m.access == Access::Internal).all(|m| m.rest.is_none()));
        assert!(METHODS.iter().any(|m| m.access == Access::Internal));
    }

    #[test]
    fn what_every_service_serves_is_internal_and_makes_no_service() {
        let of_every: Vec<_> = METHODS.iter().filter(|m| m.host == "*").collect();
        assert!(!of_every.is_empty() && of_every.iter().all(|m| m.access == Access::Internal));
        assert!(!HOSTS.contains(&"*"));
    }
}
