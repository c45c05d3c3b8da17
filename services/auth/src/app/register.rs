//! Registration.

use fenz_core::{Error, Reason, Result, Role, UserId, text};
use fenz_database::DbError;

use super::{App, OpenedSession, email, events};
use crate::{
    config,
    domain::{account::Account, hidden::HiddenReasons, password, secret, session::Client},
    store::users,
};

/// The fields of a new account.
pub struct Registration {
    pub username: String,
    pub email: String,
    pub password: String,
    /// The username when empty.
    pub display_name: String,
    pub invitation_code: Option<String>,
    /// The guest session that the account continues.
    pub guest_session_id: Option<String>,
}

impl App {
    /// Creates an account and its first session in one transaction.
    ///
    /// # Errors
    /// `REGISTRATION_CLOSED`, `INVITATION_INVALID`, `PASSWORD_TOO_WEAK`,
    /// `USERNAME_TAKEN`, `EMAIL_TAKEN`.
    pub async fn register(&self, registration: Registration, client: &Client) -> Result<OpenedSession> {
        self.check_invitation(registration.invitation_code.as_deref())?;
        self.check_registration(&registration).await?;
        let guest = registration.guest_session_id.clone();
        let account = self.new_account(registration, Role::User).await?;
        let opened = self.outbox.transact(|txn| {
            let (account, guest) = (&account, guest.as_deref());
            async move {
                let inserted = users::insert(txn.as_ref(), account).await;
                if inserted.as_ref().is_err_and(DbError::is_duplicate) {
                    return Ok(None);
                }
                inserted?;
                self.outbox.emit(&txn, &events::registered(account, guest)).await?;
                self.open_session_in_txn(&txn, account, client, account.created_at).await.map(Some)
            }
        });
        let Some((session, token)) = opened.await? else {
            self.check_available(&account.username, &account.email).await?;
            return Err(Error::internal(anyhow::anyhow!("a new account is a duplicate, yet its name is available")));
        };
        metrics::counter!("fenz_auth_registrations_total").increment(1);
        tracing::info!(user.id = %account.id, "registered");
        self.issue_tokens(account, session, token)
    }

    /// Checks the fields before the costly hash; the unique keys of the database
    /// are decisive for name and address.
    pub(super) async fn check_registration(&self, registration: &Registration) -> Result<()> {
        password::check("password", &registration.password, &registration.username)?;
        self.check_available(&registration.username, &registration.email).await
    }

    /// An account that is not stored yet.
    pub(super) async fn new_account(&self, registration: Registration, role: Role) -> Result<Account> {
        let Registration { username, email, password, display_name, .. } = registration;
        let display_name = match display_name.as_str() {
            "" => username.clone(),
            name => text::line("displayName", name)?,
        };
        let password_hash = self.hasher.hash(&password).await?;
        Ok(Account {
            id: UserId(self.ids.next()),
            username,
            display_name,
            email,
            password_hash,
            role,
            hidden: HiddenReasons::default(),
            banned_until: None,
            avatar_upload_id: None,
            version: 1,
            created_at: self.clock.now(),
        })
    }

    fn check_invitation(&self, code: Option<&str>) -> Result<()> {
        match self.config.registration {
            config::Registration::Open => Ok(()),
            config::Registration::Closed => Err(Error::new(Reason::RegistrationClosed, "registration is closed")),
            config::Registration::Invitation => {
                if code.is_some_and(|code| secret::is_among(code, self.config.invitation_codes())) {
                    return Ok(());
                }
                Err(Error::field(Reason::InvitationInvalid, "invitationCode", "is not a valid code"))
            }
        }
    }

    pub(super) async fn check_available(&self, username: &str, email: &str) -> Result<()> {
        if users::username_exists(&self.db, username).await? {
            return Err(Error::field(Reason::UsernameTaken, "username", "is taken"));
        }
        if users::email_exists(&self.db, email, None).await? {
            return Err(email::taken("email"));
        }
        Ok(())
    }
}
