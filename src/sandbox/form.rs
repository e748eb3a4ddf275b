//! Bodies of requests: multipart and urlencoded forms.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Uri};
use reqwest::Url;
use serde_json::Value;

use super::multipart;

/// Fields and files of a request; fields of the query count like those of the body.
#[derive(Debug, Default)]
pub(super) struct Form {
    pub(super) fields: Vec<(String, String)>,
    /// By the name of the part: what the file is called beside counts for nothing.
    pub(super) files: Vec<(String, Vec<u8>)>,
}

impl Form {
    /// Reads a body by its content type; what is neither kind of form has no fields.
    pub(super) fn read(uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Form {
        let mut form = Form::default();
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if kind.starts_with("multipart/form-data") {
            form.multipart(kind, body);
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            form.fields = pairs(&String::from_utf8_lossy(body));
        }
        let mut fields = pairs(uri.query().unwrap_or_default());
        fields.append(&mut form.fields);
        form.fields = fields;
        form
    }

    fn multipart(&mut self, kind: &str, body: &[u8]) {
        let Some(boundary) = multipart::boundary(kind) else { return };
        for part in multipart::parts(body, boundary) {
            match part.file {
                Some(file) if file.is_empty() => {}
                Some(_) => self.files.push((part.name, part.content)),
                None => self.fields.push((part.name, String::from_utf8_lossy(&part.content).into_owned())),
            }
        }
    }

    /// The same with the fields of an object, where the body is one of JSON.
    pub(super) fn or_json(mut self, headers: &HeaderMap, body: &[u8]) -> Form {
        let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if kind.starts_with("application/json")
            && let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(body)
        {
            let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.fields.extend(fields.into_iter().map(|(key, value)| (key, text(value))));
        }
        self
    }

    /// All fields with that name, in their order.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The last field with that name, as Django takes it; one of the body counts before one of the query.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The content type of a multipart body that is written otherwise than the region knows it.
pub(super) fn kind_in_capitals(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let is_form = kind.to_ascii_lowercase().starts_with("multipart/form-data");
    (is_form && !kind.starts_with("multipart/form-data")).then(|| kind.to_owned())
}

/// True if a multipart body has the boundary that its header names; a body of another kind is readable.
pub(super) fn is_readable(headers: &HeaderMap, body: &[u8]) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/form-data") || body.is_empty() {
        return true;
    }
    multipart::boundary(kind).is_some_and(|boundary| memchr::memmem::find(body, boundary.as_bytes()).is_some())
}

/// Pairs of an urlencoded text.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    let Ok(url) = Url::parse(&format!("http://x/?{query}")) else { return Vec::new() };
    url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

/// A text without percent signs.
pub(super) fn decoded(text: &str) -> String {
    pairs(&format!("v={}", text.replace('+', "%2B"))).pop().map_or_else(String::new, |(_, value)| value)
}
