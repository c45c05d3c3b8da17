//! Videos that tests upload and publish.

use std::{path::Path, process::Command, sync::OnceLock};

use fenz_testkit::Client;
use serde_json::{Value, json};

/// Two seconds of a test picture with a tone.
pub fn video() -> &'static [u8] {
    static VIDEO: OnceLock<Vec<u8>> = OnceLock::new();
    VIDEO.get_or_init(|| {
        let name = format!("video-{}.mp4", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=duration=2:size=320x240:rate=15"])
            .args(["-f", "lavfi", "-i", "sine=duration=2", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"])
            .arg(&path)
            .status()
            .expect("ffmpeg is installed: scripts/install-tools does it");
        assert!(made.success());
        std::fs::read(path).unwrap()
    })
}

/// Uploads a video and publishes it.
pub async fn publish(creator: &Client, title: &str) -> Value {
    publish_with(creator, title, json!({})).await
}

/// The same with more fields.
pub async fn publish_with(creator: &Client, title: &str, more: Value) -> Value {
    let upload = creator.processed_upload("video", video()).await;
    let mut body = json!({"title": title, "videoUploadId": upload["id"], "publish": true});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    creator.post("videos", &body).await.ok("video")
}

/// The path of a video, below `/api/v1/`.
pub fn path(video: &Value) -> String {
    format!("videos/{}", fenz_testkit::id(video))
}
