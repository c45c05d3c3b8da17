//! The OpenAPI document as a snapshot, so that every change of the API is
//! visible in review. To accept a change:
//!
//! ```sh
//! INSTA_UPDATE=always cargo test -p fenz-contract --test openapi
//! ```

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use fenz_contract::{
    OPENAPI,
    routes::{RAW_ROUTES, RawRoute},
};
use fenz_core::Reason;
use serde_json::Value;

fn document() -> Value {
    serde_json::from_str(OPENAPI).unwrap()
}

fn operation(route: &RawRoute) -> Value {
    let path = route.path.replace("{*", "{");
    document()["paths"][path][route.method.to_lowercase()].take()
}

#[test]
fn the_openapi_document_is_as_accepted() {
    let mut document = document();
    // Not the API's: it changes with every release.
    document["info"]["version"] = "[version]".into();
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_json_snapshot!("openapi", document);
    });
}

#[test]
fn raw_routes_have_the_tag_and_the_media_types_of_their_kind() {
    let of = |method: &str, path: &str| {
        operation(RAW_ROUTES.iter().find(|route| route.method == method && route.path == path).unwrap())
    };
    let upload = of("POST", "/api/v1/upload/video");
    assert_eq!(upload["tags"][0], "Upload");
    assert!(upload["requestBody"]["content"]["multipart/form-data"].is_object());
    let stream = of("GET", "/api/v1/notifications/stream");
    assert_eq!(stream["tags"][0], "Notification");
    let events = &stream["responses"]["200"]["content"]["text/event-stream"];
    assert_eq!(events["x-item-schema"]["$ref"], "#/components/schemas/fenzvideo.notification.v1.Notification");
    let names: Vec<_> = stream["parameters"].as_array().unwrap().iter().map(|p| (&p["in"], &p["name"])).collect();
    assert!(names.contains(&(&"header".into(), &"Last-Event-ID".into())), "{names:?}");
    assert!(names.contains(&(&"query".into(), &"ticket".into())), "{names:?}");
    let export = of("GET", "/api/v1/admin/audit-logs/export");
    assert_eq!(export["tags"][0], "Audit");
    assert!(export["responses"]["200"]["content"]["application/x-ndjson"].is_object());
    // Ranges are for downloads only.
    for route in RAW_ROUTES {
        let is_download = route.path.starts_with("/media/");
        assert_eq!(operation(route)["responses"]["206"].is_object(), is_download, "{}", route.path);
    }
}

#[test]
fn reasons_of_raw_routes_have_the_status_that_they_are_listed_under() {
    for route in RAW_ROUTES {
        for (status, response) in operation(route)["responses"].as_object().unwrap() {
            let Ok(status) = status.parse::<u16>() else { continue };
            let description = response["description"].as_str().unwrap();
            for reason in description.split(|c: char| !(c.is_ascii_uppercase() || c == '_')) {
                if let Some(reason) = Reason::from_str_name(reason) {
                    assert_eq!(reason.http_status(), status, "{} on {}", reason.as_str_name(), route.path);
                }
            }
        }
    }
}
