//! Uploads sent by hand: they declare more bytes than are sent, or send them slowly.

use fenz_core::Role;
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::harness::Media;

/// Sends all of a request that comes before the file.
pub async fn send_head(media: &Media, user: i64, length: usize) -> TcpStream {
    send_head_from(media, user, None, length).await
}

/// The same for a client at an address, as the gateway says it.
pub async fn send_head_from(media: &Media, user: i64, address: Option<&str>, length: usize) -> TcpStream {
    let service = media.sandbox.url("media");
    let mut stream = TcpStream::connect(service.trim_start_matches("http://")).await.unwrap();
    let address = address.map(|address| format!("x-fenz-client-address: {address}\r\n")).unwrap_or_default();
    let head = format!(
        "POST /api/v1/upload/video HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {length}\r\n\
         {address}content-type: multipart/form-data; boundary=b\r\n\r\n\
         --b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n",
        media.sandbox.token(user, Role::User)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}
