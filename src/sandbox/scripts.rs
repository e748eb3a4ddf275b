//! `/MAAS/api/2.0/scripts/`: uploads, changes, and what the region keeps of them (recorded: "scripts API", "script header").

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use serde_json::{Value, json};

use super::answers::{JSON, answer, json_answer, not_allowed, plain, text};
use super::form::Form;
use super::library::{Library, LibraryScript, Revision};
use super::state::Region;
use crate::script::{HardwareType, Header, Parallel, Refusal, ScriptType, Sheet, Upload, duration};

const TAKEN: &str = "Script with this Name already exists.";

/// Answers for the collection where `name` is empty, else for the script of that name.
pub(super) fn serve(region: &Region, method: &Method, name: &str, form: &Form) -> Response {
    let op = form.get("op");
    if name.is_empty() {
        return match (method, op) {
            (&Method::GET, None) => list(&region.library(), form),
            (&Method::POST, None) => save(region, None, form),
            _ => unknown(method, op),
        };
    }
    let mut library = region.library_to_change();
    let Some(index) = library.scripts.iter().position(|script| script.name == name) else {
        return plain(StatusCode::NOT_FOUND, "No Script matches the given query.");
    };
    let script = &mut library.scripts[index];
    match (method, op) {
        (&Method::GET, None) => json_answer(&shown(script, wants_content(form))),
        (&Method::GET, Some("download")) => script.download(form),
        (&Method::POST, Some("revert")) => script.revert(form),
        (&Method::POST, Some(op @ ("add_tag" | "remove_tag"))) => script.tag(op, form.get("tag").unwrap_or_default()),
        (&Method::PUT, None) => {
            drop(library);
            save(region, Some(name), form)
        }
        (&Method::DELETE, None) if script.is_built_in() => {
            text(StatusCode::BAD_REQUEST, "Unable to delete default script")
        }
        (&Method::DELETE, None) => {
            library.scripts.remove(index);
            plain(StatusCode::NO_CONTENT, "")
        }
        (&Method::GET | &Method::POST, _) => unknown(method, op),
        _ => not_allowed("GET, POST, PUT, DELETE"),
    }
}

fn unknown(method: &Method, op: Option<&str>) -> Response {
    text(StatusCode::BAD_REQUEST, format!("Unrecognised signature: method={method} op={}", op.unwrap_or("None")))
}

fn wants_content(form: &Form) -> bool {
    // Whatever is no word for false is true.
    form.get("include_script").is_some_and(|word| !["", "false", "0"].contains(&word.to_lowercase().as_str()))
}

/// The number of a type, by its word or by itself.
fn number_of(kind: ScriptType) -> u8 {
    match kind {
        ScriptType::Commissioning => 0,
        ScriptType::Testing => 2,
        ScriptType::Release => 3,
        ScriptType::Deployment => 4,
    }
}

/// A word is read as the header's reader reads it.
fn read_word(field: &str, word: &str) -> Option<Header> {
    let script = format!(
        "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# {field}: {word}\n# --- End MAAS 1.0 script metadata ---\n"
    );
    let is_word = word.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !word.is_empty();
    if is_word { Header::parse(script.as_bytes()).ok() } else { None }
}

fn list(library: &Library, form: &Form) -> Response {
    let bad = |told: &'static str| text(StatusCode::BAD_REQUEST, told);
    let kind = match form.get("type").map(|word| read_word("script_type", word)) {
        Some(None) => return bad("Script type must be commissioning, testing, release or deployment"),
        Some(Some(header)) => Some(header.kind),
        None => None,
    };
    let hardware = match form.get("hardware_type").map(|word| read_word("hardware_type", word)) {
        Some(None) => return bad("Hardware type must be node, cpu, memory, storage, or gpu"),
        Some(Some(header)) => Some(header.hardware_type),
        None => None,
    };
    let wanted: Option<Vec<&str>> = form.get("filters").map(|words| words.split(',').collect());
    let fits = |script: &&LibraryScript| {
        let named = |word: &&str| script.name == **word || script.sheet.tags.iter().any(|tag| tag == *word);
        kind.is_none_or(|kind| kind == script.sheet.kind)
            && hardware.is_none_or(|hardware| hardware == script.sheet.hardware_type)
            && wanted.as_ref().is_none_or(|words| words.iter().any(named))
    };
    let mut scripts: Vec<&LibraryScript> = library.scripts.iter().filter(fits).collect();
    scripts.sort_by(|a, b| a.name.cmp(&b.name));
    json_answer(&scripts.into_iter().map(|script| shown(script, wants_content(form))).collect())
}

fn shown(script: &LibraryScript, with_content: bool) -> Value {
    let sheet = &script.sheet;
    let type_name = |kind: ScriptType| {
        let word = kind.folder();
        format!("{}{} script", word[..1].to_uppercase(), &word[1..])
    };
    let hardware = match sheet.hardware_type {
        HardwareType::Cpu => "CPU".to_owned(),
        HardwareType::Gpu => "GPU".to_owned(),
        other => format!("{}{}", other.name()[..1].to_uppercase(), &other.name()[1..]),
    };
    let parallel = match sheet.parallel {
        Parallel::Disabled => "Disabled",
        Parallel::Instance => "Run along other instances of this script",
        Parallel::Any => "Run along any other script",
    };
    let revision = |revision: &Revision| {
        let mut value = json!({"id": revision.id, "comment": revision.comment});
        if with_content {
            value["data"] = base64::engine::general_purpose::STANDARD.encode(&revision.content).into();
        }
        value
    };
    json!({
        "name": sheet.name,
        "title": sheet.title,
        "description": sheet.description,
        "tags": sheet.tags,
        "type": number_of(sheet.kind),
        "type_name": type_name(sheet.kind),
        "hardware_type": sheet.hardware_type.number(),
        "hardware_type_name": hardware,
        "parallel": sheet.parallel.number(),
        "parallel_name": parallel,
        "results": sheet.results,
        "parameters": sheet.parameters,
        "packages": sheet.packages,
        "timeout": duration(sheet.timeout),
        "destructive": sheet.destructive,
        "for_hardware": sheet.for_hardware,
        "may_reboot": sheet.may_reboot,
        "recommission": sheet.recommission,
        "apply_configured_networking": sheet.apply_configured_networking,
        "default": script.is_built_in(),
        "history": script.history.iter().rev().map(revision).collect::<Vec<_>>(),
        "id": script.version_id,
        "resource_uri": format!("/MAAS/api/2.0/scripts/{}", sheet.name),
    })
}

fn refused(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::Form(_) => answer(StatusCode::BAD_REQUEST, JSON, refusal.body()),
        Refusal::Record(..) => answer(StatusCode::BAD_REQUEST, "application/json", refusal.body()),
        Refusal::Broken(told) => text(StatusCode::INTERNAL_SERVER_ERROR, told.clone()),
    }
}

/// A new script, or a new version of one.
fn save(region: &Region, name: Option<&str>, form: &Form) -> Response {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut content: Option<Vec<u8>> = None;
    for (key, value) in &form.fields {
        match key.as_str() {
            "script" => content = Some(value.clone().into_bytes()),
            "type" => fields.push(("script_type".to_owned(), value.clone())),
            _ => fields.push((key.clone(), value.clone())),
        }
    }
    if let Some((part, bytes)) = form.files.first() {
        content = Some(bytes.clone());
        if part != "script" {
            // The part names the script.
            fields.push(("name".to_owned(), part.clone()));
        }
    }
    let version = region.lock().version;
    let mut library = region.library_to_change();
    let index = name.and_then(|name| library.scripts.iter().position(|script| script.name == name));
    let earlier = index.map(|index| library.scripts[index].sheet.clone());
    if let Some(index) = index.filter(|index| library.scripts[*index].is_built_in()) {
        if let Some(refusal) = of_the_region(content.as_deref(), &fields) {
            return refused(&refusal);
        }
        content = None;
        library.scripts[index].header.tags = library.scripts[index].sheet.tags.clone();
    }
    let upload = Upload { content: content.as_deref(), fields: &fields, earlier: earlier.as_deref(), region: version };
    let sheet = match upload.judge() {
        Ok(sheet) => sheet,
        Err(refusal) => return refused(&refusal),
    };
    let is_taken = library.scripts.iter().enumerate().any(|(at, other)| Some(at) != index && other.name == sheet.name);
    if is_taken {
        return refused(&Refusal::Form(vec![("name", vec![TAKEN.to_owned()])]));
    }
    let comment = fields.iter().rfind(|(key, _)| key == "comment").map(|(_, value)| value.clone());
    let script = library.store(index, sheet, content, comment);
    json_answer(&shown(script, false))
}

/// Why a script that the region brings along is not changed: only its tags and its time limit may be.
fn of_the_region(content: Option<&[u8]>, fields: &[(String, String)]) -> Option<Refusal> {
    const FIXED: [&str; 11] = [
        "name",
        "title",
        "description",
        "script_type",
        "hardware_type",
        "parallel",
        "results",
        "parameters",
        "packages",
        "destructive",
        "recommission",
    ];
    let said = content.map(Sheet::fields).unwrap_or_default();
    let is_given =
        |field: &&str| said.iter().any(|name| name == *field) || fields.iter().any(|(name, _)| name == *field);
    let fixed = FIXED.into_iter().filter(is_given).chain(content.map(|_| "script"));
    let errors: Vec<_> =
        fixed.map(|field| (field, vec!["Not allowed to change on default scripts.".to_owned()])).collect();
    (!errors.is_empty()).then_some(Refusal::Form(errors))
}

impl LibraryScript {
    fn download(&self, form: &Form) -> Response {
        let wanted = form.get("revision");
        let found = match wanted {
            None => self.history.last(),
            Some(id) => self.history.iter().find(|revision| revision.id.to_string() == id),
        };
        match found {
            Some(revision) => answer(StatusCode::OK, "application/binary", revision.content.clone()),
            None => text(StatusCode::BAD_REQUEST, format!("{} not found in history", wanted.unwrap_or_default())),
        }
    }

    fn revert(&mut self, form: &Form) -> Response {
        let Some(to) = form.get("to").and_then(|to| to.parse::<i64>().ok()) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let kept = if to <= 0 {
            self.history.len().saturating_sub(usize::try_from(-to).unwrap_or(usize::MAX))
        } else {
            self.history.iter().position(|revision| revision.id == to).map_or(0, |place| place + 1)
        };
        if kept == 0 {
            return text(StatusCode::BAD_REQUEST, format!("{to} not found in history"));
        }
        self.history.truncate(kept);
        if let Some(revision) = self.history.last() {
            self.content.clone_from(&revision.content);
        }
        json_answer(&shown(self, false))
    }

    fn tag(&mut self, op: &str, tag: &str) -> Response {
        if tag.contains(',') {
            return text(StatusCode::BAD_REQUEST, "Tag may not contain a \",\".");
        }
        for tags in [&mut self.sheet.tags, &mut self.header.tags] {
            tags.retain(|own| own != tag);
            if op == "add_tag" {
                tags.push(tag.to_owned());
            }
        }
        json_answer(&shown(self, false))
    }
}
