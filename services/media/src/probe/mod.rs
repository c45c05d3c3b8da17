//! Probes videos with ffprobe and ffmpeg, if they are installed.
//!
//! The files are untrusted: the demuxer is fixed by the detected format, `file` is
//! the only allowed protocol, and time, memory, output and open files are limited.
//! The programs read a sparse copy (see [`sparse_copy`]), never the object store.

mod ffmpeg;
mod report;
mod sparse_copy;

use std::{path::PathBuf, sync::Arc, time::Duration};

use fenz_object_store::ObjectStore;
use tokio::sync::Semaphore;

use crate::domain::{media_info::MediaInfo, sniff::Format};
use ffmpeg::Programs;

/// A file in the object store.
#[derive(Clone, Copy, Debug)]
pub struct StoredFile<'a> {
    pub key: &'a str,
    pub size: u64,
    pub format: Format,
}

/// Limits of a probe.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Of the whole probe, including the wait for a free core; each program gets
    /// half of it.
    pub timeout: Duration,
    /// The folder of the sparse copies.
    pub temp_dir: PathBuf,
}

/// Runs at most one probe per core. Clones share that limit.
#[derive(Clone)]
pub struct Prober {
    store: ObjectStore,
    limits: Limits,
    programs: Option<Arc<Programs>>,
    concurrency: Arc<Semaphore>,
}

impl Prober {
    pub fn new(store: ObjectStore, limits: Limits) -> Self {
        let programs = Programs::find(limits.timeout / 2).map(Arc::new);
        if programs.is_none() {
            tracing::warn!("ffprobe and ffmpeg not found, videos have no duration, size or poster");
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { store, limits, programs, concurrency: Arc::new(Semaphore::new(cores)) }
    }

    /// Probes a stored video. Best effort: a file that cannot be probed is valid
    /// and has no information.
    pub async fn probe(&self, file: StoredFile<'_>) -> MediaInfo {
        let (Some(programs), Some(demuxer)) = (&self.programs, demuxer(file.format)) else {
            return MediaInfo::default();
        };
        let probe = self.run(programs, file, demuxer);
        match tokio::time::timeout(self.limits.timeout, probe).await {
            Ok(Ok(info)) => {
                let (video_codec, audio_codec) = (info.video_codec.as_deref(), info.audio_codec.as_deref());
                tracing::debug!(key = file.key, video_codec, audio_codec, "video probed");
                info
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, key = file.key, "video not probed");
                MediaInfo::default()
            }
            Err(_) => {
                tracing::warn!(key = file.key, "video probe timed out");
                MediaInfo::default()
            }
        }
    }

    async fn run(
        &self,
        programs: &Programs,
        file: StoredFile<'_>,
        demuxer: &str,
    ) -> Result<MediaInfo, sparse_copy::Error> {
        let _permit = self.concurrency.acquire().await;
        let copy = sparse_copy::create(&self.store, file, &self.limits.temp_dir).await?;
        let mut info = match programs.probe(copy.path(), demuxer).await {
            Ok(info) => info,
            // Usually a damaged file.
            Err(error) => {
                tracing::info!(%error, key = file.key, "video not readable by ffprobe");
                return Ok(MediaInfo::default());
            }
        };
        // The first frame is often black; one second in is still near the start of
        // the file.
        for second in [1, 0] {
            if info.poster.is_none() && (second == 0 || info.duration_seconds > 1) {
                info.poster = programs.frame(copy.path(), demuxer, second).await;
            }
        }
        Ok(info)
    }
}

/// None for images.
fn demuxer(format: Format) -> Option<&'static str> {
    match format {
        Format::Mp4 | Format::QuickTime => Some("mov"),
        Format::WebM | Format::Matroska => Some("matroska"),
        Format::Jpeg | Format::Png | Format::WebP => None,
    }
}
