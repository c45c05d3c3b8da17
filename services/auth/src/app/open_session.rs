//! Opens a session and issues its tokens.

use chrono::{DateTime, Utc};
use fenz_chassis::identity::Claims;
use fenz_core::Result;
use fenz_database::Txn;
use sea_orm::ConnectionTrait;

use super::App;
use crate::{
    domain::{
        account::Account,
        secret::{self, Token},
        session::{Client, Session},
    },
    store::{refresh_tokens, sessions},
};

/// The result of a login, a registration or a refresh.
#[derive(Debug)]
pub struct OpenedSession {
    pub account: Account,
    pub access_token: String,
    pub refresh_token: String,
    /// The lifetime of the access token in seconds.
    pub expires_in: i32,
    pub session_id: String,
}

impl App {
    /// Opens a session of a locked or new account; ends the least recently used
    /// ones beyond the limit.
    pub(super) async fn open_session_in_txn(
        &self,
        shared: &Txn,
        account: &Account,
        client: &Client,
        now: DateTime<Utc>,
    ) -> Result<(String, Token)> {
        let txn = shared.as_ref();
        let session = Session {
            id: secret::session_id(&self.random),
            user: account.id,
            device: client.device.clone(),
            address: client.address.map(|a| a.to_string()).unwrap_or_default(),
            created_at: now,
            last_used_at: now,
            expires_at: now + self.config.refresh_ttl,
            ended_at: None,
        };
        sessions::insert(txn, &session).await?;
        let ended = sessions::end_beyond(txn, account.id, self.config.max_sessions, now).await?;
        if !ended.is_empty() {
            self.sessions_ended_in_txn(shared, account.id, ended).await?;
        }
        let token = self.issue_refresh_token_in_txn(txn, &session.id, now).await?;
        Ok((session.id, token))
    }

    /// Stores a new refresh token of a session.
    pub(super) async fn issue_refresh_token_in_txn(
        &self,
        txn: &impl ConnectionTrait,
        session: &str,
        now: DateTime<Utc>,
    ) -> Result<Token> {
        let token = Token::new(&self.random);
        refresh_tokens::insert(txn, &token.digest, session, now + self.config.refresh_ttl).await?;
        Ok(token)
    }

    /// Signs the access token, after the session is stored.
    pub(super) fn issue_tokens(&self, account: Account, session_id: String, refresh: Token) -> Result<OpenedSession> {
        let now = self.clock.now();
        let seconds = self.config.access_ttl.as_secs() as i64;
        let claims = Claims {
            sub: account.id.to_string(),
            role: account.role,
            sid: session_id.clone(),
            iat: now.timestamp(),
            exp: now.timestamp() + seconds,
            iss: self.identity.issuer.clone(),
            aud: self.identity.audience.clone(),
        };
        let access_token = self.keys.sign(&claims, now)?;
        Ok(OpenedSession { account, access_token, refresh_token: refresh.text, expires_in: seconds as i32, session_id })
    }
}
