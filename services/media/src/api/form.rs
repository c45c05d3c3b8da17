//! A form with one file in it, read as a stream.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::body::BodyDataStream;
use bytes::Bytes;
use fenz_chassis::{Error, Reason, Result};
use futures::{Stream, StreamExt, stream};
use multer::{Constraints, Field, Multipart, SizeLimit};
use tokio::sync::Mutex;

use crate::{
    app::{Chunks, too_large},
    domain::upload::Kind,
};

/// The field that the file is in.
const FIELD: &str = "file";
/// How much is read and thrown away after a refusal, so that a client that only
/// reads when it has sent everything gets to see it; and for how long.
const DISCARD_BYTES: usize = 16 << 20;
const DISCARD_TIME: Duration = Duration::from_secs(2);
/// How much may come before, between and after the bytes of the file: the
/// parser holds in memory what it cannot make out yet. Several chunks of a
/// connection, for the first ones begin with the form and go on with the file.
const MAX_AROUND: usize = 1 << 20;

/// A request's body, shared by the form and by who throws away its rest.
#[derive(Clone)]
pub struct Body {
    data: Arc<Mutex<BodyDataStream>>,
    /// Bytes that came since the last of the file.
    around: Arc<AtomicUsize>,
    idle: Duration,
}

#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("nothing came for too long")]
    Idle,
    #[error("there is too much around the file")]
    TooMuchAround,
    #[error("the connection broke: {0}")]
    Gone(axum::Error),
}

impl Body {
    pub fn new(body: axum::body::Body, idle: Duration) -> Self {
        Self { data: Arc::new(Mutex::new(body.into_data_stream())), around: Arc::default(), idle }
    }

    /// The data, one chunk per poll: the form's parser would else take all that
    /// is there into its buffer before it looks at any of it.
    fn stream(&self) -> impl Stream<Item = Result<Bytes, Broken>> + Send + use<> {
        let (body, idle) = (self.clone(), self.idle);
        stream::unfold(Some(body), move |body| async move {
            tokio::task::yield_now().await;
            let body = body?;
            if body.around.load(Relaxed) > MAX_AROUND {
                return Some((Err(Broken::TooMuchAround), None));
            }
            let next = tokio::time::timeout(idle, async { body.data.lock().await.next().await }).await;
            match next {
                Ok(Some(Ok(bytes))) => {
                    body.around.fetch_add(bytes.len(), Relaxed);
                    Some((Ok(bytes), Some(body)))
                }
                Ok(Some(Err(error))) => Some((Err(Broken::Gone(error)), None)),
                Ok(None) => None,
                Err(_) => Some((Err(Broken::Idle), None)),
            }
        })
    }

    /// Reads on for a moment, beside the answer, and lets the connection close.
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

/// A form that is being read.
pub struct Form {
    parser: Multipart<'static>,
    around: Arc<AtomicUsize>,
}

impl Form {
    /// `limit` is for the whole body.
    pub fn new(body: &Body, boundary: String, limit: u64) -> Self {
        let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(limit));
        let parser = Multipart::with_constraints(body.stream(), boundary, constraints);
        Self { parser, around: body.around.clone() }
    }

    /// Goes to the file; other fields before it are passed over.
    pub async fn file(mut self, kind: Kind, limit: u64) -> Result<File> {
        loop {
            let field = self.parser.next_field().await.map_err(|e| broken(&e, kind, limit))?;
            let field = field.ok_or_else(|| Error::field(Reason::InvalidParams, FIELD, "is missing"))?;
            if field.name() == Some(FIELD) {
                return Ok(File { form: self, field: Some(field), kind, limit });
            }
        }
    }
}

/// The file in a form. At its end the form is read to its end too.
pub struct File {
    form: Form,
    field: Option<Field<'static>>,
    kind: Kind,
    limit: u64,
}

impl Chunks for File {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(field) = &mut self.field else { return Ok(None) };
        if let Some(bytes) = field.chunk().await.map_err(|e| broken(&e, self.kind, self.limit))? {
            self.form.around.store(0, Relaxed);
            return Ok(Some(bytes));
        }
        self.field = None;
        while let Some(field) = self.form.parser.next_field().await.map_err(|e| broken(&e, self.kind, self.limit))? {
            if field.name() == Some(FIELD) {
                return Err(Error::field(Reason::InvalidParams, FIELD, "came more than once; send one file"));
            }
        }
        Ok(None)
    }
}

fn broken(error: &multer::Error, kind: Kind, limit: u64) -> Error {
    use multer::Error as E;
    match error {
        E::StreamSizeExceeded { .. } => too_large(kind, limit),
        E::StreamReadFailed(cause) if matches!(cause.downcast_ref(), Some(Broken::TooMuchAround)) => {
            Error::field(Reason::InvalidParams, FIELD, format!("should come in a plain form: {cause}"))
        }
        E::StreamReadFailed(cause) => Error::new(Reason::UploadIncomplete, format!("the body ended early: {cause}")),
        E::IncompleteFieldData { .. } | E::IncompleteHeaders | E::IncompleteStream => {
            Error::new(Reason::UploadIncomplete, "the body ended before the form did")
        }
        other => Error::field(Reason::InvalidParams, FIELD, format!("should be in a well-formed form: {other}")),
    }
}
