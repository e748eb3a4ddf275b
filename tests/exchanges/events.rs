//! The event log by its API. The recorded log was the region's own, so counts, order, texts and addresses are compared,
//! and ids by their place: the newest of a page leads to the next one, the oldest to the previous one.

use serde_json::{Map, Value, json};
use shakedown::event::{EventRecord, Level};
use shakedown::sandbox::Sandbox;

use crate::caller::Caller;
use crate::compare::Fact;
use crate::recording::Step;

/// More events than a page holds without a wish for more.
const ENOUGH: usize = 101;

/// Whether a step asks for a page of events and gets one; the recording summarises it.
pub(crate) fn is_page(step: &Step) -> bool {
    step.request.path.starts_with("/MAAS/api/2.0/events/") && step.response.status == 200
}

/// Fills the log with events of which half are failures, as a region's log is full.
pub(crate) async fn fill(caller: &Caller<'_>) {
    for (result, _) in ["SUCCESS", "FAIL"].into_iter().cycle().zip(0..2 * ENOUGH) {
        let event = json!({"event_type": "start", "origin": "shakedown", "name": "shakedown/x",
            "description": "something", "timestamp": 0, "result": result});
        assert_eq!(caller.post_event(&event).await.status, 204, "the sandbox takes events");
    }
}

/// A page of events beside the summary of a recorded one, and beside what the rule picks from the log of the sandbox.
pub(crate) fn page(query: &str, recorded: &str, came: &str, sandbox: &Sandbox) -> Vec<Fact> {
    let recorded: Value = serde_json::from_str(recorded).expect("a summary is JSON");
    let Ok(came) = serde_json::from_str::<Value>(came) else {
        return vec![Fact::new("page", recorded, came)];
    };
    let events: Vec<&Map<String, Value>> =
        came["events"].as_array().into_iter().flatten().filter_map(Value::as_object).collect();
    let ids: Vec<i64> = events.iter().filter_map(|event| event["id"].as_i64()).collect();
    let recorded_newest = recorded["first"][0]["id"].as_i64();
    let recorded_oldest = recorded_newest.and_then(|_| number_after(&recorded["prev_uri"], "before="));
    let uri = |uri: &Value, word: &str, id: Option<i64>| match (uri.as_str(), id) {
        (Some(text), Some(id)) => text.replace(&format!("&{word}={id}"), &format!("&{word}=…")).into(),
        _ => uri.clone(),
    };
    let first = recorded["first"].as_array().into_iter().flatten().filter_map(Value::as_object);
    vec![
        Fact::new("count", recorded["count"].clone(), came["count"].clone()),
        Fact::new("ids by the rule", by_the_rule(query, &sandbox.events()), ids.clone()),
        Fact::new("ids descend", recorded["ids_descending"].clone(), ids.is_sorted_by(|a, b| a > b)),
        Fact::new("first event", shape(first), shape(events.iter().copied().take(1))),
        Fact::new(
            "next_uri",
            uri(&recorded["next_uri"], "after", recorded_newest),
            uri(&came["next_uri"], "after", ids.first().copied()),
        ),
        Fact::new(
            "prev_uri",
            uri(&recorded["prev_uri"], "before", recorded_oldest),
            uri(&came["prev_uri"], "before", ids.last().copied()),
        ),
    ]
}

/// The ids of a page: of that level and above, of audit events only if asked for, newest first; and with `after` those
/// next to it. Nobody else has events here.
fn by_the_rule(query: &str, log: &[EventRecord]) -> Vec<i64> {
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let number = |name: &str| parameter(name).and_then(|text| text.parse::<i64>().ok());
    let level =
        parameter("level").map_or(Level::Info, |word| Level::from_name(word).expect("a page has a known level"));
    let is_meant = |row: &&EventRecord| {
        let own = row.level;
        (if level == Level::Audit { own == Level::Audit } else { own >= level })
            && number("after").is_none_or(|id| row.id > id)
            && number("before").is_none_or(|id| row.id < id)
            && ["hostname", "id", "owner"].into_iter().all(|name| parameter(name).is_none())
    };
    let mut ids: Vec<i64> = log.iter().filter(is_meant).map(|row| row.id).collect();
    let limit = number("limit").map_or(100, |limit| usize::try_from(limit).unwrap_or_default().max(1));
    if parameter("after").is_some() {
        ids.truncate(limit);
    }
    ids.into_iter().rev().take(limit).collect()
}

fn number_after(uri: &Value, word: &str) -> Option<i64> {
    uri.as_str()?.split_once(word)?.1.parse().ok()
}

/// Keys in their order, and of what kind their values are.
fn shape<'a>(events: impl Iterator<Item = &'a Map<String, Value>>) -> Vec<Value> {
    events.map(|event| event.iter().map(|(key, value)| json!([key, kind(key, value)])).collect()).collect()
}

fn kind(key: &str, value: &Value) -> Value {
    let is_date = |text: &str| jiff::civil::DateTime::strptime("%a, %d %b. %Y %H:%M:%S", text).is_ok();
    match (key, value) {
        ("created", Value::String(text)) if is_date(text) => "date".into(),
        ("created" | "username", value) => value.clone(),
        (_, Value::String(_)) => "text".into(),
        (_, Value::Number(_)) => "number".into(),
        (_, value) => value.clone(),
    }
}
