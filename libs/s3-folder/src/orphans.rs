//! Removes what a crash left of multipart uploads that nobody can complete or
//! abort any more: the backend forgets an upload before it joins its parts.

use std::{fs, io, path::Path};

/// Removes parts and descriptions of uploads that the backend does not know.
pub fn remove(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(upload) = name.to_str().and_then(upload_of) else { continue };
        if !root.join(format!(".upload-{upload}.json")).exists() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The id in `.upload_id-<id>.part-<n>` and in `….upload-<id>.metadata.json`.
fn upload_of(name: &str) -> Option<&str> {
    if let Some(part) = name.strip_prefix(".upload_id-") {
        return Some(part.split_once(".part-")?.0);
    }
    name.starts_with(".bucket-").then_some(())?;
    Some(name.strip_suffix(".metadata.json")?.rsplit_once(".upload-")?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_can_still_be_completed() {
        let folder = tempfile::tempdir().expect("a folder");
        let names = [
            ".upload-known.json",
            ".upload_id-known.part-1",
            ".bucket-YQ.object-Yg.upload-known.metadata.json",
            ".upload_id-lost.part-12",
            ".bucket-YQ.object-Yg.upload-lost.metadata.json",
            ".bucket-YQ.object-Yg.metadata.json",
            ".bucket-YQ.object-Yg.internal.json",
        ];
        for name in names {
            fs::write(folder.path().join(name), "x").expect("a file");
        }
        remove(folder.path()).expect("removed");
        let left: Vec<_> = names.into_iter().filter(|name| folder.path().join(name).exists()).collect();
        assert_eq!(left, [names[0], names[1], names[2], names[5], names[6]]);
    }
}
