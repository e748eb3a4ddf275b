//! Answers as the region and the nginx before it write them.

use axum::body::Bytes;
use axum::http::header::{ALLOW, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const JSON: &str = "application/json; charset=utf-8";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const NGINX_TOO_LARGE: &str = "413 Request Entity Too Large";

pub(super) fn answer(code: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response {
    (code, [(CONTENT_TYPE, kind)], body.into()).into_response()
}

pub(super) fn plain(code: StatusCode, text: &'static str) -> Response {
    answer(code, "text/plain", text)
}

/// A text of the region itself.
pub(super) fn text(code: StatusCode, text: impl Into<Bytes>) -> Response {
    answer(code, TEXT, text)
}

pub(super) fn empty(code: StatusCode) -> Response {
    answer(code, HTML, "")
}

pub(super) fn json_answer(value: &Value) -> Response {
    answer(StatusCode::OK, JSON, value.to_string())
}

/// JSON over many lines, as the handlers of whole resources write it.
pub(super) fn indented(value: &Value) -> Response {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    // Writing to memory does not fail.
    let _ = value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter));
    answer(StatusCode::OK, JSON, bytes)
}

/// A method that a resource does not have, with those that it has.
pub(super) fn not_allowed(allowed: &'static str) -> Response {
    let mut response = empty(StatusCode::METHOD_NOT_ALLOWED);
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// A page of nginx.
pub(super) fn nginx(code: StatusCode, title: &str) -> Response {
    let page = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n\
         <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    );
    answer(code, "text/html", page)
}

/// A page of the server below the region's web framework.
pub(super) fn page(code: StatusCode, title: &str, heading: &str, paragraph: &str) -> Response {
    let page = format!(
        "\n<html>\n  <head><title>{title}</title></head>\n  <body>\n    <h1>{heading}</h1>\n    <p>{paragraph}</p>\n  \
         </body>\n</html>\n"
    );
    answer(code, HTML, page)
}

pub(super) fn no_resource() -> Response {
    page(StatusCode::NOT_FOUND, "404 - No Such Resource", "No Such Resource", "Sorry. No luck finding that resource.")
}

pub(super) fn redirect(mut response: Response, to: &str) -> Response {
    if let Ok(to) = to.parse() {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}
