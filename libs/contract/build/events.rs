//! Generates what the bus has to know of the contract's events.

use std::{collections::BTreeSet, fmt::Write};

use anyhow::{Context, Result, ensure};
use prost_reflect::{DescriptorPool, Kind};

use crate::{
    options::{extension, text, texts},
    services::rust,
};

/// Implementations of `Event` and the table of all events.
pub fn render(pool: &DescriptorPool, hosts: &BTreeSet<&str>) -> Result<String> {
    let (mut code, mut table) = (String::new(), String::new());
    let mut families = BTreeSet::new();
    let mut subjects = BTreeSet::new();
    for message in pool.all_messages() {
        let options = message.options();
        let subject = text(&extension(pool, &options, "fenzvideo.options.v1.subject")?);
        let publishers = texts(&extension(pool, &options, "fenzvideo.options.v1.publisher")?);
        let full_name = message.full_name();
        if subject.is_empty() {
            ensure!(publishers.is_empty(), "{full_name} has publishers and no (fenzvideo.options.v1.subject)");
            continue;
        }
        let (family, field, name) = parts(&subject)
            .with_context(|| format!("{full_name}: the subject {subject} is not <family>.{{<field>}}.<name>"))?;
        let id = message.get_field_by_name(field).filter(|f| f.kind() == Kind::Int64 && !f.is_list());
        ensure!(id.is_some(), "{full_name} has no int64 {field} for its subject");
        ensure!(
            subjects.insert((family.to_owned(), name.to_owned())),
            "{family}.*.{name} is the subject of two events"
        );
        ensure!(!publishers.is_empty(), "{full_name} has no (fenzvideo.options.v1.publisher)");
        if let Some(unknown) = publishers.iter().find(|p| *p != "*" && !hosts.contains(p.as_str())) {
            anyhow::bail!("{full_name} is published by {unknown}, which no gRPC service has as its host");
        }
        families.insert(family.to_owned());
        let message = rust(full_name);
        write!(
            code,
            "
impl Event for {message} {{
    const TYPE: EventType = EventType {{ message: {full_name:?}, family: {family:?}, name: {name:?}, publishers: &{publishers:?} }};

    fn aggregate_id(&self) -> i64 {{ self.{field} }}
}}
"
        )?;
        write!(table, "<{message} as Event>::TYPE,")?;
    }
    Ok(format!(
        "{code}
/// The first parts of all subjects, sorted.
pub const FAMILIES: &[&str] = &{families:?};

/// Every event of the contract.
pub const EVENTS: &[EventType] = &[{table}];
",
        families = families.iter().collect::<Vec<_>>(),
    ))
}

fn parts(subject: &str) -> Option<(&str, &str, &str)> {
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let (family, rest) = subject.split_once(".{")?;
    let (field, name) = rest.split_once("}.")?;
    [family, field, name].into_iter().all(is_word).then_some((family, field, name))
}
