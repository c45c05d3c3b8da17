//! Forgetting a user: choices, settings, what is known of their videos and
//! channels, here and in Redis.

use fenz_chassis::{Result, UserId, database::transact};
use fenz_events::{Eraser, Portion};

use super::App;
use crate::{
    domain::{Channel, Video, Viewer},
    store::{channels, preferences, videos, viewers},
};

/// Videos of one portion.
const PORTION: u64 = 500;
/// Nothing that was told before comes after.
const LAST: i64 = i64::MAX;

/// How this service forgets.
pub struct Forget(pub App);

#[async_trait::async_trait]
impl Eraser for Forget {
    async fn erase(&self, user: UserId) -> Result<Portion> {
        let app = &self.0;
        let (removed, done) = transact(&app.db, |txn| async move {
            let now = app.clock.now();
            let of_owner = videos::of_owner(&*txn, user.0, PORTION).await?;
            let done = (of_owner.len() as u64) < PORTION;
            let gone: Vec<Video> = of_owner.into_iter().map(|(id, _)| Video::gone(id, LAST)).collect();
            let mut removed = gone.len() as u64;
            if !gone.is_empty() {
                videos::put_in_txn(&*txn, &gone, now).await?;
            }
            for (id, _) in channels::of_owner(&*txn, user.0).await? {
                let (owner_id, name) = (0, String::new());
                let gone = Channel { id, owner_id, name, is_hidden: false, is_gone: true, version: LAST };
                channels::put_in_txn(&*txn, &gone, now).await?;
                removed += 1;
            }
            removed += preferences::erase_in_txn(&*txn, user.0).await?;
            removed += viewers::erase_in_txn(&*txn, user.0).await?;
            Ok((removed, done))
        })
        .await?;
        app.viewers.forget(&Viewer::User(user.0)).await;
        if removed > 0 || !done {
            return Ok(Portion { removed, done: false });
        }
        // Nothing is left here. Redis that is away delays the report; the queue
        // remembers what it has to hear.
        app.follower.step().await?;
        app.cleanup.work_off().await?;
        Ok(Portion { removed: 0, done: true })
    }
}
