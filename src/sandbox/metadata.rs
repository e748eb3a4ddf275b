//! `/MAAS/metadata/…`: what a node and one that enlists find there (recorded: "metadata: spellings of the URL").

use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::answers::{TEXT, answer, empty, no_resource, not_allowed, page, plain, text};
use super::form::{Form, pairs};
use super::http::Incoming;
use super::node::NodeStatus;
use super::oauth::{Speaker, Token};
use super::routes::authorize;
use super::state::Region;
use super::{archive, signal, webhook};
use crate::event::{Event, EventType};

const PROCESSING_FAILED: &str =
    "<html><head><title>Processing Failed</title></head><body><b>Processing Failed</b></body></html>";
const VERSIONS: [&str; 2] = ["2012-03-01", "latest"];
const NO_MODEL: &str = "'MAASScriptsHandler' object has no attribute 'model'";

pub(super) async fn serve(region: &Region, incoming: &Incoming, rest: &str) -> Response {
    if rest == "status" || rest.starts_with("status/") {
        return status(region, incoming).await;
    }
    if let Some(rest) = rest.strip_prefix("enlist/") {
        return if incoming.method == Method::GET { for_strangers(rest) } else { not_allowed("GET") };
    }
    let rest = rest.strip_prefix("curtin/").unwrap_or(rest);
    let Some((version, page)) = rest.split_once('/') else {
        // Versions are listed, whatever stands there.
        return match (&incoming.method, authorize(region, &incoming.headers)) {
            (&Method::GET, Err(response)) => *response,
            (&Method::GET, Ok(Speaker::Anonymous)) => plain(StatusCode::UNAUTHORIZED, "Forbidden"),
            (&Method::GET, Ok(_)) => plain(StatusCode::OK, "2012-03-01\nlatest"),
            _ => not_allowed("GET"),
        };
    };
    if page.starts_with("maas-scripts") {
        return match incoming.method {
            Method::GET => scripts(region, &incoming.headers),
            Method::POST | Method::PUT | Method::DELETE => text(StatusCode::INTERNAL_SERVER_ERROR, NO_MODEL),
            _ => not_allowed("GET, PUT, DELETE, POST"),
        };
    }
    match incoming.method {
        Method::GET => get(region, incoming, version, page),
        Method::POST => post(region, incoming, page),
        _ => not_allowed("GET, POST"),
    }
}

fn get(region: &Region, incoming: &Incoming, version: &str, page: &str) -> Response {
    let op = pairs(incoming.uri.query().unwrap_or_default()).into_iter().find(|(key, _)| key == "op");
    match (op.as_ref().map(|(_, value)| value.as_str()), page.strip_prefix("by-id/")) {
        (Some("get_preseed"), Some(id)) => return preseed(region, incoming, id.trim_end_matches('/')),
        (Some("get_enlist_preseed"), _) => {
            let config =
                format!("#cloud-config\ndatasource:\n  MAAS:\n    metadata_url: {}metadata/enlist\n", base(incoming));
            return answer(StatusCode::OK, "text/plain", config);
        }
        _ => {}
    }
    let speaker = match authorize(region, &incoming.headers) {
        Err(response) => return *response,
        Ok(speaker) => speaker,
    };
    if speaker == Speaker::Anonymous {
        return for_strangers(&format!("{version}/{page}"));
    }
    if !VERSIONS.contains(&version) {
        return text(StatusCode::NOT_FOUND, format!("Unknown metadata version: {version}"));
    }
    if page.starts_with("maas-commissioning-scripts") {
        return answer(StatusCode::OK, "application/tar", archive::commissioning(region));
    }
    let mut state = region.lock();
    match (page, page.strip_prefix("meta-data/")) {
        (_, Some("")) => plain(StatusCode::OK, "instance-id\nlocal-hostname\nvendor-data\nx509"),
        (_, Some("instance-id")) => answer(StatusCode::OK, "text/plain", state.node.system_id.clone()),
        (_, Some("local-hostname")) => answer(StatusCode::OK, "text/plain", format!("{}.maas", state.node.hostname)),
        (_, Some("vendor-data" | "x509")) => plain(StatusCode::OK, ""),
        (_, Some(other)) => text(StatusCode::NOT_FOUND, format!("Unknown metadata attribute: {other}")),
        ("user-data", _) => {
            if state.node.status == NodeStatus::Commissioning {
                state.log_event(Event::new(EventType::GATHERING_INFO, ""));
            }
            answer(StatusCode::OK, "application/octet-stream", "#cloud-config\n")
        }
        _ => plain(StatusCode::OK, "maas-commissioning-scripts\nmeta-data\nuser-data"),
    }
}

/// The page for somebody without credentials; `rest` is the path behind the place for them.
fn for_strangers(rest: &str) -> Response {
    let page = rest.split_once('/').map_or("", |(_, page)| page);
    match (page, page.strip_prefix("meta-data/")) {
        (_, Some("")) => plain(StatusCode::OK, "instance-id\nlocal-hostname"),
        (_, Some("instance-id")) => plain(StatusCode::OK, "i-maas-enlistment"),
        (_, Some("local-hostname")) => plain(StatusCode::OK, "maas-enlisting-node"),
        (_, Some(other)) => text(StatusCode::NOT_FOUND, format!("Unknown metadata attribute: {other}")),
        ("user-data", _) => plain(StatusCode::OK, "#cloud-config\n"),
        _ => plain(StatusCode::OK, "meta-data\nuser-data"),
    }
}

fn post(region: &Region, incoming: &Incoming, page: &str) -> Response {
    let is_signal = !page.starts_with("by-mac/");
    if let Some(kind) = super::form::kind_in_capitals(&incoming.headers) {
        return text(StatusCode::INTERNAL_SERVER_ERROR, format!("Invalid Content-Type: {kind}"));
    }
    let form = Form::read(&incoming.uri, &incoming.headers, &incoming.body);
    let op = form.get("op").filter(|_| is_signal);
    if op != Some("signal") {
        let told = format!("Unrecognised signature: method=POST op={}", op.unwrap_or("None"));
        return text(StatusCode::BAD_REQUEST, told);
    }
    match authorize(region, &incoming.headers) {
        Err(response) => return *response,
        Ok(Speaker::Node) => {}
        Ok(Speaker::Admin) => return text(StatusCode::FORBIDDEN, "Not authenticated as a known node."),
        Ok(Speaker::Anonymous) => return plain(StatusCode::UNAUTHORIZED, "Forbidden"),
    }
    let (code, told) = signal::take(region, form);
    let kind = match code {
        StatusCode::OK => "text/plain",
        // Django tells of a value that does not fit in JSON.
        _ if told.starts_with("{\"") => "application/json",
        _ => TEXT,
    };
    answer(code, kind, told)
}

fn base(incoming: &Incoming) -> String {
    let host = incoming.headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    format!("http://{host}/MAAS/")
}

/// `GET /MAAS/metadata/latest/by-id/{system_id}/?op=get_preseed`: anybody gets the credentials of a machine that enlists. One that is to run
/// something, and whose former token is void, gets new ones: it boots.
fn preseed(region: &Region, incoming: &Incoming, system_id: &str) -> Response {
    let mut state = region.lock();
    if state.node.awaits_enlistment || state.node.system_id != system_id {
        return plain(StatusCode::NOT_FOUND, "No Node matches the given query.");
    }
    let is_to_run = matches!(state.node.status, NodeStatus::Commissioning | NodeStatus::Testing);
    if is_to_run && !state.node.token_is_valid {
        state.node.token = Token::random();
        state.node.token_is_valid = true;
    }
    answer(StatusCode::OK, "text/plain", state.node_config(&base(incoming)))
}

fn scripts(region: &Region, headers: &HeaderMap) -> Response {
    let archive = match authorize(region, headers) {
        Err(response) => return *response,
        Ok(Speaker::Admin) => return text(StatusCode::FORBIDDEN, "Not authenticated as a known node."),
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
    let path = incoming.uri.path();
    match incoming.method {
        Method::POST => {}
        // Recorded of a deployed node, and 405 of one in commissioning; nothing else tells the two requests apart.
        Method::GET if region.lock().node.status == NodeStatus::Deployed => return no_resource(),
        Method::GET => {
            let told = format!(
                "Your browser approached me (at {path}) with the method \"GET\".  I only allow the method HEAD here."
            );
            let mut response =
                page(StatusCode::METHOD_NOT_ALLOWED, "405 - Method Not Allowed", "Method Not Allowed", &told);
            response.headers_mut().insert(axum::http::header::ALLOW, axum::http::HeaderValue::from_static("HEAD"));
            return response;
        }
        Method::HEAD => return answer(StatusCode::INTERNAL_SERVER_ERROR, "text/html", ""),
        _ => {
            let told = format!("I don't know how to treat a {} request.", incoming.method);
            return page(StatusCode::NOT_IMPLEMENTED, "501 - Huh?", "Huh?", &told);
        }
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
