//! Bodies of requests: multipart and urlencoded forms.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Uri};
use reqwest::Url;

/// Fields and files of a request; fields of the query count like those of the body.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) fields: Vec<(String, String)>,
    /// By file name.
    pub(super) files: Vec<(String, Vec<u8>)>,
}

impl Form {
    /// Reads a body by its content type; what is neither kind of form has no fields.
    pub(super) async fn read(uri: &Uri, headers: &HeaderMap, body: Vec<u8>) -> Form {
        let mut form = Form::default();
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if kind.starts_with("multipart/form-data") {
            form.multipart(kind, body).await;
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            form.fields = pairs(&String::from_utf8_lossy(&body));
        }
        let mut fields = pairs(uri.query().unwrap_or_default());
        fields.append(&mut form.fields);
        form.fields = fields;
        form
    }

    async fn multipart(&mut self, kind: &str, body: Vec<u8>) {
        let Ok(boundary) = multer::parse_boundary(kind) else { return };
        let body = futures_util::stream::iter([Ok::<_, std::io::Error>(body)]);
        let mut multipart = multer::Multipart::new(body, boundary);
        while let Ok(Some(field)) = multipart.next_field().await {
            let name = field.name().unwrap_or_default().to_owned();
            let file = field.file_name().map(str::to_owned);
            let Ok(bytes) = field.bytes().await else { return };
            match file {
                Some(file) => self.files.push((file, bytes.to_vec())),
                None => self.fields.push((name, String::from_utf8_lossy(&bytes).into_owned())),
            }
        }
    }

    /// The last field with that name, as Django takes it; one of the body counts before one of the query.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// True if a multipart body has the boundary that its header names; a body of another kind is readable.
pub(super) fn is_readable(headers: &HeaderMap, body: &[u8]) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/form-data") || body.is_empty() {
        return true;
    }
    multer::parse_boundary(kind).is_ok_and(|boundary| memchr::memmem::find(body, boundary.as_bytes()).is_some())
}

/// Pairs of an urlencoded text.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    let Ok(url) = Url::parse(&format!("http://x/?{query}")) else { return Vec::new() };
    url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}
