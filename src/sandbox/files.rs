//! `/MAAS/api/2.0/files/`: what administrators keep in a region (recorded: "files API"). The same name keeps its key with new content, and
//! whoever knows the key gets it.

use axum::http::{Method, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use serde_json::{Value, json};

use super::answers::{HTML, answer, empty, indented, not_allowed, plain, text};
use super::form::Form;
use super::oauth::{Speaker, word};
use super::routes::admins_only;
use super::state::{Region, State};

/// A file.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    name: String,
    key: String,
    content: Vec<u8>,
}

impl Stored {
    fn address(&self) -> String {
        format!("/MAAS/api/2.0/files/?op=get_by_key&key={}", self.key)
    }

    fn in_full(&self) -> Value {
        json!({
            "filename": self.name,
            "anon_resource_uri": self.address(),
            "content": base64::engine::general_purpose::STANDARD.encode(&self.content),
            "resource_uri": format!("/MAAS/api/2.0/files/{}/", self.name),
        })
    }

    fn in_a_list(&self) -> Value {
        json!({"filename": self.name, "anon_resource_uri": self.address(), "resource_uri": ["file_handler", [self.name]]})
    }
}

/// Answers for the collection and for one file; `page` begins with `files/`.
pub(super) fn serve(region: &Region, method: &Method, speaker: Speaker, page: &str, form: &Form) -> Response {
    let mut state = region.lock();
    let name = page.trim_start_matches("files/").trim_end_matches('/');
    if speaker == Speaker::Anonymous && name.is_empty() && *method == Method::GET {
        return match form.get("op") {
            Some("get_by_key") => by_key(&state, form),
            op => unknown(method, op),
        };
    }
    if let Some(response) = admins_only(speaker) {
        return response;
    }
    match (method, name, form.get("op")) {
        (&Method::GET, "", Some("get_by_key")) => by_key(&state, form),
        (&Method::GET, "", Some("get")) => match state.file(form.get("filename").unwrap_or_default()) {
            Some(file) => answer(StatusCode::OK, HTML, file.content.clone()),
            None => text(StatusCode::NOT_FOUND, "File not found"),
        },
        (&Method::GET, "", None) => {
            let prefix = form.get("prefix").unwrap_or_default();
            let listed = state.files.iter().filter(|file| file.name.starts_with(prefix)).map(Stored::in_a_list);
            indented(&listed.collect())
        }
        (&Method::POST, "", None) => state.upload(form),
        (&Method::DELETE, "", _) => state.delete(form.get("filename").unwrap_or_default()),
        (_, "", op) => unknown(method, op),
        (&Method::GET, name, _) => state
            .file(name)
            .map_or_else(|| answer(StatusCode::NOT_FOUND, HTML, "Not Found"), |file| indented(&file.in_full())),
        (&Method::DELETE, name, _) => state.delete(name),
        _ => not_allowed("GET, DELETE"),
    }
}

fn unknown(method: &Method, op: Option<&str>) -> Response {
    text(StatusCode::BAD_REQUEST, format!("Unrecognised signature: method={method} op={}", op.unwrap_or("None")))
}

fn by_key(state: &State, form: &Form) -> Response {
    let Some(key) = form.get("key") else { return text(StatusCode::BAD_REQUEST, "No provided key!") };
    match state.files.iter().find(|file| file.key == key) {
        Some(file) => answer(StatusCode::OK, HTML, file.content.clone()),
        None => plain(StatusCode::NOT_FOUND, "No FileStorage matches the given query."),
    }
}

impl State {
    fn file(&self, name: &str) -> Option<&Stored> {
        self.files.iter().find(|file| file.name == name)
    }

    fn upload(&mut self, form: &Form) -> Response {
        let bad = |told: &'static str| text(StatusCode::BAD_REQUEST, told);
        let Some(name) = form.get("filename") else { return bad("Filename not supplied") };
        match form.files.len() {
            0 => return bad("File not supplied"),
            1 => {}
            _ => return bad("Exactly one file must be supplied"),
        }
        let Some((_, content)) = form.files.iter().find(|(part, _)| part == "file") else {
            return text(StatusCode::INTERNAL_SERVER_ERROR, "'file'");
        };
        let content = content.clone();
        if let Some(file) = self.files.iter_mut().find(|file| file.name == name) {
            file.content = content;
        } else {
            let key = [8, 4, 4, 4, 12].map(word).join("-");
            self.files.push(Stored { name: name.to_owned(), key, content });
        }
        empty(StatusCode::CREATED)
    }

    fn delete(&mut self, name: &str) -> Response {
        let before = self.files.len();
        self.files.retain(|file| file.name != name);
        if self.files.len() == before {
            return plain(StatusCode::NOT_FOUND, "No FileStorage matches the given query.");
        }
        plain(StatusCode::NO_CONTENT, "")
    }
}
