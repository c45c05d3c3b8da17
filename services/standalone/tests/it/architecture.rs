//! Compares the calls and events between services that docs/architecture.md and
//! the contract name with those of the sources.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use fenz_contract::{
    event::{EVENTS, EventType},
    routes::HOSTS,
};
use regex::Regex;

type Names = BTreeSet<String>;

/// What a service does with others.
#[derive(Debug, Default, PartialEq, Eq)]
struct Links {
    calls: Names,
    publishes: Names,
    consumes: Names,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

#[test]
fn the_table_of_the_architecture_is_what_the_sources_do() {
    let events = events();
    let mut documented = documented();
    assert!(documented.remove("gateway").is_some(), "no row for the gateway");
    let found: BTreeMap<_, _> = HOSTS.iter().map(|s| ((*s).to_owned(), links_of(s, &events))).collect();
    let wrong: Vec<_> = found.iter().filter(|(service, links)| documented.get(*service) != Some(links)).collect();
    assert!(wrong.is_empty(), "docs/architecture.md does not say what these do: {wrong:#?}");
}

/// Every service publishes what the contract says, and nothing else.
#[test]
fn the_publishers_of_the_contract_are_those_of_the_sources() {
    let events = events();
    let found: Vec<_> = HOSTS.iter().map(|service| (*service, links_of(service, &events).publishes)).collect();
    for event in EVENTS.iter().filter(|event| event.publishers != ["*"]) {
        let mut publishers: Vec<_> =
            found.iter().filter(|(_, p)| p.contains(&event.filter())).map(|(s, _)| *s).collect();
        publishers.sort_unstable();
        let mut declared = event.publishers.to_vec();
        declared.sort_unstable();
        assert_eq!(
            publishers, declared,
            "the publishers of {}, as found in the sources and in the contract",
            event.message
        );
    }
}

/// Every call between services is in the diagram of the fleet.
#[test]
fn the_diagram_of_the_fleet_has_every_call() {
    let text = read("docs/architecture.md");
    let diagram = text.split("### As a fleet").nth(1).and_then(|t| t.split("```").nth(1)).expect("a diagram");
    let edge = Regex::new(r"^\s*(\w+) -->(?:\|[^|]*\|)? ([\w &]+)$").unwrap();
    let mut drawn = BTreeSet::new();
    for line in diagram.lines() {
        let Some(found) = edge.captures(line) else { continue };
        drawn.extend(found[2].split(" & ").map(|to| (found[1].to_owned(), to.trim().to_owned())));
    }
    for (service, links) in documented() {
        // Everybody fetches auth's keys; the diagram says so in words.
        for called in links.calls.iter().filter(|c| *c != "auth" && service != "gateway") {
            assert!(drawn.contains(&(service.clone(), called.clone())), "no edge from {service} to {called}");
        }
    }
}

/// The rows of "Who calls, publishes and consumes".
fn documented() -> BTreeMap<String, Links> {
    let text = read("docs/architecture.md");
    let section = text.split("### Who calls, publishes and consumes").nth(1).expect("the section");
    let rows = section.lines().skip_while(|l| !l.starts_with('|')).take_while(|l| l.starts_with('|')).skip(2);
    let subjects = Regex::new(r"`([a-z_*.]+)`").unwrap();
    rows.map(|row| {
        let row: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let called = row[1].split(';').filter_map(|c| c.split(':').next()).map(|c| c.trim().to_owned());
        let named = |cell: &str| subjects.captures_iter(cell).map(|c| c[1].to_owned()).collect();
        let links = Links {
            calls: called.filter(|c| !c.is_empty()).collect(),
            publishes: named(row[2]),
            consumes: named(row[3]),
        };
        (row[0].to_owned(), links)
    })
    .collect()
}

/// The contract's event messages and their subjects, `*` for the id.
fn events() -> BTreeMap<String, String> {
    EVENTS.iter().map(|event| (short_name(event), event.filter())).collect()
}

fn short_name(event: &EventType) -> String {
    event.message.rsplit('.').next().unwrap_or_default().to_owned()
}

fn links_of(service: &str, events: &BTreeMap<String, String>) -> Links {
    let mut sources = Vec::new();
    collect(&root().join("services").join(service).join("src"), &mut sources);
    let mut links = Links::default();
    let peer = Regex::new(r#"\.(?:require|find)\("(\w+)"\)"#).unwrap();
    for source in &sources {
        links.calls.extend(peer.captures_iter(source).map(|c| c[1].to_owned()));
        if source.contains("AuthKeys") {
            links.calls.insert("auth".to_owned());
        }
        if source.contains("Uploads::new(") {
            links.calls.insert("media".to_owned());
        }
        if source.contains("JobQueueServiceClient::new") {
            links.calls.extend(HOSTS.iter().filter(|host| **host != service).map(|host| (*host).to_owned()));
        }
        // What the library publishes for a service.
        if source.contains(".audit(") {
            links.publishes.insert(events["AuditRecorded"].clone());
        }
        if source.contains("ErasureRunner::new(") {
            links.publishes.insert(events["UserErased"].clone());
        }
        for (message, subject) in events {
            if is_built(source, message) {
                links.publishes.insert(subject.clone());
            }
            // By a consumer, or as a broadcast on every replica.
            let handlers =
                [format!("ReceivedEvent<{message}>"), format!(": {message}|"), format!("project!(app, {message},")];
            if handlers.iter().any(|h| source.contains(h)) {
                links.consumes.insert(subject.clone());
            }
        }
    }
    links
}

/// Whether the source builds a message, rather than taking one apart.
fn is_built(source: &str, message: &str) -> bool {
    let place = Regex::new(&format!(r"(let )?\b{message} \{{([^}}]*)\}}")).unwrap();
    place.captures_iter(source).any(|found| {
        let takes_apart = found.get(1).is_some() || found[2].trim_end().ends_with("..");
        !takes_apart
    })
}

/// The sources of a service without their tests.
fn collect(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            into.push(source.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
        }
    }
}
