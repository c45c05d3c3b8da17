//! The use cases.

use fenz_core::{Error, IdGenerator, Reason, Result, UserId};
use fenz_database::transact;
use fenz_events::{Batch, ErasureRunner, UserDataEraser};
use sea_orm::DatabaseConnection;

use crate::{config::Config, domain::Playlist, store};

#[derive(Clone)]
pub struct App {
    pub db: DatabaseConnection,
    pub ids: IdGenerator,
    pub config: Config,
    pub erasures: ErasureRunner,
}

impl App {
    /// # Errors
    /// `QUOTA_EXCEEDED`.
    pub async fn create(&self, owner: UserId, name: &str) -> Result<Playlist> {
        let playlist = Playlist { id: self.ids.next(), owner, name: name.to_owned() };
        transact(&self.db, |txn| {
            let playlist = &playlist;
            async move {
                if store::count(&*txn, owner).await? >= self.config.max_per_user {
                    return Err(Error::new(Reason::QuotaExceeded, "there are too many already"));
                }
                Ok(store::insert(&*txn, playlist).await?)
            }
        })
        .await?;
        Ok(playlist)
    }

    pub async fn list(&self, owner: UserId) -> Result<Vec<Playlist>> {
        Ok(store::list(&self.db, owner).await?)
    }
}

#[async_trait::async_trait]
impl UserDataEraser for App {
    async fn erase(&self, user: UserId) -> Result<Batch> {
        Ok(Batch { removed: store::delete_of(&self.db, user).await?, done: true })
    }
}
