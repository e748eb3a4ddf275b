//! Answers of which the second recording keeps a summary: scripts, lists, machines, pages of events.

use serde_json::{Map, Value, json};

use crate::second::text;

/// The summary of an answer beside the recorded one, if the recording has one of that kind.
pub(crate) fn summarised(step: &Value, came: &str) -> Option<(Value, Value)> {
    let recorded = &step["response"];
    let whole: Value = serde_json::from_str(came).unwrap_or_else(|_| came.into());
    if let Some(stored) = recorded.get("stored") {
        return Some((stored.clone(), differing(&whole)));
    }
    if let Some(json) = recorded.get("json") {
        return Some((without_the_parsers_words(json), without_the_parsers_words(&whole)));
    }
    let body = text(&recorded["body"]);
    if body == "(script object)" {
        return Some((json!(true), json!(whole["name"].is_string())));
    }
    if body.starts_with('(') && body.ends_with(')') {
        // Of what a node is told to do the recording keeps the kind only.
        return Some((Value::Null, Value::Null));
    }
    if body.starts_with("{\"doc\": \"MAAS API\"") {
        return Some((json!("MAAS API"), whole["doc"].clone()));
    }
    if body.contains("Failing row contains") {
        let line = |text: &str| json!(text.lines().next());
        return Some((line(body), line(came)));
    }
    if body.starts_with("month must be") {
        // The text is the one of an exception of Python.
        return Some((Value::Null, Value::Null));
    }
    if body == "\"vm\"" {
        // The region's own name.
        return Some((json!(true), json!(whole.is_string())));
    }
    let summary: Map<String, Value> = serde_json::from_str(body).ok()?;
    if summary.contains_key("capabilities") {
        // The recorded region knew no version of its own.
        return Some((summary["capabilities"].clone(), whole["capabilities"].clone()));
    }
    if summary.contains_key("token_secret") {
        let keys = |value: &Map<String, Value>| json!(value.keys().collect::<Vec<_>>());
        return Some((keys(&summary), whole.as_object().map_or(Value::Null, keys)));
    }
    if summary.contains_key("other_keys") {
        return Some((script(&summary, &Value::Object(summary.clone())), script(&summary, &whole)));
    }
    if summary.contains_key("names") {
        return Some((json!([summary["names"], summary["history_has_data"]]), built_ins(&whole)));
    }
    if summary.contains_key("nodes") {
        return Some((page(&summary, &summary), events(&whole)));
    }
    if summary.keys().eq(["count"]) {
        return Some((summary["count"].clone(), json!(whole.as_array().map(Vec::len))));
    }
    if summary.contains_key("status_name") {
        let own = |key: &String| match key.as_str() {
            "domain" | "zone" => whole[key]["name"].clone(),
            "interfaces" => json!(whole["interface_set"].as_array().map_or(0, Vec::len)),
            _ => whole[key].clone(),
        };
        let came: Map<String, Value> = summary.keys().map(|key| (key.clone(), own(key))).collect();
        return Some((summary.into(), came.into()));
    }
    None
}

/// A script without the keys of which only the names were kept, its history with the comments only.
fn script(recorded: &Map<String, Value>, whole: &Value) -> Value {
    let is_built_in = whole["default"] == true;
    let mut shown = Map::new();
    for key in recorded.keys().filter(|key| *key != "other_keys") {
        let value = match key.as_str() {
            // Nobody uploaded the versions of a script that the region brings along here.
            "history" if is_built_in => Value::Null,
            "history" => whole[key].as_array().into_iter().flatten().map(revision).collect(),
            _ => whole[key].clone(),
        };
        shown.insert(key.clone(), value);
    }
    shown.into()
}

fn revision(revision: &Value) -> Value {
    json!([revision["comment"], revision.get("data").is_some()])
}

/// Of a list the scripts that every region brings along, and whether their contents are among what is said.
fn built_ins(whole: &Value) -> Value {
    let scripts: Vec<&Value> = whole.as_array().into_iter().flatten().collect();
    let names: Vec<&Value> =
        scripts.iter().filter(|script| script["default"] == true).map(|script| &script["name"]).collect();
    let has_data = scripts.iter().any(|script| script["history"][0].get("data").is_some());
    json!([names, has_data])
}

/// What a script says of itself besides the defaults.
fn differing(whole: &Value) -> Value {
    let defaults = json!({"title": "", "description": "", "tags": ["node"], "type": 2, "hardware_type": 0, "parallel": 0,
        "results": {}, "parameters": {}, "packages": {}, "timeout": "0:00:00", "destructive": false, "for_hardware": [],
        "may_reboot": false, "recommission": false, "apply_configured_networking": false});
    let told = defaults.as_object().into_iter().flatten().filter(|(key, value)| whole[*key] != **value);
    let mut differing: Map<String, Value> = told.map(|(key, _)| (key.clone(), whole[key].clone())).collect();
    differing.insert("name".to_owned(), whole["name"].clone());
    differing.into()
}

/// What the region's parser says of YAML is its own.
fn without_the_parsers_words(value: &Value) -> Value {
    let shorten = |text: &Value| match text.as_str().and_then(|text| text.split_once("Invalid YAML: ")) {
        Some((before, _)) => json!(format!("{before}Invalid YAML: ")),
        None => text.clone(),
    };
    let fields = value.as_object().into_iter().flatten();
    fields
        .map(|(key, texts)| (key.clone(), texts.as_array().into_iter().flatten().map(shorten).collect::<Value>()))
        .collect::<Map<_, _>>()
        .into()
}

/// A page of events as the recording shows it: ids are told from other numbers by standing behind `after=` and `before=`.
fn page(summary: &Map<String, Value>, like: &Map<String, Value>) -> Value {
    let uri = |key: &str| summary[key].as_str().map(|uri| json!(without_ids(uri)));
    let keys = like.keys().map(|key| match key.as_str() {
        "next_uri" | "prev_uri" => (key.clone(), uri(key).unwrap_or_default()),
        _ => (key.clone(), summary[key].clone()),
    });
    Value::Object(keys.collect())
}

fn without_ids(uri: &str) -> String {
    let parts = uri.split('&').map(|part| match part.strip_prefix("mac_address=") {
        Some(mac) if !mac.ends_with("ff%3Aff%3Aff") => "mac_address=<mac>",
        _ => part,
    });
    let mut text = parts.collect::<Vec<_>>().join("&");
    for word in ["after=", "before="] {
        if let Some((head, number)) = text.split_once(word)
            && !number.starts_with('-')
        {
            text = format!("{head}{word}<id>");
        }
    }
    text
}

fn events(whole: &Value) -> Value {
    let rows: Vec<&Map<String, Value>> =
        whole["events"].as_array().into_iter().flatten().filter_map(Value::as_object).collect();
    let nodes = if rows.is_empty() { "none" } else { "only this machine" };
    let is_own = rows.iter().all(|row| row["node"] == "<system_id>");
    let ids: Vec<i64> = rows.iter().filter_map(|row| row["id"].as_i64()).collect();
    let first = rows.first().map(|row| {
        let mut first = (*row).clone();
        first.retain(|key, _| key != "id" && key != "created");
        Value::Object(first)
    });
    let summary = json!({"count": whole["count"], "nodes": if is_own { nodes } else { "others too" },
        "descending": ids.is_sorted_by(|a, b| a > b), "first": first, "next_uri": whole["next_uri"], "prev_uri": whole["prev_uri"]});
    let summary = summary.as_object().cloned().unwrap_or_default();
    page(&summary, &summary)
}
