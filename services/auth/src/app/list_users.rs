//! Administrators read accounts.

use fenz_core::{Result, User, UserId};

use super::App;
use crate::{
    domain::{
        account::{Account, Filter},
        page::Page,
    },
    store::users,
};

impl App {
    /// A page of the accounts, the newest first, and the total.
    ///
    /// # Errors
    /// `TOKEN_INVALID` when the caller's session has ended.
    pub async fn list_users(&self, caller: &User, filter: &Filter, page: Page) -> Result<(Vec<Account>, u64)> {
        self.session(caller).await?;
        Ok(users::list(&self.db, filter, page).await?)
    }

    /// One account.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`; `TOKEN_INVALID` when the caller's session has ended.
    pub async fn user(&self, caller: &User, user: UserId) -> Result<Account> {
        self.session(caller).await?;
        self.account(user).await
    }

    /// One account, for other services.
    ///
    /// # Errors
    /// `USER_NOT_FOUND`.
    pub async fn account(&self, user: UserId) -> Result<Account> {
        super::require_found(users::by_id(&self.db, user).await?)
    }
}
