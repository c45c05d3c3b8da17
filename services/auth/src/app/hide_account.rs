//! Going out of sight oneself.

use fenz_chassis::{Result, User};
use fenz_events::Act;

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
            let mut held = self.hold_own_in_txn(&txn, caller).await?;
            held.check_dispensable()?;
            let before = held.account.hidden;
            held.account.hidden = before.with(HiddenReason::Own);
            super::save_in_txn(txn.as_ref(), &mut held.account, now).await?;
            self.end_all_in_txn(&txn, caller.id, None).await?;
            self.outbox.emit(&txn, &events::updated(&held.account, now)).await?;
            let act = Act {
                before: Some(reasons(before)),
                after: Some(reasons(held.account.hidden)),
                ..events::user_act(caller.id, "user.hidden", caller.id)
            };
            self.outbox.audit(&txn, act).await
        });
        hidden.await
    }
}
