//! Calls to media that are stored until they succeed.

use chrono::{DateTime, Utc};

use super::{ChannelId, Picture, UploadId};

/// A channel's claim on an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub channel: ChannelId,
    pub picture: Picture,
    pub upload: UploadId,
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "channel/{}/{}/{}", self.channel.0, self.picture.as_str(), self.upload.0)
    }
}

/// A call that releases a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingCall {
    pub claim: Claim,
    /// The upload becomes unclaimed; otherwise media deletes its files.
    pub keep_files: bool,
    pub attempts: i32,
    pub due_at: DateTime<Utc>,
}

impl PendingCall {
    /// Releases the claim and keeps the upload for another use.
    pub fn unclaim(claim: Claim, due_at: DateTime<Utc>) -> Self {
        Self { claim, keep_files: true, attempts: 0, due_at }
    }

    /// Releases the claim and deletes the upload.
    pub fn delete(claim: Claim, due_at: DateTime<Utc>) -> Self {
        Self { keep_files: false, ..Self::unclaim(claim, due_at) }
    }
}
