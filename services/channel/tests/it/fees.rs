//! The monthly fee of tier 2.

use fenz_testkit::Database;
use serde_json::json;

use crate::fleet::{Fleet, OWNER};

#[tokio::test]
async fn an_owner_sets_the_fee() {
    for database in Database::available() {
        let fleet = Fleet::start(database).await;
        assert_eq!(fleet.get("dashboard/fee", OWNER).await.ok("fee"), json!({"amount": "0.00", "currency": "USD"}));
        for (amount, currency, formatted) in
            [("5.00", "USD", "5.00"), ("5", "EUR", "5.00"), ("500", "JPY", "500"), ("1.5", "KWD", "1.500")]
        {
            let body = json!({"amount": amount, "currency": currency});
            let expected = json!({"amount": formatted, "currency": currency});
            assert_eq!(fleet.put("dashboard/fee", &body, OWNER).await.ok("fee"), expected);
            assert_eq!(fleet.get("dashboard/fee", OWNER).await.ok("fee"), expected);
            assert_eq!(fleet.get("channels/7", 0).await.ok("channel")["monthlyFee"], expected);
        }
        for (field, body) in [
            ("amount", json!({"amount": "5.001", "currency": "USD"})),
            ("amount", json!({"amount": "1.5", "currency": "JPY"})),
            ("amount", json!({"amount": "-1", "currency": "USD"})),
            ("amount", json!({"amount": "10000.01", "currency": "USD"})),
            ("amount", json!({"amount": "99999999999999999999", "currency": "USD"})),
            ("amount", json!({"currency": "USD"})),
            ("currency", json!({"amount": "5", "currency": "XYZ"})),
            ("currency", json!({"amount": "5", "currency": "usd"})),
            ("currency", json!({"amount": "5"})),
        ] {
            let reply = fleet.put("dashboard/fee", &body, OWNER).await;
            assert_eq!(reply.refused(400, "INVALID_PARAMS").field(), field, "{body}");
        }
        fleet
            .put("dashboard/fee", &json!({"amount": 5, "currency": "USD"}), OWNER)
            .await
            .refused(400, "INVALID_PARAMS");
        fleet.get("dashboard/fee", 0).await.refused(401, "UNAUTHENTICATED");
        fleet.get("dashboard/fee", 12_345).await.refused(404, "CHANNEL_NOT_FOUND");
    }
}
