//! The playlist service over its real port, on every available database.

use fenz_contract::events::v1::{UserDeleted, UserErased};
use fenz_playlist::Playlists;
use fenz_testkit::{Database, EventStub, Sandbox, eventually};
use serde_json::json;

const OWNER: i64 = 7;

#[tokio::test]
async fn users_have_their_own_until_they_are_erased() {
    for database in Database::available() {
        let mut sandbox = Sandbox::new(database).await.expect("a sandbox");
        sandbox.start_auth_stand_in().await.expect("auth");
        sandbox.start::<Playlists>().await.expect("playlist");
        let stub = EventStub::default().recording::<UserErased>().start(&mut sandbox).await;
        let owner = sandbox.client("playlist", OWNER);
        owner.post("playlists", &json!({"name": "first"})).await.expect(200);
        owner.post("playlists", &json!({"name": ""})).await.refused(400, "INVALID_PARAMS");
        assert_eq!(owner.get("playlists").await.ids("playlists").len(), 1);
        assert!(sandbox.client("playlist", 8).get("playlists").await.ids("playlists").is_empty());
        sandbox.client("playlist", 0).get("playlists").await.refused(401, "UNAUTHENTICATED");

        stub.publish(UserDeleted { user_id: OWNER, erasure_id: 1, ..UserDeleted::default() }).await;
        eventually(async || !stub.all::<UserErased>().is_empty()).await;
        assert!(owner.get("playlists").await.ids("playlists").is_empty());
    }
}
