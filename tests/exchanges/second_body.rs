//! Bodies of the second recording, byte by byte: parts with headers of their own, compressed and in chunks, of a size that counts.

use std::io::Write as _;

use reqwest::{Body, RequestBuilder};
use serde_json::Value;

use crate::second::text;

const BOUNDARY: &str = "------------------------shakedown";

/// A multipart body under way.
pub(crate) struct Multipart(Vec<u8>);

impl Multipart {
    pub(crate) fn new() -> Self {
        Multipart(Vec::new())
    }

    pub(crate) fn field(&mut self, name: &str, value: &str) {
        self.part(&format!("form-data; name=\"{name}\""), &[], value.as_bytes());
    }

    pub(crate) fn file(&mut self, name: &str, headers: &[(String, String)], content: &[u8]) {
        self.part(&format!("form-data; name=\"{name}\"; filename=\"{name}\""), headers, content);
    }

    fn part(&mut self, disposition: &str, headers: &[(String, String)], content: &[u8]) {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n{headers}\r\n");
        self.0.extend_from_slice(head.as_bytes());
        self.0.extend_from_slice(content);
        self.0.extend_from_slice(b"\r\n");
    }

    /// The body and its content type. What it lacks to a recorded size stands behind the last boundary, where nobody reads.
    pub(crate) fn finish(mut self, size: Option<usize>) -> (String, Vec<u8>) {
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        if let Some(size) = size.filter(|size| *size > self.0.len()) {
            self.0.resize(size, b' ');
        }
        (format!("multipart/form-data; boundary={BOUNDARY}"), self.0)
    }
}

/// Sends a body as the headers of the step say that it was sent.
pub(crate) fn with_body(builder: RequestBuilder, step: &Value, body: Vec<u8>) -> RequestBuilder {
    let headers = &step["request"]["headers"];
    let is_plain = text(&step["label"]).contains("body plain");
    let body = if headers["Content-Encoding"] == "gzip" && !is_plain { zipped(&body) } else { body };
    if headers["Transfer-Encoding"] == "chunked" {
        let chunks: Vec<_> = body.chunks(1 << 16).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect();
        return builder.body(Body::wrap_stream(futures_util::stream::iter(chunks)));
    }
    builder.body(body)
}

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// A file as bzip2 makes it smaller.
pub(crate) fn squeezed(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(content).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}
