//! Starting, stopping, starting again.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, time::Duration};

use fenz_testkit::{Client, PASSWORD, free_address, within};
use reqwest::Method;

use crate::{
    platform::{Platform, Program},
    videos::{path, publish, video},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_keeps_everything_and_a_stop_is_quick() {
    let mut platform = Platform::standalone(&[]).await;
    let creator = platform.register("creator").await;
    let made = publish(&creator, "Kept").await;
    let (took, well) = platform.programs[0].terminate().await;
    assert!(well && took < Duration::from_secs(10), "{took:?}");
    platform.start_again().await;
    // The session, the account, the video, its file and its address.
    assert_eq!(creator.get(&path(&made)).await.ok("video")["title"], "Kept");
    platform.client.login("creator", PASSWORD).await.expect(200);
    let played = creator.request(Method::GET, made["playbackUrl"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(played.bytes().await.unwrap(), video());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_ends_with_the_process() {
    let mut platform = Platform::standalone(&[]).await;
    let creator = platform.register("creator").await;
    let made = publish(&creator, "Watched").await;
    // A client that never reads on holds its stream open.
    let open = creator.request(Method::GET, made["playbackUrl"].as_str().unwrap()).send().await.unwrap();
    let (took, _) = platform.programs[0].terminate().await;
    assert!(took < Duration::from_secs(10), "{took:?}");
    drop(open);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_run_side_by_side_but_not_on_one_folder() {
    let (one, two) = tokio::join!(Platform::standalone(&[]), Platform::standalone(&[]));
    one.register("only_in_one").await;
    two.client.login("only_in_one", PASSWORD).await.refused(401, "INVALID_CREDENTIALS");
    let settings = [
        ("FENZ_GATEWAY__LISTEN".to_owned(), free_address().to_string()),
        ("FENZ_DATA_DIR".to_owned(), one.folder.path().join("data").display().to_string()),
    ];
    let mut third = Program::start("fenzvideo", two.folder.path(), &settings);
    assert!(!third.ended().await);
}

/// Whoever made the data folder, others read nothing in it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    let address = free_address();
    let settings = [("FENZ_GATEWAY__LISTEN".to_owned(), address.to_string())];
    let program = Program::start("fenzvideo", folder.path(), &settings);
    let client = Client::new(format!("http://{address}"));
    printed_when_ready(&program).await;
    let creator = client.signed_in(&client.register("creator").await);
    creator.processed_upload("video", video()).await;

    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    let mut folders = vec![data];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let metadata = entry.metadata().unwrap();
            assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", entry.path().display());
            if metadata.is_dir() { folders.push(entry.path()) } else { files += 1 }
        }
    }
    assert!(files > 10, "databases, their logs, keys, the video: {files}");
    drop(program);
    let log = std::fs::read_to_string(folder.path().join("fenzvideo.log")).unwrap();
    assert!(log.contains("others could read the data folder"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_settings_an_administrator_is_made_and_told_once() {
    let folder = tempfile::tempdir().unwrap();
    // A folder that holds other things already.
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/holiday.txt"), "mine").unwrap();
    let address = free_address();
    let settings = [("FENZ_GATEWAY__LISTEN".to_owned(), address.to_string())];
    let mut program = Program::start("fenzvideo", folder.path(), &settings);
    let url = format!("http://{address}");
    let printed = printed_when_ready(&program).await;
    for expected in [format!("{url}/docs"), format!("curl {url}"), url.clone()] {
        assert!(printed.contains(&expected), "{printed}");
    }
    let value = |name: &str| {
        let line = printed.lines().find(|l| l.to_lowercase().contains(name)).unwrap_or_else(|| panic!("{printed}"));
        line.split_whitespace().last().unwrap().to_owned()
    };
    let login = Client::new(url).login(&value("administrator"), &value("password")).await;
    assert_eq!(login.ok("user")["role"], "admin");
    program.terminate().await;
    let program = Program::start("fenzvideo", folder.path(), &settings);
    let printed = printed_when_ready(&program).await;
    assert!(!printed.to_lowercase().contains("password"), "{printed}");
    assert_eq!(std::fs::read_to_string(folder.path().join("data/holiday.txt")).unwrap(), "mine");
}

async fn printed_when_ready(program: &Program) -> String {
    within(Duration::from_secs(60), async || program.printed().contains("curl ")).await;
    program.printed()
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_stop_the_start_and_name_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("FENZ_CONTENT__EDIT_COOLDOWN", "soon"),
        ("FENZ_CONTNET__EDIT_COOLDOWN", "1m"),
        ("FENZ_GATEWAY__LISTEN", "here"),
        ("FENZ_MEDIA__NOTHING", "1"),
        ("FENZ_DATABASE__URL", "sqlite://one-for-all.db"),
    ];
    for (key, value) in cases {
        let mut settings = vec![(key.to_owned(), value.to_owned())];
        if key != "FENZ_GATEWAY__LISTEN" {
            settings.push(("FENZ_GATEWAY__LISTEN".to_owned(), free_address().to_string()));
        }
        let mut program = Program::start("fenzvideo", folder.path(), &settings);
        assert!(!program.ended().await, "{key}");
        let log = std::fs::read_to_string(folder.path().join("fenzvideo.log")).unwrap();
        let last = log.lines().last().unwrap_or_default();
        let named = key.split("__").next().unwrap();
        assert!(last.contains(named), "{key}: {last}");
    }
}
