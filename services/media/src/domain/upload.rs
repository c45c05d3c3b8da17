//! Uploaded files.

use chrono::{DateTime, Utc};
pub use fenz_core::UploadId;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Video,
    Image,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Image => "image",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Video, Self::Image].into_iter().find(|kind| kind.as_str() == text)
    }

    /// The accepted formats, for error messages.
    pub fn formats(self) -> &'static str {
        match self {
            Self::Video => "MP4, QuickTime, WebM or Matroska",
            Self::Image => "JPEG, PNG or WebP",
        }
    }
}

/// A completely stored file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub id: UploadId,
    pub kind: Kind,
    pub content_type: String,
    pub metadata: UploadMetadata,
    pub status: Status,
    pub object_key: String,
    pub created_at: DateTime<Utc>,
}

/// Whether a stored file can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// A job is about to find out.
    Processing,
    Ready,
    Failed(Failure),
}

impl Status {
    /// The two columns that store it.
    pub fn columns(self) -> (&'static str, &'static str) {
        match self {
            Self::Processing => ("processing", ""),
            Self::Ready => ("ready", ""),
            Self::Failed(failure) => ("failed", failure.as_str()),
        }
    }

    pub fn from_columns(status: &str, failure: &str) -> Self {
        match status {
            "processing" => Self::Processing,
            "failed" => Self::Failed(Failure::parse(failure)),
            _ => Self::Ready,
        }
    }
}

/// Why a file cannot be played. The names are those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Damaged, or no video behind its first bytes.
    Unreadable,
    /// Audio alone.
    NoVideo,
    /// It could not be read in time, more than once.
    Timeout,
}

impl Failure {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "UNREADABLE",
            Self::NoVideo => "NO_VIDEO_TRACK",
            Self::Timeout => "PROCESSING_TIMEOUT",
        }
    }

    fn parse(name: &str) -> Self {
        let known = [Self::NoVideo, Self::Timeout].into_iter().find(|failure| failure.as_str() == name);
        known.unwrap_or(Self::Unreadable)
    }
}

/// Known once a file is completely stored; 0 where it is unknown, as all but size and
/// hash of a video that is being processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadMetadata {
    pub size_bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
    pub duration_seconds: i32,
    pub width: i32,
    pub height: i32,
}

/// The key of an upload in the object store.
pub fn object_key(id: UploadId) -> String {
    format!("uploads/{id}")
}
