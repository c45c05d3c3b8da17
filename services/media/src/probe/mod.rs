//! Probes videos with ffprobe and ffmpeg, if they are installed.
//!
//! The files are untrusted: the demuxer is fixed by the detected format, the decoders
//! are those of a short list (see [`input`]), `file` is the only allowed protocol, and
//! time, memory, output and open files are limited.
//! The programs read a sparse copy (see [`sparse_copy`]), never the object store.

mod ffmpeg;
mod index;
mod input;
mod matroska_end;
mod report;
mod sparse_copy;

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use fenz_object_store::ObjectStore;

use crate::domain::{media_info::MediaInfo, sniff::Format};
use ffmpeg::{Frames, Programs};
use sparse_copy::SparseCopy;

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
    /// Of the copy, and of each program.
    pub timeout: Duration,
    /// The folder of the sparse copies.
    pub temp_dir: PathBuf,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Damaged, or no video.
    #[error("the file is not readable as a video")]
    Unreadable,
    /// Audio alone.
    #[error("the file has no video track")]
    NoVideo,
    /// Or it was killed, as it took too much.
    #[error("the probe timed out")]
    Timeout,
    #[error(transparent)]
    Store(fenz_object_store::Error),
    #[error("the probe cannot be run: {0}")]
    Run(#[from] std::io::Error),
}

/// Probes stored videos. Clones share its programs.
#[derive(Clone)]
pub struct Prober {
    store: ObjectStore,
    limits: Limits,
    programs: Option<Arc<Programs>>,
}

impl Prober {
    pub fn new(store: ObjectStore, limits: Limits) -> Self {
        let programs = Programs::find(limits.timeout).map(Arc::new);
        if programs.is_none() {
            tracing::warn!("ffprobe and ffmpeg not found, videos have no duration, size or poster");
        }
        Self { store, limits, programs }
    }

    /// Without the programs nothing is known of any video.
    pub async fn probe(&self, file: StoredFile<'_>) -> Result<MediaInfo, Error> {
        let (Some(programs), Some(demuxer)) = (&self.programs, demuxer(file.format)) else {
            return Ok(MediaInfo::default());
        };
        let probed = self.run(programs, file, demuxer).await;
        match &probed {
            Ok(info) => {
                let (video_codec, audio_codec) = (info.video_codec.as_deref(), info.audio_codec.as_deref());
                tracing::debug!(key = file.key, video_codec, audio_codec, "video probed");
            }
            Err(error) => tracing::info!(%error, key = file.key, "video not probed"),
        }
        probed
    }

    async fn run(&self, programs: &Programs, file: StoredFile<'_>, demuxer: &str) -> Result<MediaInfo, Error> {
        programs.check().await?;
        let copy = sparse_copy::create(&self.store, file, &self.limits.temp_dir, self.limits.timeout);
        let copy = tokio::time::timeout(self.limits.timeout, copy).await.map_err(|_| Error::Timeout)??;
        let Some(copy) = copy else { return Ok(MediaInfo::default()) };
        let probed = programs.probe(copy.path(), demuxer).await?;
        let mut info = probed.info;
        match &info.video_codec {
            Some(codec) if !input::is_decodable(codec) => return Err(Error::Unreadable),
            Some(_) => {}
            None if info.audio_codec.is_some() => return Err(Error::NoVideo),
            None => return Err(Error::Unreadable),
        }
        if !copy.has_length {
            info.duration_seconds = 0;
        } else if !probed.has_length
            && demuxer == MATROSKA
            && let Some(length) = self.measure(programs, file, &copy).await?
        {
            info.duration_seconds = report::whole_seconds(length);
        }
        info.poster = poster(programs, &copy, demuxer, &info).await?;
        Ok(info)
    }

    /// The length of a Matroska file that does not say it, in seconds. Best effort: it can
    /// be played without.
    async fn measure(
        &self,
        programs: &Programs,
        file: StoredFile<'_>,
        copy: &SparseCopy,
    ) -> Result<Option<f64>, Error> {
        let times = if copy.is_whole {
            programs.frame_times(copy.path(), MATROSKA, Frames::All).await
        } else {
            let end = matroska_end::create(&self.store, file, copy.path(), &self.limits.temp_dir);
            let end = tokio::time::timeout(self.limits.timeout, end).await.map_err(|_| Error::Timeout)??;
            let Some(end) = end else { return Ok(None) };
            let first = programs.frame_times(copy.path(), MATROSKA, Frames::First).await;
            let last = programs.frame_times(end.path(), MATROSKA, Frames::All).await;
            first.and_then(|first| Ok(first.zip(last?).map(|(first, last)| (first.0, last.1))))
        };
        match times {
            Ok(times) => Ok(times.map(|(start, end)| end - start)),
            Err(error) => {
                tracing::info!(%error, key = file.key, "length not found");
                Ok(None)
            }
        }
    }
}

/// A frame, or none where the copy does not have the first one, or it takes too long.
async fn poster(
    programs: &Programs,
    copy: &SparseCopy,
    demuxer: &str,
    info: &MediaInfo,
) -> Result<Option<Bytes>, Error> {
    // The first frame is often black; one second in is still near the start of the file.
    for second in [1, 0].into_iter().filter(|second| *second == 0 || info.duration_seconds > 1) {
        match programs.frame(copy.path(), demuxer, second, (info.width, info.height)).await {
            Ok(Some(frame)) => return Ok(Some(frame)),
            Ok(None) => {}
            Err(error) => {
                tracing::info!(%error, "no frame extracted");
                return Ok(None);
            }
        }
    }
    let has_first_frame =
        copy.is_whole || programs.first_frame_end(copy.path(), demuxer).await?.is_some_and(|end| end <= copy.head);
    if has_first_frame { Err(Error::Unreadable) } else { Ok(None) }
}

impl From<sparse_copy::Error> for Error {
    fn from(error: sparse_copy::Error) -> Self {
        match error {
            sparse_copy::Error::Store(error) => Self::Store(error),
            sparse_copy::Error::File(error) => Self::Run(error),
            sparse_copy::Error::Truncated => Self::Unreadable,
        }
    }
}

impl From<ffmpeg::Error> for Error {
    fn from(error: ffmpeg::Error) -> Self {
        match error {
            ffmpeg::Error::Timeout => Self::Timeout,
            ffmpeg::Error::Run(error) => Self::Run(error),
            // Killed: by a limit, or by a machine without memory.
            ffmpeg::Error::Failed(status) if status.code().is_none() => Self::Timeout,
            // Usually a damaged file.
            ffmpeg::Error::Failed(_) | ffmpeg::Error::Report => Self::Unreadable,
        }
    }
}

const MATROSKA: &str = "matroska";

/// None for images.
fn demuxer(format: Format) -> Option<&'static str> {
    match format {
        Format::Mp4 | Format::QuickTime => Some("mov"),
        Format::WebM | Format::Matroska => Some(MATROSKA),
        Format::Jpeg | Format::Png | Format::WebP => None,
    }
}
