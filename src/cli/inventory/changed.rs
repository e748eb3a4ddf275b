//! What changed on this machine, from the events that hardware sync left in its log.

use jiff::Timestamp;
use serde_json::json;

use super::super::state;
use crate::event::EventQuery;
use crate::inventory::Kind;
use crate::report::table;

/// More changes than a machine has in its life.
const MOST: usize = 1_000_000;

/// As a table, or as JSON.
pub(super) fn since(time: Timestamp, state: &state::Options, as_json: bool) -> anyhow::Result<String> {
    let level = [("level".to_owned(), "AUDIT".to_owned())];
    let mut query = EventQuery::parse(&level).map_err(anyhow::Error::msg)?;
    query.types = Kind::ALL.iter().map(|kind| kind.event_type().name.to_owned()).collect();
    query.since = Some(time);
    query.limit = MOST;
    let rows = state.read()?.events(&query)?;
    if as_json {
        let changes: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({"id": row.id, "created": row.created.to_string(), "type": row.type_name, "change": row.action,
                    "description": row.description})
            })
            .collect();
        return Ok(format!("{:#}\n", json!({"changes": changes})));
    }
    if rows.is_empty() {
        return Ok(format!("Nothing changed since {time}\n"));
    }
    let line = |created: Timestamp| created.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| vec![row.id.to_string(), line(row.created), row.description.clone()]).collect();
    Ok(table(&["EVENT", "WHEN", "WHAT"], &rows))
}
