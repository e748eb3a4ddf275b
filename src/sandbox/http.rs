//! Routes, and what stands before all of them: size limit, faults, the request log.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, DATE, HOST, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Router, handler::Handler};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::faults::{Action, strike};
use super::form::{self, Form, pairs};
use super::listener::{CuttableListener, Scissors};
use super::node::NodeStatus;
use super::oauth::{Speaker, check};
use super::state::Region;
use super::{api, archive, machines, registration, signal, webhook};
use crate::event::{EventQuery, QueryError};

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const TOO_LARGE: &str = "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n<center><h1>413 \
                         Request Entity Too Large</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

const PROCESSING_FAILED: &str =
    "<html><head><title>Processing Failed</title></head><body><b>Processing Failed</b></body></html>";
const NO_RESOURCE: &str = "\n<html>\n  <head><title>404 - No Such Resource</title></head>\n  <body>\n    <h1>No Such Resource</h1>\n    \
                           <p>Sorry. No luck finding that resource.</p>\n  </body>\n</html>\n";

pub(super) async fn serve(listener: CuttableListener, region: Arc<Region>) {
    let service = Router::new().fallback_service(gate.with_state(region));
    let service = service.into_make_service_with_connect_info::<Scissors>();
    if let Err(error) = axum::serve(listener, service).await {
        tracing::error!(%error, "the sandbox region stopped listening");
    }
}

struct Incoming {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Every request passes here.
async fn gate(
    State(region): State<Arc<Region>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let body = match read(body, region.largest_body).await {
        Read::BrokenOff => {
            // As behind nginx: half a request never reaches the region.
            scissors.cut_after(0);
            return StatusCode::BAD_REQUEST.into_response();
        }
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
            let mut response = answer(StatusCode::PAYLOAD_TOO_LARGE, "text/html", TOO_LARGE);
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

async fn route(region: &Region, incoming: Incoming) -> Response {
    if !form::is_readable(&incoming.headers, &incoming.body) {
        // As seen on a region of compressed bodies, and of those with another boundary than their header names.
        return StatusCode::BAD_REQUEST.into_response();
    }
    let path = incoming.uri.path().to_owned();
    let Some(rest) = path.strip_prefix("/MAAS/") else { return not_found() };
    if let Some(rest) = rest.strip_prefix("metadata/") {
        return match rest.split_once('/') {
            Some(("status", _)) => status(region, &incoming).await,
            Some((_version, page)) => metadata(region, incoming, page).await,
            None if incoming.method == Method::GET => plain(StatusCode::OK, "2012-03-01\nlatest"),
            None => empty(StatusCode::METHOD_NOT_ALLOWED),
        };
    }
    if rest == "api/2.0/version/" {
        return json_answer(&api::version(region.lock().version));
    }
    if rest == "api/2.0/machines/" {
        return all_machines(region, incoming).await;
    }
    if let Some(rest) = rest.strip_prefix("api/2.0/") {
        return resource(region, &incoming, rest);
    }
    not_found()
}

/// The collection of machines, which also those without credentials may ask and add to.
async fn all_machines(region: &Region, incoming: Incoming) -> Response {
    let speaker = match authorize(region, &incoming.headers) {
        Err(response) => return *response,
        Ok(speaker) => speaker,
    };
    let Incoming { method, uri, headers, body } = incoming;
    let form = Form::read(&uri, &headers, body).await;
    match (method, form.get("op"), form.get("mac_address")) {
        (Method::GET, Some("is_registered"), Some(mac)) => {
            json_answer(&machines::is_registered(&region.lock(), mac).into())
        }
        (Method::GET, Some("is_registered"), None) => answer(StatusCode::BAD_REQUEST, TEXT, "No provided mac_address!"),
        (Method::POST, None, _) => {
            let is_registration = speaker == Speaker::Admin && form.get("deployed") == Some("true");
            let create = if is_registration { registration::register } else { machines::create };
            let created = create(region, &form);
            let status = created.status();
            match created {
                machines::Answer::Machine(value) => json_answer(&value),
                machines::Answer::Refused(json) => answer(status, JSON, json),
                machines::Answer::Broken(text) => answer(status, TEXT, text),
            }
        }
        (method, op, _) => {
            let text = format!("Unrecognised signature: method={method} op={}", op.unwrap_or("None"));
            answer(StatusCode::BAD_REQUEST, TEXT, text)
        }
    }
}

/// `GET /MAAS/metadata/latest/by-id/{system_id}/?op=get_preseed`: anybody gets the credentials of a machine that enlists.
fn preseed(region: &Region, incoming: &Incoming, system_id: &str) -> Response {
    let state = region.lock();
    if state.node.awaits_enlistment || state.node.system_id != system_id {
        return plain(StatusCode::NOT_FOUND, "No Node matches the given query.");
    }
    let host = incoming.headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    answer(StatusCode::OK, "text/plain", state.node_config(&format!("http://{host}/MAAS/")))
}

async fn metadata(region: &Region, incoming: Incoming, page: &str) -> Response {
    match (&incoming.method, page) {
        (&Method::GET, "maas-scripts" | "maas-scripts/") => scripts(region, &incoming.headers),
        (&Method::GET, page) if is_preseed(&incoming.uri) && page.starts_with("by-id/") => {
            preseed(region, &incoming, page.trim_start_matches("by-id/").trim_end_matches('/'))
        }
        (&Method::GET, _) => match authorize(region, &incoming.headers) {
            Err(response) => *response,
            Ok(_) => plain(StatusCode::OK, "maas-commissioning-scripts\nmeta-data\nuser-data"),
        },
        (&Method::POST, "") => {
            let form = Form::read(&incoming.uri, &incoming.headers, incoming.body).await;
            let op = form.get("op");
            if op != Some("signal") {
                let text = format!("Unrecognised signature: method=POST op={}", op.unwrap_or("None"));
                return answer(StatusCode::BAD_REQUEST, TEXT, text);
            }
            if let Err(response) = node_only(region, &incoming.headers) {
                return *response;
            }
            let (code, text) = signal::take(region, form);
            let kind = match code {
                StatusCode::OK => "text/plain",
                // Django tells of a value that does not fit in JSON.
                _ if text.starts_with("{\"") => "application/json",
                _ => TEXT,
            };
            answer(code, kind, text)
        }
        _ => empty(StatusCode::METHOD_NOT_ALLOWED),
    }
}

fn is_preseed(uri: &Uri) -> bool {
    pairs(uri.query().unwrap_or_default()).iter().any(|(key, value)| key == "op" && value == "get_preseed")
}

fn scripts(region: &Region, headers: &HeaderMap) -> Response {
    let archive = match authorize(region, headers) {
        Err(response) => return *response,
        Ok(Speaker::Admin) => return answer(StatusCode::FORBIDDEN, TEXT, "Not authenticated as a known node."),
        Ok(Speaker::Anonymous) => Some(archive::for_strangers(region)),
        Ok(Speaker::Node) => archive::for_node(region),
    };
    match archive {
        Some(bytes) => answer(StatusCode::OK, "application/x-tar", bytes),
        None => empty(StatusCode::NO_CONTENT),
    }
}

/// Credentials are looked at only later, so any OAuth header is taken; once the token is deleted, nothing comes of the event.
async fn status(region: &Region, incoming: &Incoming) -> Response {
    if incoming.method == Method::GET && region.lock().node.status == NodeStatus::Deployed {
        // Recorded of a deployed node, and 405 of one in commissioning; nothing else tells the two requests apart.
        return not_found();
    }
    if incoming.method != Method::POST {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    let is_signed = incoming.headers.get(AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"OAuth "));
    if !is_signed {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match webhook::take(region, &incoming.body) {
        webhook::Answer::Queued => StatusCode::NO_CONTENT.into_response(),
        webhook::Answer::Refused(text) => answer(StatusCode::BAD_REQUEST, "text/html", text),
        webhook::Answer::Broken => answer(StatusCode::INTERNAL_SERVER_ERROR, "text/html", PROCESSING_FAILED),
        webhook::Answer::Never => std::future::pending().await,
    }
}

fn resource(region: &Region, incoming: &Incoming, path: &str) -> Response {
    let speaker = match authorize(region, &incoming.headers) {
        Err(response) => return *response,
        Ok(Speaker::Anonymous) => return plain(StatusCode::UNAUTHORIZED, "Forbidden"),
        Ok(speaker) => speaker,
    };
    if incoming.method != Method::GET {
        return empty(StatusCode::METHOD_NOT_ALLOWED);
    }
    let pairs = pairs(incoming.uri.query().unwrap_or_default());
    let state = region.lock();
    let op = pairs.iter().find(|(key, _)| key == "op").map(|(_, value)| value.as_str());
    let own = |kind: &str, rest: &str| path == format!("{kind}/{}/{rest}", state.node.system_id);
    if path == "events/" {
        if op != Some("query") {
            let text = format!("Unrecognised signature: method=GET op={}", op.unwrap_or("None"));
            return answer(StatusCode::BAD_REQUEST, TEXT, text);
        }
        return match EventQuery::parse(&pairs) {
            Ok(query) => json_answer(&query.answer(&query.page(state.events_at(&query)))),
            Err(error @ QueryError::Refused(_)) => answer(StatusCode::BAD_REQUEST, TEXT, error.to_string()),
            Err(error @ QueryError::Broken(_)) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, error.to_string()),
        };
    }
    if let (Some("get_token"), Some(id)) = (op, path.strip_prefix("machines/").and_then(|rest| rest.strip_suffix('/')))
    {
        return match registration::token(&state, id) {
            _ if speaker != Speaker::Admin => plain(StatusCode::FORBIDDEN, "Forbidden"),
            Some(token) => json_answer(&token),
            None => plain(StatusCode::NOT_FOUND, "No Machine matches the given query."),
        };
    }
    let value = if own("machines", "") || own("nodes", "") {
        api::machine(&state)
    } else if own("nodes", "results/") {
        let wanted =
            pairs.iter().any(|(key, value)| key == "include_output" && !matches!(value.as_str(), "" | "false" | "0"));
        api::results(&state, wanted)
    } else {
        return not_found();
    };
    json_answer(&value)
}

fn json_answer(value: &Value) -> Response {
    answer(StatusCode::OK, JSON, value.to_string())
}

/// Who speaks, or the 401.
fn authorize(region: &Region, headers: &HeaderMap) -> Result<Speaker, Box<Response>> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let now = region.now();
    check(header, &mut region.lock(), now)
        .map_err(|text| Box::new(answer(StatusCode::UNAUTHORIZED, HTML, format!("Authorization Error: {text}"))))
}

fn node_only(region: &Region, headers: &HeaderMap) -> Result<(), Box<Response>> {
    match authorize(region, headers)? {
        Speaker::Node => Ok(()),
        Speaker::Admin => Err(Box::new(answer(StatusCode::FORBIDDEN, TEXT, "Not authenticated as a known node."))),
        Speaker::Anonymous => Err(Box::new(plain(StatusCode::UNAUTHORIZED, "Forbidden"))),
    }
}

fn answer(code: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response {
    (code, [(CONTENT_TYPE, kind)], body.into()).into_response()
}

fn plain(code: StatusCode, text: &'static str) -> Response {
    answer(code, "text/plain", text)
}

fn empty(code: StatusCode) -> Response {
    answer(code, HTML, "")
}

fn not_found() -> Response {
    answer(StatusCode::NOT_FOUND, HTML, NO_RESOURCE)
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
