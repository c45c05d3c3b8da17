//! The layers inside every service: api → app → domain, app → store → domain.

use std::{
    fs,
    path::{Path, PathBuf},
};

use regex::Regex;

/// What the sources of a layer may not mention.
const FORBIDDEN: [(&str, &[&str]); 4] = [
    ("domain", &["sea_orm", "tonic::", "axum::", "crate::app", "crate::api", "crate::store"]),
    ("store", &["crate::api", "crate::app", "axum::"]),
    ("app", &["crate::api", "axum::"]),
    ("api", &["crate::store", "sea_orm"]),
];

#[test]
fn dependencies_point_inwards() {
    let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut broken = Vec::new();
    for service in fs::read_dir(services).unwrap().flatten() {
        for (layer, forbidden) in FORBIDDEN {
            let mut sources = Vec::new();
            collect(&service.path().join("src").join(layer), &mut sources);
            for path in sources {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let used = forbidden
                    .iter()
                    .filter(|name| code.lines().any(|l| !l.trim_start().starts_with("//") && l.contains(**name)));
                broken.extend(used.map(|name| format!("{} uses {name}", path.display())));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Most readers of JSON round a number of so many digits as ids have.
#[test]
fn logs_have_ids_as_text() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let as_number = Regex::new(r"\b\w+\.id = [a-z]").unwrap();
    let assignment = Regex::new(r"^\s*\w+\.id = .*;$").unwrap();
    let mut numbers = Vec::new();
    for group in ["libs", "services"] {
        for package in fs::read_dir(workspace.join(group)).unwrap().flatten() {
            let mut sources = Vec::new();
            collect(&package.path().join("src"), &mut sources);
            for path in sources {
                let text = fs::read_to_string(&path).unwrap();
                let is_text = |line: &str| line.contains("format_args!") || assignment.is_match(line);
                let found = text.lines().filter(|line| as_number.is_match(line) && !is_text(line));
                numbers.extend(found.map(|line| format!("{}: {}", path.display(), line.trim())));
            }
        }
    }
    assert!(numbers.is_empty(), "write `user.id = %id`:\n{}", numbers.join("\n"));
}

/// The sources below a folder, without unit tests in files of their own.
fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.file_stem().and_then(|stem| stem.to_str()) {
            Some("tests") => {}
            _ if path.is_dir() => collect(&path, into),
            _ if path.extension().is_some_and(|e| e == "rs") => into.push(path),
            _ => {}
        }
    }
}
