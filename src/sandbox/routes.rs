//! Which address leads where, in all spellings that a region takes (recorded: "spellings of the URL").

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answers::{
    JSON, answer, empty, indented, json_answer, nginx, no_resource, not_allowed, plain, redirect, text,
};
use super::form::{self, Form, pairs};
use super::http::Incoming;
use super::machines;
use super::metadata;
use super::oauth::{Speaker, check};
use super::state::Region;
use super::{api, files, fleet, registration, results, scripts, testing};
use crate::event::{EventQuery, QueryError};

pub(super) async fn route(region: &Region, incoming: Incoming) -> Response {
    let path = plain_path(incoming.uri.path());
    if !form::is_readable(&incoming.headers, &incoming.body) && !path.starts_with("/MAAS/metadata/status") {
        // As seen on a region of compressed bodies, and of those with another boundary than their header names.
        return StatusCode::BAD_REQUEST.into_response();
    }
    if ["/", "/MAAS", "/MAAS/"].contains(&path.as_str()) {
        return redirect(nginx(StatusCode::MOVED_PERMANENTLY, "301 Moved Permanently"), "/MAAS/r/");
    }
    let Some(rest) = path.strip_prefix("/MAAS/") else {
        return nginx(StatusCode::NOT_FOUND, "404 Not Found");
    };
    let rest = rest.to_owned();
    match rest.as_str() {
        "metadata" => return no_resource(),
        "maas-run-scripts" => {
            let program = "#!/usr/bin/env python3\nraise SystemExit('a sandbox has no program of its own')\n";
            return answer(StatusCode::OK, "text/x-python", program);
        }
        "rpc/" => return answer(StatusCode::OK, "application/json", "{\"eventloops\": {}}"),
        _ => {}
    }
    if let Some(page) = rest.strip_prefix("metadata/") {
        return metadata::serve(region, &incoming, page).await;
    }
    if let Some(page) = rest.strip_prefix("api/2.0/") {
        return resource(region, &incoming, page);
    }
    if rest.starts_with("api/1.0/") {
        return plain(StatusCode::GONE, "The 1.0 API is no longer available. Please use API version 2.0.");
    }
    if rest.starts_with("a/") {
        return nginx(StatusCode::BAD_GATEWAY, "502 Bad Gateway");
    }
    if rest.starts_with("maas-run-scripts/") {
        let page = "\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Not Found</title>\n</head>\n<body>\n  <h1>Not Found</h1>\
                    <p>The requested resource was not found on this server.</p>\n</body>\n</html>\n";
        return answer(StatusCode::NOT_FOUND, super::answers::HTML, page);
    }
    // Whatever else there may be is for people, who sign in first.
    let mut next = String::new();
    for byte in incoming.uri.path().bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => next.push(char::from(byte)),
            _ => next.push_str(&format!("%{byte:02X}")),
        }
    }
    redirect(empty(StatusCode::FOUND), &format!("/MAAS/?next={next}"))
}

/// Without percent signs and without slashes that stand twice.
fn plain_path(path: &str) -> String {
    let mut plain = String::new();
    let bytes = path.as_bytes();
    let (mut decoded, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| path.get(at + 1..at + 3)).flatten();
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    for c in String::from_utf8_lossy(&decoded).chars() {
        if !(c == '/' && plain.ends_with('/')) {
            plain.push(c);
        }
    }
    plain
}

fn unknown(path: &str) -> Response {
    text(StatusCode::NOT_FOUND, format!("Unknown API endpoint: {path}."))
}

/// `/MAAS/api/2.0/…`
fn resource(region: &Region, incoming: &Incoming, page: &str) -> Response {
    let path = plain_path(incoming.uri.path());
    match page {
        "version/" => return json_answer(&api::version(region.lock().version)),
        "describe/" => {
            let value = json!({"doc": "MAAS API", "handlers": [], "resources": []});
            return answer(StatusCode::OK, "application/json", value.to_string());
        }
        "machines/" => return all_machines(region, incoming),
        _ => {}
    }
    let kind = page.split('/').next().unwrap_or_default();
    let is_known = ["files", "scripts", "machines", "nodes", "events", "users", "maas"].contains(&kind);
    // Scripts alone have addresses without a slash at their end.
    let is_script = kind == "scripts" && page != "scripts/" && page != "scripts";
    if !is_known || is_script == page.ends_with('/') {
        return unknown(&path);
    }
    let speaker = match authorize(region, &incoming.headers) {
        Err(response) => return *response,
        Ok(speaker) => speaker,
    };
    if kind == "files" {
        let form = Form::read(&incoming.uri, &incoming.headers, &incoming.body);
        return files::serve(region, &incoming.method, speaker, page, &form);
    }
    if let Some(response) = admins_only(speaker) {
        return response;
    }
    if kind == "scripts" {
        let form = Form::read(&incoming.uri, &incoming.headers, &incoming.body);
        let form = form.or_json(&incoming.headers, &incoming.body);
        return scripts::serve(region, &incoming.method, page.trim_start_matches("scripts/"), &form);
    }
    if kind == "machines" && incoming.method == Method::POST {
        let form = Form::read(&incoming.uri, &incoming.headers, &incoming.body);
        return testing::serve(region, page.trim_start_matches("machines/").trim_end_matches('/'), &form);
    }
    if incoming.method == Method::POST && kind == "events" {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if incoming.method != Method::GET {
        return not_allowed("GET");
    }
    shown(region, incoming, page)
}

/// Pages for administrators alone; the answer to others.
pub(super) fn admins_only(speaker: Speaker) -> Option<Response> {
    match speaker {
        Speaker::Admin => None,
        Speaker::Anonymous => Some(plain(StatusCode::UNAUTHORIZED, "Forbidden")),
        Speaker::Node => Some(text(StatusCode::FORBIDDEN, "User is not allowed access to this API.")),
    }
}

fn shown(region: &Region, incoming: &Incoming, page: &str) -> Response {
    let pairs = pairs(incoming.uri.query().unwrap_or_default());
    let state = region.lock();
    let op = pairs.iter().rfind(|(key, _)| key == "op").map(|(_, value)| value.as_str());
    let own = |kind: &str, rest: &str| page == format!("{kind}/{}/{rest}", state.node.system_id);
    let signature =
        || text(StatusCode::BAD_REQUEST, format!("Unrecognised signature: method=GET op={}", op.unwrap_or("None")));
    match (page, op) {
        ("events/", Some("query")) => {
            return match EventQuery::parse(&pairs) {
                Ok(query) => json_answer(&query.answer(&query.page(state.events_at(&query)))),
                Err(error @ QueryError::Refused(_)) => text(StatusCode::BAD_REQUEST, error.to_string()),
                Err(error @ QueryError::Broken(_)) => text(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
            };
        }
        ("users/", Some("whoami")) => {
            return indented(
                &json!({"is_superuser": true, "username": "admin", "email": "admin@localhost", "is_local": true,
                "resource_uri": "/MAAS/api/2.0/users/admin/"}),
            );
        }
        ("maas/", Some("get_config")) => return answer(StatusCode::OK, "application/json", "\"sandbox\""),
        ("events/" | "users/" | "maas/", _) => return signature(),
        _ => {}
    }
    let machine = page.strip_prefix("machines/").and_then(|rest| rest.strip_suffix('/'));
    if let (Some("get_token"), Some(id)) = (op, machine) {
        return match registration::token(&state, id) {
            Some(token) => json_answer(&token),
            None => plain(StatusCode::NOT_FOUND, "No Machine matches the given query."),
        };
    }
    if own("machines", "") || own("nodes", "") {
        json_answer(&api::machine(&state))
    } else if let Some(value) = results::shown(&state, page, &pairs) {
        json_answer(&value)
    } else if machine.is_some() {
        plain(StatusCode::NOT_FOUND, "No Machine matches the given query.")
    } else {
        unknown(&plain_path(incoming.uri.path()))
    }
}

/// The collection of machines, which also those without credentials may ask and add to.
fn all_machines(region: &Region, incoming: &Incoming) -> Response {
    let speaker = match authorize(region, &incoming.headers) {
        Err(response) => return *response,
        Ok(speaker) => speaker,
    };
    let form = Form::read(&incoming.uri, &incoming.headers, &incoming.body);
    if speaker == Speaker::Node {
        return text(StatusCode::FORBIDDEN, "User is not allowed access to this API.");
    }
    match (&incoming.method, form.get("op"), form.get("mac_address")) {
        (&Method::GET, Some("is_registered"), Some(mac)) => {
            json_answer(&fleet::is_registered(&region.lock(), mac, speaker).into())
        }
        (&Method::GET, Some("is_registered"), None) => text(StatusCode::BAD_REQUEST, "No provided mac_address!"),
        (&Method::GET, None, _) if speaker == Speaker::Admin => fleet::list(&region.lock(), &form),
        (&Method::POST, None, _) => {
            let created = fleet::create(region, &form, speaker);
            let status = created.status();
            match created {
                machines::Answer::Machine(value) => json_answer(&value),
                machines::Answer::Refused(json) => answer(status, JSON, json),
                machines::Answer::Told(_, told) => text(status, told),
                machines::Answer::Conflict => answer(status, super::answers::HTML, fleet::CONFLICT),
            }
        }
        (method, op, _) => {
            let told = format!("Unrecognised signature: method={method} op={}", op.unwrap_or("None"));
            text(StatusCode::BAD_REQUEST, told)
        }
    }
}

/// Who speaks, or the 401.
pub(super) fn authorize(region: &Region, headers: &HeaderMap) -> Result<Speaker, Box<Response>> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let now = region.now();
    check(header, &mut region.lock(), now).map_err(|text| {
        let told = format!("Authorization Error: {text}");
        Box::new(answer(StatusCode::UNAUTHORIZED, super::answers::HTML, told))
    })
}
