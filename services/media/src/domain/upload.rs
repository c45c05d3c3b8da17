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
    pub object_key: String,
    pub created_at: DateTime<Utc>,
}

/// Known once a file is completely stored; 0 where it is unknown.
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
