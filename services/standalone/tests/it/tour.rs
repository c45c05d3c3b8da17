//! The README's tour, line by line, as a newcomer would type it.

use std::path::Path;

use tokio::process::Command;

use crate::platform::Platform;

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_works_line_by_line() {
    let platform = Platform::standalone(&[("FENZ_CONTENT__EDIT_COOLDOWN", "0s")]).await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let output = Command::new(root.join("scripts/check-tour"))
        .env("GATEWAY", &platform.url)
        .current_dir(platform.folder.path())
        .output()
        .await
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
}
