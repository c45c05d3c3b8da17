//! The notification service, a service that publishes events, and a client.

use fenz_contract::events::v1::{MembershipChanged, NewVideo, SessionsEnded, UserErased};
use fenz_notification::Notifications;
use fenz_testkit::{Client, Database, EventStub, Sandbox, eventually};
use reqwest::{Method, RequestBuilder};
use sea_orm::{ConnectionTrait, Statement};

pub struct Fleet {
    pub sandbox: Sandbox,
    pub events: EventStub,
}

impl Fleet {
    pub async fn start(database: Database, settings: &[(&str, &str)]) -> Self {
        let mut sandbox = Sandbox::new(database).await.expect("a sandbox");
        for (key, value) in settings {
            sandbox.set(key, value).expect("a key");
        }
        sandbox.start_auth_stand_in().await.expect("auth");
        sandbox.start::<Notifications>().await.expect("notification");
        let events = EventStub::default().recording::<UserErased>().start(&mut sandbox).await;
        Self { sandbox, events }
    }

    /// A client of a user; 0 is anonymous.
    pub fn client(&self, user: i64) -> Client {
        self.sandbox.client("notification", user)
    }

    /// Opens a user's stream with a query such as `?lastEventId=0`.
    pub fn stream(&self, query: &str, user: i64) -> RequestBuilder {
        self.client(user).request(Method::GET, &format!("/api/v1/notifications/stream{query}"))
    }

    pub async fn unread(&self, user: i64) -> i64 {
        self.client(user).get("notifications/unread-count").await.text("count").parse().expect("a number")
    }

    /// The last position of the service's sequence.
    pub async fn position(&self) -> i64 {
        let db = self.sandbox.database("notification").await;
        let last = Statement::from_string(db.get_database_backend(), "SELECT last FROM sequence");
        let row = db.query_one_raw(last).await.expect("an answer").expect("a row");
        row.try_get("", "last").expect("a number")
    }

    /// Waits until a user has this many unread notifications.
    #[track_caller]
    pub fn until_unread(&self, user: i64, count: i64) -> impl Future<Output = ()> {
        eventually(async move || self.unread(user).await == count)
    }

    pub async fn new_video(&self, channel: i64, video: i64, title: &str) {
        let occurred_at = Some(self.sandbox.process.clock.now().into());
        let title = title.to_owned();
        self.events
            .publish(NewVideo { channel_id: channel, video_id: video, title, occurred_at, ..NewVideo::default() })
            .await;
    }

    /// Begins or ends a membership.
    pub async fn membership(&self, user: i64, channel: i64, tier: i32, version: i64) {
        let occurred_at = Some(self.sandbox.process.clock.now().into());
        self.events.publish(MembershipChanged { user_id: user, channel_id: channel, tier, version, occurred_at }).await;
    }

    pub async fn end_sessions(&self, user: i64) {
        self.events.publish(SessionsEnded { user_id: user, ..SessionsEnded::default() }).await;
    }
}
