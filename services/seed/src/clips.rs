//! Small videos with a picture each, all different, made by ffmpeg.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// A video and its picture.
pub struct Clip {
    pub video: PathBuf,
    pub thumbnail: PathBuf,
}

/// Pictures that move, one after the other.
const SOURCES: [&str; 5] = ["testsrc2", "smptehdbars", "rgbtestsrc", "testsrc", "yuvtestsrc"];

/// The `number`-th video: another picture, colour, tone and length than those
/// before it.
pub async fn make(folder: &Path, number: usize) -> Result<Clip> {
    let video = folder.join(format!("{number}.mp4"));
    let thumbnail = folder.join(format!("{number}.jpg"));
    let seconds = 3 + number % 7;
    let source = SOURCES[number % SOURCES.len()];
    let picture = format!("{source}=size=640x360:rate=25:duration={seconds},hue=h={}", number * 47 % 360);
    let tone = format!("sine=frequency={}:duration={seconds}", 220 + number * 30);
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        &picture,
        "-f",
        "lavfi",
        "-i",
        &tone,
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
        "-movflags",
        "+faststart",
        &video.to_string_lossy(),
    ])
    .await?;
    let (from, to) = (video.to_string_lossy(), thumbnail.to_string_lossy());
    ffmpeg(&["-ss", "1", "-i", &from, "-frames:v", "1", &to]).await?;
    Ok(Clip { video, thumbnail })
}

async fn ffmpeg(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("ffmpeg");
    let command = command.args(["-nostdin", "-v", "error", "-y"]).args(arguments);
    let status = command.status().await.context("ffmpeg is needed: scripts/install-tools ffmpeg")?;
    ensure!(status.success(), "ffmpeg made no video");
    Ok(())
}
