//! Creates the first administrator of a new installation.

use anyhow::{Context, Result, ensure};
use fenz_core::Role;
use fenz_database::is_duplicate;

use super::{App, Registration, events};
use crate::{
    domain::{password, secret},
    store::users,
};

impl App {
    /// Creates an administrator while there is none. A generated password is
    /// printed once and stored only as a hash.
    ///
    /// # Errors
    /// When the settings are not valid for an account.
    pub async fn ensure_admin(&self) -> Result<()> {
        if users::has_admin(&self.db).await? {
            return Ok(());
        }
        let admin = &self.config.admin;
        let name = &admin.username;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        ensure!(
            (3..=32).contains(&name.len()) && name.chars().all(plain),
            "FENZ_AUTH__ADMIN__USERNAME should be 3 to 32 letters, digits and _"
        );
        ensure!(
            (3..=254).contains(&admin.email.len()) && admin.email.contains('@'),
            "FENZ_AUTH__ADMIN__EMAIL should be an address"
        );
        let given = admin.password.expose();
        let generated = given.is_empty().then(|| secret::password(&self.random));
        if generated.is_none() {
            let length = given.chars().count();
            let weak = password::check("password", given, name).err();
            ensure!(
                (8..=128).contains(&length) && weak.is_none(),
                "FENZ_AUTH__ADMIN__PASSWORD should be 8 to 128 characters, not the username, not a common password"
            );
        }
        let account = self
            .new_account(
                Registration {
                    username: name.clone(),
                    email: admin.email.clone(),
                    password: generated.clone().unwrap_or_else(|| given.to_owned()),
                    display_name: String::new(),
                    invitation_code: None,
                    guest_session_id: None,
                },
                Role::Admin,
            )
            .await?;
        let stored = self.outbox.transact(|txn| {
            let account = &account;
            async move {
                users::insert(txn.as_ref(), account).await?;
                self.outbox.emit(&txn, &events::registered(account, None)).await
            }
        });
        match stored.await {
            Ok(()) => {}
            // Another replica created it and printed its password.
            Err(error) if is_duplicate(&error) && users::has_admin(&self.db).await? => return Ok(()),
            Err(error) => {
                return Err(error)
                    .context("the first administrator: another account has the name or address of FENZ_AUTH__ADMIN");
            }
        }
        tracing::info!(user.id = %account.id, user.name = name, "created the first administrator");
        if let Some(password) = generated {
            // To stdout, never to the log.
            println!(
                "First administrator: {name}\nOne-time password:   {password}\n(shown only now; change it after signing in)"
            );
        }
        Ok(())
    }
}
