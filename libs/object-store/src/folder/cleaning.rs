//! Removes files that nobody can use any more.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use fenz_core::Clock;

/// Media aborts what it began and could not complete. Nobody knows of the file of a
/// small object that a crash left; an upload that gets nothing for so long is dead.
const KEEP_INCOMPLETE: Duration = Duration::from_secs(2 * 24 * 3600);

/// Cleans in a thread of its own: an old folder has two files too many for each
/// object.
pub fn start(root: PathBuf, incoming: PathBuf) {
    let clean = move || {
        let old = SystemTime::from(Clock::default().ago(KEEP_INCOMPLETE));
        match remove_if(&root, |name, _| is_of_the_s3_server(name)) {
            Ok(0) => {}
            Ok(files) => tracing::info!(files, "files of the former s3 server removed from the object store"),
            Err(error) => tracing::warn!(%error, "object store not cleaned"),
        }
        if let Err(error) = remove_if(&incoming, |_, modified| modified < old) {
            tracing::warn!(%error, "incomplete uploads not removed");
        }
    };
    if let Err(error) = thread::Builder::new().name("store-cleaning".into()).spawn(clean) {
        tracing::warn!(%error, "object store not cleaned");
    }
}

/// Removes a folder's files that are to go, and counts them.
fn remove_if(folder: &Path, is_removed: impl Fn(&str, SystemTime) -> bool) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let remove = || {
            let metadata = entry.metadata()?;
            let name = entry.file_name();
            let goes = metadata.is_file() && is_removed(&name.to_string_lossy(), metadata.modified()?);
            if goes { fs::remove_file(entry.path()).map(|()| 1) } else { Ok(0) }
        };
        match remove() {
            // Completed or aborted meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => removed += result?,
        }
    }
    Ok(removed)
}

/// Before ADR 017 an S3 server stood over the folder. It kept notes on each object,
/// and what it knew of uploads, in files of their own beside `fenzvideo/`.
fn is_of_the_s3_server(name: &str) -> bool {
    let is = |start: &str, end: &str| name.starts_with(start) && name.ends_with(end);
    is(".bucket-", ".json")
        || is(".upload-", ".json")
        || is(".tmp.", ".internal.part")
        || (name.starts_with(".upload_id-") && name.contains(".part-"))
}
