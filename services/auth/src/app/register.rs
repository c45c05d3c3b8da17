//! Making an account.

use fenz_chassis::{Error, Reason, Result, Role, UserId, database::is_duplicate};

use super::{App, Opened, events};
use crate::{
    config,
    domain::{account, account::Account, hidden::HiddenReasons, password, secret, session::Client},
    store::users,
};

/// What somebody wants to be registered with.
pub struct Registration {
    pub username: String,
    pub email: String,
    pub password: String,
    /// The username when empty.
    pub display_name: String,
    pub invitation_code: Option<String>,
    /// The guest whose choices the account takes over.
    pub guest_session_id: Option<String>,
}

impl App {
    /// Makes an account and its first session, both or neither.
    ///
    /// # Errors
    /// `REGISTRATION_CLOSED`, `INVITATION_INVALID`, `PASSWORD_TOO_WEAK`,
    /// `USERNAME_TAKEN`, `EMAIL_TAKEN`.
    pub async fn register(&self, wanted: Registration, client: &Client) -> Result<Opened> {
        self.check_invited(wanted.invitation_code.as_deref())?;
        password::check("password", &wanted.password, &wanted.username)?;
        if !wanted.display_name.is_empty() {
            account::check_display_name(&wanted.display_name)?;
        }
        // Before the costly hash; the unique keys decide in the end.
        self.check_free(&wanted.username, &wanted.email).await?;
        let guest = wanted.guest_session_id.clone();
        let account = self.new_account(wanted, Role::User).await?;
        let opened = self.outbox.transact(|txn| {
            let (account, guest) = (&account, guest.as_deref());
            async move {
                let inserted = users::insert(txn.as_ref(), account).await;
                if inserted.as_ref().is_err_and(is_duplicate) {
                    return Ok(None);
                }
                inserted?;
                self.outbox.emit(&txn, &events::registered(account, guest)).await?;
                self.open_session_in_txn(&txn, account, client, account.created_at).await.map(Some)
            }
        });
        let Some((session, token)) = opened.await? else {
            self.check_free(&account.username, &account.email).await?;
            return Err(Error::internal(anyhow::anyhow!("a new account is a duplicate, yet its name is free")));
        };
        metrics::counter!("fenz_auth_registrations_total").increment(1);
        tracing::info!(user.id = account.id.0, "registered");
        self.opened(account, session, token)
    }

    /// An account that is not stored yet.
    pub(super) async fn new_account(&self, wanted: Registration, role: Role) -> Result<Account> {
        let password_hash = self.hasher.hash(&wanted.password).await?;
        let display_name = if wanted.display_name.is_empty() { wanted.username.clone() } else { wanted.display_name };
        Ok(Account {
            id: UserId(self.ids.next()),
            username: wanted.username,
            display_name,
            email: wanted.email,
            password_hash,
            role,
            hidden: HiddenReasons::default(),
            banned_until: None,
            avatar_upload_id: None,
            version: 1,
            created_at: self.clock.now(),
        })
    }

    fn check_invited(&self, code: Option<&str>) -> Result<()> {
        match self.config.registration {
            config::Registration::Open => Ok(()),
            config::Registration::Closed => {
                Err(Error::new(Reason::RegistrationClosed, "new accounts are not taken at the moment"))
            }
            config::Registration::Invitation => {
                if code.is_some_and(|code| secret::is_among(code, self.config.invitation_codes())) {
                    return Ok(());
                }
                Err(Error::field(Reason::InvitationInvalid, "invitationCode", "is not one of ours"))
            }
        }
    }

    pub(super) async fn check_free(&self, username: &str, email: &str) -> Result<()> {
        if users::username_exists(&self.db, username).await? {
            return Err(Error::field(Reason::UsernameTaken, "username", "is taken"));
        }
        if users::email_exists(&self.db, email, None).await? {
            return Err(Error::field(Reason::EmailTaken, "email", "belongs to another account"));
        }
        Ok(())
    }
}
