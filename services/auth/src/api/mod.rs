//! The gRPC services: decode, call one use case, encode.

mod account;
mod admin;
mod auth;
mod catalog;
mod user;

pub use account::AccountApi;
pub use admin::UserAdminApi;
pub use auth::AuthApi;
pub use catalog::UserCatalogApi;
use fenz_chassis::request;
use fenz_contract::user::v1 as pb;
use fenz_core::{Role, if_match::etag};
use tonic::{Request, Response, metadata::MetadataMap};
pub use user::UserApi;

use crate::{
    app::App,
    domain::{account::Account, session::Client, version::Precondition},
};

/// The client's device and address.
fn client<T>(request: &Request<T>) -> Client {
    let agent = request.metadata().get("user-agent").and_then(|v| v.to_str().ok()).unwrap_or_default();
    Client::new(agent, request::client_address(request.metadata().as_ref()))
}

fn precondition<T>(request: &Request<T>) -> Precondition {
    // A value that is not ASCII matches no version.
    Precondition::new(request.metadata().get("if-match").map(|v| v.to_str().unwrap_or_default()))
}

/// An account as its owner sees it.
fn encode(app: &App, account: &Account) -> pb::User {
    pb::User {
        id: account.id.0,
        username: account.username.clone(),
        display_name: account.display_name.clone(),
        email: Some(account.email.clone()),
        role: account.role.as_str().to_owned(),
        avatar_url: app.avatar_url(account),
        is_hidden: account.hidden.any(),
        created_at: Some(account.created_at.into()),
        hidden_reasons: Vec::new(),
        banned_until: None,
    }
}

/// An account as a role sees it: administrators see all fields, moderators the
/// public ones.
fn encode_for(app: &App, account: &Account, role: Role) -> pb::User {
    let user = encode(app, account);
    if role < Role::Admin {
        return pb::User { email: None, ..user };
    }
    let banned_until = account.ban(app.clock.now()).map(Into::into);
    pb::User { hidden_reasons: account.hidden.names(), banned_until, ..user }
}

/// A reply with the account's version, which REST clients get as `ETag`.
fn versioned<T>(account: &Account, reply: T) -> Response<T> {
    let mut response = Response::new(reply);
    set_etag(response.metadata_mut(), account.version);
    response
}

fn set_etag(metadata: &mut MetadataMap, version: i64) {
    if let Ok(etag) = etag(version).parse() {
        metadata.insert("etag", etag);
    }
}
