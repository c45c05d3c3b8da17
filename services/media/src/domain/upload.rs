//! What an upload is.

use chrono::{DateTime, Utc};

/// Names an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(pub i64);

impl std::fmt::Display for UploadId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What an upload can be used as.
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

    /// What may be sent as this, for people.
    pub fn formats(self) -> &'static str {
        match self {
            Self::Video => "MP4, QuickTime, WebM or Matroska",
            Self::Image => "JPEG, PNG or WebP",
        }
    }
}

/// A file that is there, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    pub id: UploadId,
    pub kind: Kind,
    pub content_type: String,
    pub size_bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
    pub shape: Shape,
    pub object_key: String,
    pub created_at: DateTime<Utc>,
}

/// What was found out about a file's content; 0 where it could not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    pub duration_seconds: i32,
    /// In pixels, as shown: a rotation is applied.
    pub width: i32,
    pub height: i32,
}

/// Where the object of an upload is.
pub fn object_key(id: UploadId) -> String {
    format!("uploads/{id}")
}
