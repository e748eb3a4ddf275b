//! The event log and its query (contract REGION, "Events"; SCRIPTS, "Events API").

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::State;
use crate::event::{Event, Level};

/// The most that one query answers.
const LIMIT: usize = 1000;
const DEFAULT_LIMIT: usize = 100;

/// A row of the event log.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// The region's number.
    pub id: i64,
    /// When.
    pub created: Timestamp,
    /// What.
    pub event: Event,
    /// Of which node.
    pub system_id: String,
    /// The node's name.
    pub hostname: String,
}

impl EventRow {
    fn json(&self) -> Value {
        json!({
            "username": "unknown",
            "node": self.system_id,
            "hostname": self.hostname,
            "id": self.id,
            "level": self.event.kind.level.name(),
            "created": self.created.strftime("%a, %d %b. %Y %H:%M:%S").to_string(),
            "type": self.event.kind.description,
            "description": self.event.description,
        })
    }
}

struct Query<'a> {
    level: Level,
    limit: usize,
    before: Option<i64>,
    after: Option<i64>,
    hostnames: Vec<&'a str>,
    ids: Vec<&'a str>,
    owner: Option<&'a str>,
}

/// Answers `op=query`.
pub(super) fn query(state: &State, pairs: &[(String, String)]) -> (StatusCode, Value) {
    match parse(pairs) {
        Ok(query) => (StatusCode::OK, answer(state, pairs, &query)),
        Err(text) => (StatusCode::BAD_REQUEST, Value::String(text)),
    }
}

fn parse(pairs: &[(String, String)]) -> Result<Query<'_>, String> {
    let all = |key: &str| pairs.iter().filter(|(k, _)| k == key).map(|(_, v)| v.as_str()).collect::<Vec<_>>();
    let one = |key: &str| all(key).first().copied();
    let number = |key: &str| {
        one(key)
            .map(|text| text.parse::<i64>().map_err(|_| format!("Invalid {key}: Please enter an integer value")))
            .transpose()
    };
    let limit = match number("limit")? {
        Some(limit) if limit > LIMIT.cast_signed() as i64 => {
            return Err(format!("Requested number of events {limit} is greater than limit: {LIMIT}"));
        }
        Some(limit) => usize::try_from(limit).unwrap_or(1).max(1),
        None => DEFAULT_LIMIT,
    };
    let level = match one("level") {
        Some(word) => Level::from_name(word).ok_or_else(|| format!("Unrecognised log level: {word}"))?,
        None => Level::Info,
    };
    let (before, after) = (number("before")?, number("after")?);
    if before.is_some() && after.is_some() {
        return Err("There is undetermined behaviour when both `after` and `before` are specified.".to_owned());
    }
    Ok(Query { level, limit, before, after, hostnames: all("hostname"), ids: all("id"), owner: one("owner") })
}

fn answer(state: &State, pairs: &[(String, String)], query: &Query<'_>) -> Value {
    let matches = |row: &&EventRow| {
        let level = row.event.kind.level;
        (if query.level == Level::Audit { level == Level::Audit } else { level >= query.level })
            && (query.hostnames.is_empty() || query.hostnames.contains(&row.hostname.as_str()))
            && (query.ids.is_empty() || query.ids.contains(&row.system_id.as_str()))
            && query.owner.is_none()
            && query.before.is_none_or(|before| row.id < before)
            && query.after.is_none_or(|after| row.id > after)
    };
    let rows = state.events.iter().filter(matches);
    // `after` takes the oldest that are newer; everything else the newest.
    let mut rows: Vec<&EventRow> =
        if query.after.is_some() { rows.take(query.limit).collect() } else { rows.rev().take(query.limit).collect() };
    rows.sort_by_key(|row| std::cmp::Reverse(row.id));
    let (next, previous) = match (rows.first(), rows.last()) {
        (Some(newest), Some(oldest)) => (Some(format!("after={}", newest.id)), Some(format!("before={}", oldest.id))),
        _ => (
            query.before.map(|before| format!("after={}", before - 1)),
            query.after.map(|after| format!("before={}", after + 1)),
        ),
    };
    let base = base_uri(pairs);
    let with = |paging: &str| format!("{base}&{paging}");
    json!({
        "count": rows.len(),
        "events": rows.iter().map(|row| row.json()).collect::<Vec<_>>(),
        "next_uri": next.map_or_else(|| base.clone(), |paging| with(&paging)),
        "prev_uri": previous.map(|paging| with(&paging)),
    })
}

fn base_uri(pairs: &[(String, String)]) -> String {
    let filters = pairs.iter().filter(|(key, _)| !["op", "before", "after"].contains(&key.as_str()));
    let mut uri = "/MAAS/api/2.0/events/?op=query".to_owned();
    for (key, value) in filters {
        uri.extend(["&", key, "=", value]);
    }
    uri
}
