//! What the sandbox answers and holds, beside what the region answered and held.

use serde_json::{Map, Value, json};
use shakedown::sandbox::{ResultRow, Sandbox};

use crate::caller::Answer;
use crate::recording::{After, NewEvent, Response, Sets, Step};
use crate::{events, mask};

/// Something seen twice: of the region as recorded, and of the sandbox.
#[derive(Debug)]
pub(crate) struct Fact {
    pub(crate) what: &'static str,
    pub(crate) recorded: Value,
    pub(crate) came: Value,
}

impl Fact {
    pub(crate) fn new(what: &'static str, recorded: impl Into<Value>, came: impl Into<Value>) -> Self {
        Fact { what, recorded: recorded.into(), came: came.into() }
    }
}

/// The answer to a request.
pub(crate) fn answer(step: &Step, came: &Answer, sandbox: &Sandbox, built_in: &Sets<String>) -> Vec<Fact> {
    let recorded = &step.response;
    let mut facts = vec![
        Fact::new("status", recorded.status, came.status),
        Fact::new("content type", recorded.content_type.clone(), came.content_type.clone()),
    ];
    let body = String::from_utf8_lossy(&came.body);
    match &recorded.body {
        None => facts.extend(archive(recorded, &came.body, built_in)),
        Some(_) if recorded.has_datasource => facts.push(credentials(&body, sandbox)),
        Some(text) if text == "(machine object)" => facts.extend(machine(step, &body, sandbox)),
        Some(text) if is_extract(text) => facts.push(extract(text, &body)),
        Some(text) if events::is_page(step) => facts.extend(events::page(&step.request.path, text, &body, sandbox)),
        Some(text) => {
            let (recorded, came) = mask::texts(text, &body);
            facts.push(Fact::new("body", recorded, came));
        }
    }
    facts
}

/// A machine that was made, of which the recording keeps the keys: the node, since its addresses are the node's.
fn machine(step: &Step, body: &str, sandbox: &Sandbox) -> Vec<Fact> {
    let machine: Map<String, Value> = serde_json::from_str(body).unwrap_or_default();
    let id = machine.get("system_id").cloned().unwrap_or_default();
    let keys = step.response.body_keys.iter().map(|keys| {
        let mut came: Vec<&String> = machine.keys().collect();
        came.sort();
        Fact::new("keys", json!(keys), json!(came))
    });
    let is_node = step.request.form.is_some();
    let expected = if is_node { sandbox.system_id().into() } else { id.clone() };
    keys.chain([Fact::new("machine", expected, id.clone()), Fact::new("has an id", true, id.is_string())]).collect()
}

fn is_extract(recorded: &str) -> bool {
    recorded.starts_with('{') && ["node_type_name", "<token_key>"].iter().any(|mark| recorded.contains(mark))
}

/// Of an object the keys that the recording keeps, and no secret.
fn extract(recorded: &str, body: &str) -> Fact {
    let recorded: Map<String, Value> = serde_json::from_str(recorded).expect("an extract is JSON");
    let came: Map<String, Value> = serde_json::from_str(body).unwrap_or_default();
    let value = |key: &String| match came.get(key).and_then(Value::as_str) {
        Some(text) if !text.is_empty() && recorded[key] == format!("<{key}>") => recorded[key].clone(),
        _ => came.get(key).cloned().unwrap_or_default(),
    };
    let came: Map<String, Value> = recorded.keys().map(|key| (key.clone(), value(key))).collect();
    Fact::new("extract", recorded, came)
}

/// A configuration with the node's credentials.
fn credentials(body: &str, sandbox: &Sandbox) -> Fact {
    Fact::new("configuration", sandbox.node_config(), body)
}

/// The archive of scripts: its index and the names and modes of its files.
fn archive(recorded: &Response, bytes: &[u8], built_in: &Sets<String>) -> Vec<Fact> {
    let (index, members) = match unpack(bytes) {
        Ok(archive) => archive,
        Err(error) => return vec![Fact::new("archive", "an archive with an index", error)],
    };
    let (own, others) = split(&index, built_in);
    let recorded_own: Map<String, Value> =
        recorded.index.iter().map(|(set, entries)| (set.clone(), entries.iter().map(entry).collect())).collect();
    let recorded_members = recorded.members.iter().flatten().map(|member| (member.name.clone(), member.mode.clone()));
    vec![
        Fact::new("index", recorded_own, own),
        Fact::new("index, other scripts", json!(recorded.index_others), json!(others)),
        Fact::new("members", visible(recorded_members.collect(), built_in), visible(members, built_in)),
    ]
}

pub(crate) type Unpacked = (Map<String, Value>, Vec<(String, String)>);

pub(crate) fn unpack(bytes: &[u8]) -> Result<Unpacked, String> {
    let mut archive = tar::Archive::new(bytes);
    let (mut index, mut members) = (Map::new(), Vec::new());
    for member in archive.entries().map_err(|error| error.to_string())? {
        let member = member.map_err(|error| error.to_string())?;
        let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        members.push((name.clone(), format!("{:#o}", member.header().mode().unwrap_or_default())));
        if name == "index.json" {
            let json: Value = serde_json::from_reader(member).map_err(|error| error.to_string())?;
            index = json["1.0"].as_object().cloned().unwrap_or_default();
        }
    }
    Ok((index, members))
}

/// Entries of uploaded scripts, and the names of those that every region brings along.
fn split(index: &Map<String, Value>, built_in: &Sets<String>) -> (Map<String, Value>, Sets<String>) {
    let (mut own, mut others) = (Map::new(), Sets::<String>::new());
    for (set, entries) in index {
        for object in entries.as_array().into_iter().flatten().filter_map(Value::as_object) {
            let name = object["name"].as_str().unwrap_or_default().to_owned();
            if is_built_in(&name, built_in) {
                others.entry(set.clone()).or_default().push(name);
            } else if let Value::Array(list) = own.entry(set.clone()).or_insert_with(|| json!([])) {
                list.push(entry(object));
            }
        }
    }
    for names in others.values_mut() {
        names.sort();
    }
    (own, others)
}

/// An entry of the index without its numbers.
fn entry(entry: &Map<String, Value>) -> Value {
    let mut entry = entry.clone();
    for number in ["script_result_id", "script_version_id"] {
        if let Some(value) = entry.get_mut(number).filter(|value| value.is_i64()) {
            *value = "…".into();
        }
    }
    Value::Object(entry)
}

/// Names and modes, sorted. Of the scripts that every region brings along, the recording keeps only the files named
/// `…config…`.
fn visible(members: Vec<(String, String)>, built_in: &Sets<String>) -> Value {
    let is_shown = |name: &str| match name.split_once('/') {
        Some(("out", _)) | None => true,
        Some((_, script)) => script.contains("config") || !is_built_in(script, built_in),
    };
    let shown = members.into_iter().filter(|(name, _)| is_shown(name));
    let mut lines: Vec<String> = shown.map(|(name, mode)| format!("{mode} {}", mask::member(&name))).collect();
    lines.sort();
    lines.into()
}

fn is_built_in(script: &str, built_in: &Sets<String>) -> bool {
    built_in.values().flatten().any(|name| name == script)
}

/// The node, its script results and the events since the request began.
pub(crate) fn after(recorded: &After, sandbox: &Sandbox, earlier: usize, built_in: &Sets<String>) -> Vec<Fact> {
    let recorded_results: Vec<Value> = recorded
        .results
        .iter()
        .map(|result| {
            json!({"set": result.set, "script": result.script, "status": result.status,
                "exit_status": result.exit_status, "bytes": result.bytes})
        })
        .collect();
    // Of the scripts that every region brings along, the recording shows some results and leaves others out.
    let is_shown = |row: &&ResultRow| {
        !is_built_in(&row.script, built_in) || recorded.results.iter().any(|result| result.script == row.script)
    };
    let results: Vec<Value> = sandbox.results().iter().filter(is_shown).map(result).collect();
    let (recorded_events, events) = new_events(&recorded.new_events, sandbox, earlier);
    vec![
        Fact::new("node", recorded.node.clone(), sandbox.node_status().name()),
        Fact::new("node's error", recorded.error.clone(), sandbox.node_error()),
        Fact::new("results", recorded_results, results),
        Fact::new("new events", recorded_events, events),
    ]
}

fn result(row: &ResultRow) -> Value {
    json!({
        "set": row.set(),
        "script": row.script,
        "status": row.status.name(),
        "exit_status": row.exit_status,
        "bytes": {
            "output": row.output.len(),
            "stdout": row.stdout.len(),
            "stderr": row.stderr.len(),
            "result": row.result.len(),
        },
    })
}

fn new_events(recorded: &[NewEvent], sandbox: &Sandbox, earlier: usize) -> (Vec<Value>, Vec<Value>) {
    let came = sandbox.events().split_off(earlier);
    let text = |at: usize| {
        let recorded = recorded.get(at).map_or("", |event| &event.description);
        mask::texts(recorded, came.get(at).map_or("", |row| &row.description))
    };
    let recorded_events = recorded
        .iter()
        .enumerate()
        .map(|(at, event)| json!([event.level, event.kind, event.type_description, text(at).0, event.action]));
    let events = came
        .iter()
        .enumerate()
        .map(|(at, row)| json!([row.level.name(), row.type_name, row.type_description, text(at).1, row.action]));
    (recorded_events.collect(), events.collect())
}
