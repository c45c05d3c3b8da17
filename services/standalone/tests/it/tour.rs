//! The README's tour, line by line, as a newcomer would type it.

use std::path::Path;

use tokio::process::Command;

use crate::platform::{ADMIN_PASSWORD, Platform};

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_works_line_by_line() {
    let platform = Platform::standalone(&[("FENZ_CONTENT__EDIT_COOLDOWN", "0s")]).await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let output = Command::new(root.join("scripts/check-tour"))
        .env("GATEWAY", &platform.url)
        .env("FENZ_SEED__GATEWAY", &platform.url)
        .env("FENZ_SEED__ADMIN__USERNAME", "root_admin")
        .env("FENZ_SEED__ADMIN__PASSWORD", ADMIN_PASSWORD)
        .env("SEED_PROGRAM", Path::new(env!("CARGO_BIN_EXE_fenzvideo")).with_file_name("fenz-seed"))
        .current_dir(platform.folder.path())
        .output()
        .await
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
}
