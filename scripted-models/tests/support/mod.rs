//! A raw HTTP client: one request per connection, and the bytes that come back as they are, because
//! a polite client hides the broken answers that these tests look for.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A test that waits longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What came back until the connection was closed.
#[derive(Debug, PartialEq)]
pub struct Answer {
    /// 0 if not one byte came.
    pub status: u16,
    pub head: String,
    pub body: String,
    /// The end that HTTP prescribes came, not only the end of the connection.
    pub is_complete: bool,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    /// The `data` of each server-sent event.
    pub fn events(&self) -> Vec<Value> {
        let data = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|text| serde_json::from_str(text).expect("JSON data")).collect()
    }

    /// The `type` of each server-sent event.
    pub fn types(&self) -> Vec<String> {
        self.events().iter().map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
    }
}

pub async fn post(base_url: &str, path: &str, headers: &str, body: &Value) -> Answer {
    let mut connection = send(base_url, path, headers, body).await;
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut bytes)).await;
    // A connection that is dropped may end by a reset; what came before counts.
    let _ended = read.expect("the server answers or closes in time");
    parse(&String::from_utf8(bytes).expect("UTF-8"))
}

/// Sends a request and leaves the connection open.
pub async fn send(base_url: &str, path: &str, headers: &str, body: &Value) -> TcpStream {
    let address = base_url.strip_prefix("http://").expect("a base URL of http");
    let mut connection = TcpStream::connect(address).await.expect("the server listens");
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).await.expect("the server reads");
    connection
}

fn parse(raw: &str) -> Answer {
    let Some((head, rest)) = raw.split_once("\r\n\r\n") else {
        return Answer { status: 0, head: raw.to_owned(), body: String::new(), is_complete: false };
    };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
    let is_chunked = head.contains("transfer-encoding: chunked");
    let (body, is_complete) = if is_chunked { unchunk(rest) } else { (rest.to_owned(), true) };
    Answer { status, head: head.to_owned(), body, is_complete }
}

fn unchunk(mut rest: &str) -> (String, bool) {
    let mut body = String::new();
    while let Some((size, tail)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk size");
        if size == 0 {
            return (body, true);
        }
        body.push_str(&tail[..size]);
        rest = &tail[size + 2..];
    }
    (body, false)
}
