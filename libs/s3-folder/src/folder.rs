//! The folder backend of s3s, with what it lacks for a player and for a delete
//! that leaves nothing.

use std::{
    io,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures::TryStreamExt;
use s3s::{S3, S3Request, S3Response, S3Result, dto, s3_error};
use s3s_fs::FileSystem;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};
use tokio_util::io::ReaderStream;

/// The backend reads 4 KiB at a time, each over a thread of the blocking pool.
const READ_CHUNK: usize = 128 * 1024;

pub struct Folder {
    inner: FileSystem,
    root: PathBuf,
}

impl Folder {
    pub fn new(root: &Path) -> Result<Self, String> {
        let inner = FileSystem::new(root).map_err(|e| format!("{e:?}"))?;
        Ok(Self { inner, root: root.to_owned() })
    }

    /// The files in which the backend keeps what it knows of an object besides
    /// its bytes; it forgets them on delete.
    fn companions(&self, bucket: &str, key: &str) -> [PathBuf; 2] {
        let (bucket, key) = (URL_SAFE_NO_PAD.encode(bucket), URL_SAFE_NO_PAD.encode(key));
        ["metadata", "internal"].map(|kind| self.root.join(format!(".bucket-{bucket}.object-{key}.{kind}.json")))
    }
}

/// The first byte of `bytes 5-9/20`.
fn first_byte(content_range: &str) -> Option<u64> {
    content_range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

async fn read_from(path: &Path, start: u64, length: u64) -> io::Result<dto::StreamingBlob> {
    let mut file = File::open(path).await?;
    file.set_max_buf_size(READ_CHUNK);
    if start > 0 {
        file.seek(io::SeekFrom::Start(start)).await?;
    }
    let stream = ReaderStream::with_capacity(file.take(length), READ_CHUNK);
    Ok(dto::StreamingBlob::wrap(stream.into_stream()))
}

macro_rules! delegate {
    ($($name:ident: $input:ident -> $output:ident,)*) => {
        #[async_trait::async_trait]
        impl S3 for Folder {
            $(
                async fn $name(&self, req: S3Request<dto::$input>) -> S3Result<S3Response<dto::$output>> {
                    self.inner.$name(req).await
                }
            )*

            async fn get_object(
                &self,
                req: S3Request<dto::GetObjectInput>,
            ) -> S3Result<S3Response<dto::GetObjectOutput>> {
                self.get(req).await
            }

            async fn delete_object(
                &self,
                req: S3Request<dto::DeleteObjectInput>,
            ) -> S3Result<S3Response<dto::DeleteObjectOutput>> {
                self.delete(req).await
            }
        }
    };
}

delegate! {
    create_bucket: CreateBucketInput -> CreateBucketOutput,
    head_bucket: HeadBucketInput -> HeadBucketOutput,
    get_bucket_location: GetBucketLocationInput -> GetBucketLocationOutput,
    list_buckets: ListBucketsInput -> ListBucketsOutput,
    list_objects: ListObjectsInput -> ListObjectsOutput,
    list_objects_v2: ListObjectsV2Input -> ListObjectsV2Output,
    copy_object: CopyObjectInput -> CopyObjectOutput,
    head_object: HeadObjectInput -> HeadObjectOutput,
    put_object: PutObjectInput -> PutObjectOutput,
    create_multipart_upload: CreateMultipartUploadInput -> CreateMultipartUploadOutput,
    upload_part: UploadPartInput -> UploadPartOutput,
    list_parts: ListPartsInput -> ListPartsOutput,
    complete_multipart_upload: CompleteMultipartUploadInput -> CompleteMultipartUploadOutput,
    abort_multipart_upload: AbortMultipartUploadInput -> AbortMultipartUploadOutput,
}

impl Folder {
    async fn get(&self, req: S3Request<dto::GetObjectInput>) -> S3Result<S3Response<dto::GetObjectOutput>> {
        let path = self.root.join(&req.input.bucket).join(&req.input.key);
        // The backend checks the key against leaving the folder, and the range.
        let mut reply = self.inner.get_object(req).await?;
        let start = reply.output.content_range.as_deref().and_then(first_byte).unwrap_or(0);
        let length = reply.output.content_length.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
        let body = read_from(&path, start, length).await.map_err(|e| s3_error!(e, InternalError))?;
        reply.output.body = Some(body);
        Ok(reply)
    }

    async fn delete(&self, req: S3Request<dto::DeleteObjectInput>) -> S3Result<S3Response<dto::DeleteObjectOutput>> {
        let companions = self.companions(&req.input.bucket, &req.input.key);
        let reply = self.inner.delete_object(req).await?;
        for path in companions {
            match tokio::fs::remove_file(&path).await {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(%error, path = %path.display(), "s3 companion file not removed");
                }
                _ => {}
            }
        }
        Ok(reply)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_byte_of_a_content_range() {
        assert_eq!(first_byte("bytes 5-9/20"), Some(5));
        assert_eq!(first_byte("bytes */20"), None);
    }
}
