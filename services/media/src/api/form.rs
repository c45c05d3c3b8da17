//! Streams the file of a multipart form.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::body::BodyDataStream;
use bytes::Bytes;
use fenz_core::{Error, Reason, Result};
use futures::{Stream, StreamExt, stream};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::{sync::Mutex, time::Instant};

use super::min_rate::{MinRate, RateMeter};
use crate::{
    app::{Chunks, too_large},
    domain::upload::Kind,
};

const FIELD: &str = "file";
/// How much is read and discarded after a refusal, and for how long: some clients
/// read the response only after they have sent the whole body.
const DISCARD_BYTES: usize = 16 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(2);
/// The largest number of bytes outside of the file: the parser buffers them. Room
/// for several chunks, because the first ones hold both form and file.
const MAX_OVERHEAD: usize = 1 << 20;

/// A request's body, shared by the parser and [`Body::discard_rest`].
#[derive(Clone)]
pub struct Body {
    data: Arc<Mutex<BodyDataStream>>,
    /// Bytes received since the file's last chunk.
    overhead: Arc<AtomicUsize>,
    idle: Duration,
    min_rate: MinRate,
}

#[derive(Debug, thiserror::Error)]
enum BodyError {
    #[error("no bytes received for too long")]
    Idle,
    #[error("it should bring at least {0} bytes a second")]
    TooSlow(u64),
    #[error("too many bytes outside of the file")]
    TooMuchOverhead,
    #[error("the connection was closed: {0}")]
    Disconnected(axum::Error),
}

impl Body {
    pub fn new(body: axum::body::Body, idle: Duration, min_rate: MinRate) -> Self {
        Self { data: Arc::new(Mutex::new(body.into_data_stream())), overhead: Arc::default(), idle, min_rate }
    }

    /// One chunk per poll: otherwise the parser would buffer everything available
    /// before it parses.
    fn stream(&self) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + use<> {
        let (body, idle) = (self.clone(), self.idle);
        stream::unfold(Some((body, RateMeter::new(self.min_rate))), move |state| async move {
            tokio::task::yield_now().await;
            let (body, mut meter) = state?;
            if body.overhead.load(Relaxed) > MAX_OVERHEAD {
                return Some((Err(BodyError::TooMuchOverhead), None));
            }
            let asked = Instant::now();
            let next = tokio::time::timeout(idle, async { body.data.lock().await.next().await }).await;
            match next {
                Ok(Some(Ok(bytes))) => {
                    if !meter.record(bytes.len(), asked.elapsed()) {
                        return Some((Err(BodyError::TooSlow(body.min_rate.bytes_per_second)), None));
                    }
                    body.overhead.fetch_add(bytes.len(), Relaxed);
                    Some((Ok(bytes), Some((body, meter))))
                }
                Ok(Some(Err(error))) => Some((Err(BodyError::Disconnected(error)), None)),
                Ok(None) => None,
                Err(_) => Some((Err(BodyError::Idle), None)),
            }
        })
    }

    /// Reads on in the background for a limited time.
    pub fn discard_rest(self) {
        let discard = async move {
            let mut data = self.data.lock().await;
            let mut left = DISCARD_BYTES;
            while let Some(Ok(bytes)) = data.next().await {
                left = left.saturating_sub(bytes.len());
                if left == 0 {
                    break;
                }
            }
        };
        tokio::spawn(tokio::time::timeout(DISCARD_TIME, discard));
    }
}

pub struct Form {
    parser: Multipart<'static>,
    overhead: Arc<AtomicUsize>,
}

impl Form {
    /// `limit` applies to the whole body.
    pub fn new(body: &Body, boundary: String, limit: u64) -> Self {
        let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(limit));
        let parser = Multipart::with_constraints(body.stream(), boundary, constraints);
        Self { parser, overhead: body.overhead.clone() }
    }

    /// Skips the fields before the file.
    pub async fn file(mut self, kind: Kind, limit: u64) -> Result<File> {
        loop {
            let field = self.parser.next_field().await.map_err(|e| form_error(&e, kind, limit))?;
            let field = field.ok_or_else(|| Error::field(Reason::InvalidParams, FIELD, "is missing"))?;
            if field.name() == Some(FIELD) {
                return Ok(File { form: self, field: Some(field), kind, limit });
            }
        }
    }
}

/// After the file's end the rest of the form is read too, and must not have a
/// second file.
pub struct File {
    form: Form,
    field: Option<Field<'static>>,
    kind: Kind,
    limit: u64,
}

impl Chunks for File {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(field) = &mut self.field else { return Ok(None) };
        let form_error = |e| form_error(&e, self.kind, self.limit);
        if let Some(bytes) = field.chunk().await.map_err(form_error)? {
            self.form.overhead.store(0, Relaxed);
            return Ok(Some(bytes));
        }
        self.field = None;
        while let Some(field) = self.form.parser.next_field().await.map_err(form_error)? {
            if field.name() == Some(FIELD) {
                return Err(Error::field(Reason::InvalidParams, FIELD, "came more than once; send one file"));
            }
        }
        Ok(None)
    }
}

fn form_error(error: &multer::Error, kind: Kind, limit: u64) -> Error {
    use multer::Error as E;
    match error {
        E::StreamSizeExceeded { .. } => too_large(kind, limit),
        E::StreamReadFailed(cause) => match cause.downcast_ref::<BodyError>() {
            Some(BodyError::TooMuchOverhead) => {
                Error::field(Reason::InvalidParams, FIELD, format!("should come in a plain form: {cause}"))
            }
            Some(BodyError::TooSlow(min)) => {
                Error::new(Reason::UploadTooSlow, format!("the upload was too slow: {cause}"))
                    .with("minBytesPerSecond", min)
            }
            _ => Error::new(Reason::UploadIncomplete, format!("the body ended early: {cause}")),
        },
        E::IncompleteFieldData { .. } | E::IncompleteHeaders | E::IncompleteStream => {
            Error::new(Reason::UploadIncomplete, "the body ended before the form did")
        }
        other => Error::field(Reason::InvalidParams, FIELD, format!("should be in a well-formed form: {other}")),
    }
}
