//! Tasks that one replica runs for all.

use std::time::Duration;

use fenz_events::Lease;
use fenz_testkit::Database;

use crate::fleet::{Fleet, Transport, recording};

#[tokio::test(flavor = "multi_thread")]
async fn one_holds_it_until_it_is_released_or_expires() {
    for database in Database::available() {
        let fleet = Fleet::new(database, &Transport::Mailbox).await;
        let replica = fleet.subscriber(recording()).await;
        let lease = || Lease::new(&replica.platform, replica.db.connection(), "work");
        let (one, two) = (lease(), lease());
        assert!(one.hold().await.unwrap() && one.hold().await.unwrap(), "{database:?}");
        assert!(!two.hold().await.unwrap());
        one.release().await.unwrap();
        assert!(two.hold().await.unwrap());
        assert!(!one.hold().await.unwrap());
        fleet.clock.advance(Duration::from_secs(10));
        assert!(two.hold().await.unwrap(), "renewed");
        fleet.clock.advance(Duration::from_secs(10));
        assert!(!one.hold().await.unwrap(), "renewed ten seconds ago");
        fleet.clock.advance(Duration::from_secs(6));
        assert!(one.hold().await.unwrap());
        two.release().await.unwrap();
        assert!(!two.hold().await.unwrap(), "released another holder's lease");
        let parallel = (0..8).map(|_| Lease::new(&replica.platform, replica.db.connection(), "other"));
        let parallel: Vec<_> = parallel.map(|lease| tokio::spawn(async move { lease.hold().await.unwrap() })).collect();
        let held = futures::future::join_all(parallel).await.into_iter().filter(|held| *held.as_ref().unwrap());
        assert_eq!(held.count(), 1, "{database:?}");
    }
}
