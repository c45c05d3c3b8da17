//! The events as a snapshot, so that a change of what consumers receive is
//! visible in review. To accept a change:
//!
//! ```sh
//! INSTA_UPDATE=always cargo test -p fenz-contract --test events
//! ```

use std::fmt::Write;

use fenz_contract::{DESCRIPTORS, event::EVENTS};
use prost_reflect::DescriptorPool;

#[test]
fn the_events_are_as_accepted() {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let mut text = String::new();
    for event in EVENTS {
        writeln!(text, "{} of {}: {}", event.filter(), event.publishers.join(", "), event.message).unwrap();
        for field in pool.get_message_by_name(event.message).unwrap().fields() {
            let label = if field.is_list() { "repeated " } else { "" };
            writeln!(text, "  {} {} {label}{:?}", field.number(), field.name(), field.kind()).unwrap();
        }
    }
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("events", text);
    });
}
