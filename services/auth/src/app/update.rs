//! Users change their account.

use fenz_core::{Result, User, text};

use super::{App, events};
use crate::domain::{account::Account, version::Precondition};

impl App {
    /// Changes the caller's account, if it is still the expected version.
    pub(super) async fn change(
        &self,
        caller: &User,
        expected: &Precondition,
        change: impl Fn(&mut Account),
    ) -> Result<Account> {
        self.session(caller).await?;
        let now = self.clock.now();
        let changed = self.outbox.transact(|txn| {
            let change = &change;
            async move {
                let mut account = super::locked_in_txn(txn.as_ref(), caller.id).await?;
                expected.check(account.version)?;
                change(&mut account);
                super::save_in_txn(txn.as_ref(), &mut account, now).await?;
                self.outbox.emit(&txn, &events::updated(&account, now)).await?;
                Ok(account)
            }
        });
        changed.await
    }

    /// Sets the display name.
    ///
    /// # Errors
    /// `VERSION_MISMATCH`, `INVALID_PARAMS` for a blank name.
    pub async fn update_display_name(&self, caller: &User, expected: &Precondition, name: &str) -> Result<Account> {
        let name = &text::line("displayName", name)?;
        self.change(caller, expected, |account| name.clone_into(&mut account.display_name)).await
    }
}
