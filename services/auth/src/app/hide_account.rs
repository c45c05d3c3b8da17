//! Users hide their own account.

use fenz_core::{Result, User};
use fenz_events::AuditEntry;

use super::{App, events, hide_user::reasons};
use crate::domain::hidden::HiddenReason;

impl App {
    /// Hides the caller's account and ends all its sessions; an administrator
    /// restores it.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when the session has ended, `LAST_ADMIN`.
    pub async fn hide_account(&self, caller: &User) -> Result<()> {
        let now = self.clock.now();
        let hidden = self.outbox.transact(|txn| async move {
            let mut locked = self.lock_own_account_in_txn(&txn, caller).await?;
            locked.check_not_last_admin()?;
            let before = locked.account.hidden;
            locked.account.hidden = before.with(HiddenReason::Own);
            super::save_in_txn(txn.as_ref(), &mut locked.account, now).await?;
            self.end_all_in_txn(&txn, caller.id, None).await?;
            self.outbox.emit(&txn, &events::updated(&locked.account, now)).await?;
            let entry = AuditEntry {
                before: Some(reasons(before)),
                after: Some(reasons(locked.account.hidden)),
                ..events::audit_entry(caller.id, "user.hidden", caller.id)
            };
            self.outbox.audit(&txn, entry).await
        });
        hidden.await
    }
}
