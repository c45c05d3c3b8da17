//! Looks into videos with ffprobe and ffmpeg, when there are any.
//!
//! The files come from strangers: the demuxer is the one we found out, no
//! protocol but `file` is allowed, and time, memory, output and the number of
//! files are limited. The programs get a partial copy (see [`skeleton`]), never
//! the object store.

mod report;
mod skeleton;
mod tool;

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use fenz_chassis::store::ObjectStore;
use tokio::sync::Semaphore;

use crate::domain::{sniff::Format, upload::Shape};
use tool::Tools;

/// What was seen in a video.
#[derive(Debug, Default)]
pub struct Seen {
    pub shape: Shape,
    /// A frame, as JPEG.
    pub poster: Option<Bytes>,
}

/// Runs the programs, at most one per core at once. Clones share that limit.
#[derive(Clone)]
pub struct Prober {
    tools: Option<Arc<Tools>>,
    at_once: Arc<Semaphore>,
    temp: PathBuf,
}

impl Prober {
    /// Finds the programs; without them nothing is seen, and that is said once.
    pub fn find(timeout: Duration, temp: PathBuf) -> Self {
        let tools = Tools::find(timeout).map(Arc::new);
        if tools.is_none() {
            tracing::warn!("no ffprobe and ffmpeg found: videos have neither duration, size nor poster frame");
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { tools, at_once: Arc::new(Semaphore::new(cores)), temp }
    }

    /// What can be seen in a stored video. A file that says nothing is taken as
    /// it is: what cannot be found out stays 0.
    pub async fn look(&self, store: &ObjectStore, key: &str, size: u64, format: Format) -> Seen {
        let Some(tools) = &self.tools else { return Seen::default() };
        let demuxer = match format {
            Format::Mp4 | Format::QuickTime => "mov",
            Format::WebM | Format::Matroska => "matroska",
            Format::Jpeg | Format::Png | Format::WebP => return Seen::default(),
        };
        let Ok(_turn) = self.at_once.acquire().await else { return Seen::default() };
        let copy = match skeleton::fetch(store, key, size, demuxer == "mov", &self.temp).await {
            Ok(copy) => copy,
            Err(error) => {
                tracing::warn!(%error, key, "video not copied for a look into it");
                return Seen::default();
            }
        };
        let shape = match tools.shape(copy.path(), demuxer).await {
            Ok(shape) => shape,
            Err(error) => {
                tracing::info!(%error, key, "video cannot be looked into");
                return Seen::default();
            }
        };
        // A second in is rarely black any more, and its bytes are near the start.
        let mut poster = None;
        for second in [1, 0] {
            if poster.is_none() && (second == 0 || shape.duration_seconds > 1) {
                poster = tools.frame(copy.path(), demuxer, second).await;
            }
        }
        Seen { shape, poster }
    }
}
