//! Routes, and what stands before all of them: size limit, faults, the request log.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONNECTION, DATE, LOCATION, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Router, handler::Handler};
use futures_util::StreamExt as _;
use serde_json::json;

use super::answers::{HTML, NGINX_TOO_LARGE, TEXT, answer, nginx};
use super::faults::{Action, strike};
use super::listener::{CuttableListener, Scissors};
use super::routes::route;
use super::state::Region;

pub(super) async fn serve(listener: CuttableListener, region: Arc<Region>) {
    let service = Router::new().fallback_service(gate.with_state(region));
    let service = service.into_make_service_with_connect_info::<Scissors>();
    if let Err(error) = axum::serve(listener, service).await {
        tracing::error!(%error, "the sandbox region stopped listening");
    }
}

/// A request that was read to its end.
pub(super) struct Incoming {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Every request passes here.
async fn gate(
    State(region): State<Arc<Region>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let largest = region.largest_body();
    // Without the proxy nobody puts chunks together.
    let is_in_chunks = largest.is_none() && parts.headers.contains_key(TRANSFER_ENCODING);
    let body = match read(body, largest.unwrap_or(usize::MAX)).await {
        Read::BrokenOff => {
            // As behind nginx: half a request never reaches the region.
            scissors.cut_after(0);
            return StatusCode::BAD_REQUEST.into_response();
        }
        Read::Whole(_) if is_in_chunks => Ok(Vec::new()),
        Read::Whole(bytes) => Ok(bytes),
        Read::TooLarge(size) => Err(size),
    };
    let incoming = Incoming {
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        body: body.clone().unwrap_or_default(),
    };
    let action = strike(&mut region.lock().faults, incoming.method.as_str(), incoming.uri.path(), &incoming.body);
    let (method, path) = (incoming.method.clone(), incoming.uri.to_string());
    let size = body.as_ref().map_or_else(|size| *size, Vec::len);
    let mut response = respond(&region, incoming, action.as_ref(), body.is_err()).await;
    match action {
        Some(Action::Delay(delay)) => tokio::time::sleep(delay).await,
        Some(Action::DropBefore | Action::DropAfter) => scissors.cut_after(0),
        Some(Action::Half(bytes)) => scissors.cut_after(bytes),
        _ => {}
    }
    if let Ok(date) = http_date(region.now()).parse() {
        response.headers_mut().insert(DATE, date);
    }
    log(&region, &method, &path, size, response.status(), began);
    response
}

/// The answer, or what a fault puts in its place.
async fn respond(region: &Region, incoming: Incoming, action: Option<&Action>, is_too_large: bool) -> Response {
    match action {
        Some(Action::DropBefore) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Action::Answer(code, text)) => {
            let code = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            answer(code, TEXT, text.clone())
        }
        Some(Action::Respond(code, headers, body)) => {
            let code = StatusCode::from_u16(*code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let mut response = (code, body.clone()).into_response();
            for (name, value) in headers {
                if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Some(Action::Redirect(address)) => {
            (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, address.clone())]).into_response()
        }
        Some(Action::Page(page)) => answer(StatusCode::OK, HTML, page.clone()),
        _ if is_too_large || matches!(action, Some(Action::Limit(_))) => {
            let mut response = nginx(StatusCode::PAYLOAD_TOO_LARGE, NGINX_TOO_LARGE);
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
        _ => route(region, incoming).await,
    }
}

/// A body that was read.
enum Read {
    Whole(Vec<u8>),
    TooLarge(usize),
    BrokenOff,
}

/// Reads a body to its end, also one that is too large, as nginx lingers, so that the client gets to see the answer.
async fn read(body: Body, largest: usize) -> Read {
    let mut bytes = Vec::new();
    let mut size = 0;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let Ok(chunk) = chunk else { return Read::BrokenOff };
        size += chunk.len();
        if size <= largest {
            bytes.extend_from_slice(&chunk);
        } else {
            bytes = Vec::new();
        }
    }
    if size > largest { Read::TooLarge(size) } else { Read::Whole(bytes) }
}

fn http_date(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|time| time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default()
}

fn log(region: &Region, method: &Method, path: &str, bytes: usize, code: StatusCode, began: Instant) {
    let line = json!({
        "method": method.as_str(),
        "path": path,
        "bytes": bytes,
        "answer": code.as_u16(),
        "milliseconds": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    let mut state = region.lock();
    if let Some(file) = &mut state.log
        && let Err(error) = writeln!(file, "{line}")
    {
        tracing::warn!(%error, "the request log cannot be written");
    }
    state.requests.push(line);
}
