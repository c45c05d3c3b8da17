//! A gateway whose upstreams echo the requests that they receive, over the
//! transport of the module.

use std::net::SocketAddr;

use axum::{Json, Router, extract::Request, response::IntoResponse};
use fenz_chassis::{
    server::{self, AddressLimit},
    settings::ServerSettings,
};
use fenz_contract::routes::HOSTS;
use fenz_core::{Random, Role};
use fenz_gateway::Gateway;
use fenz_testkit::{Client, Database, Sandbox, Transport, eventually, free_address};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::TRANSPORT;

pub struct Fleet {
    pub sandbox: Sandbox,
    /// Without a token.
    pub client: Client,
    pub url: String,
    /// Where content is expected if it was left out, over loopback.
    pub content_address: SocketAddr,
}

/// Settings and upstreams that differ between tests.
#[derive(Default)]
pub struct FleetBuilder {
    pub settings: Vec<(&'static str, String)>,
    /// Replaces the echoing stub of content.
    pub content: Option<Router>,
    pub media: Option<Router>,
    pub notification: Option<Router>,
    /// Nothing listens where content is expected.
    pub without_content: bool,
}

impl FleetBuilder {
    pub fn set(key: &'static str, value: impl Into<String>) -> Self {
        Self::default().and(key, value)
    }

    pub fn and(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.settings.push((key, value.into()));
        self
    }

    pub fn content(router: Router) -> Self {
        Self { content: Some(router), ..Self::default() }
    }

    pub fn media(router: Router) -> Self {
        Self { media: Some(router), ..Self::default() }
    }

    pub async fn start(self) -> Fleet {
        let mut sandbox = Sandbox::with_transport(Database::Sqlite, TRANSPORT).await.unwrap();
        // Where nobody listens: a port that the sandbox gave up may be taken by another test.
        let content_address = free_address();
        if self.without_content && TRANSPORT == Transport::Loopback {
            sandbox.set("peers.content", &format!("http://{content_address}")).unwrap();
        }
        for (key, value) in self.settings {
            sandbox.set(key, &value).unwrap();
        }
        let auth = sandbox.auth_stand_in().unwrap();
        let auth = auth.into_axum_router().reset_fallback().fallback(echo);
        let (mut content, mut media, mut notification) = (self.content, self.media, self.notification);
        for service in HOSTS {
            let listener = sandbox.take_listener(service).unwrap();
            let router = match *service {
                "auth" => auth.clone(),
                "content" if self.without_content => continue,
                "content" => content.take().unwrap_or_else(echoing),
                "media" => media.take().unwrap_or_else(echoing),
                "notification" => notification.take().unwrap_or_else(echoing),
                _ => echoing(),
            };
            serve(&sandbox, service, listener, router);
        }
        sandbox.start::<Gateway>().await.unwrap();
        let fleet =
            Fleet { url: sandbox.url("gateway"), client: sandbox.client("gateway", 0), content_address, sandbox };
        eventually(async || fleet.client.status("/readyz").await == 200).await;
        fleet
    }
}

impl Fleet {
    pub async fn start() -> Self {
        FleetBuilder::default().start().await
    }

    /// A client with a token of a role.
    pub fn client_as(&self, role: Role) -> Client {
        self.client.with_token(self.token(role))
    }

    pub fn token(&self, role: Role) -> String {
        self.sandbox.token(role as i64 + 1, role)
    }

    /// Starts content where it was left out.
    pub async fn start_content(&self, router: Router) {
        let listener = TcpListener::bind(self.content_address).await.unwrap();
        serve(&self.sandbox, "content", listener, router);
    }

    pub fn address(&self) -> SocketAddr {
        self.url.trim_start_matches("http://").parse().unwrap()
    }
}

/// Serves a router in place of a service until the sandbox stops.
fn serve(sandbox: &Sandbox, service: &str, listener: TcpListener, router: Router) {
    let stop = sandbox.process.stop.clone();
    let router = server::Observed::new("upstream", router, Random::default());
    match TRANSPORT {
        Transport::Loopback => {
            tokio::spawn(server::serve(listener, router, ServerSettings::default(), AddressLimit::default(), stop));
        }
        Transport::InProcess => {
            // Nothing can be reached over a port by mistake.
            drop(listener);
            let published = sandbox.process.local.get(service).unwrap().publish(router);
            tokio::spawn(async move {
                stop.cancelled().await;
                published.drain().await;
            });
        }
    }
}

/// Responds with what was received.
pub async fn echo(request: Request) -> impl IntoResponse {
    let headers = request.headers();
    let all = |name: &_| headers.get_all(name).iter().map(|v| v.to_str().unwrap()).collect::<Vec<_>>().join("|");
    let seen: Value = headers.keys().map(|name| (name.to_string(), Value::from(all(name)))).collect();
    let path = request.uri().path_and_query().unwrap().as_str();
    Json(json!({"method": request.method().as_str(), "path": path, "headers": seen}))
}

fn echoing() -> Router {
    Router::new().fallback(echo)
}
