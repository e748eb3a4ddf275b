//! Node events: `POST /MAAS/metadata/status/{system_id}` (contract REGION, "Node events").

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::json;

/// The `origin` of our events; operators see it in front of the text.
const ORIGIN: &str = "shakedown";
/// Longer texts are cut.
const LONGEST: usize = 2000;

/// Something that the region cannot derive itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeEvent {
    /// What it is about. Has a `/` in it: without one, a failure would change the node's status.
    pub name: String,
    /// The text.
    pub description: String,
    /// When it happened, in seconds since 1970.
    pub timestamp: f64,
    /// Operators have to see it: an ERROR on the region instead of a DEBUG.
    pub failure: bool,
}

impl NodeEvent {
    /// An event that happens now.
    #[must_use]
    pub fn new(name: &str, description: impl Into<String>, failure: bool) -> Self {
        let name = if name.contains('/') { name.to_owned() } else { format!("{ORIGIN}/{name}") };
        let timestamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        NodeEvent { name, description: description.into(), timestamp, failure }
    }

    /// Several events of one kind as one, to spare the region.
    #[must_use]
    pub fn joined(events: &[NodeEvent]) -> Option<NodeEvent> {
        let (first, more) = events.split_first()?;
        let mut all = first.clone();
        for event in more {
            all.description.push_str("; ");
            all.description.push_str(&event.description);
            all.failure |= event.failure;
        }
        Some(all)
    }

    /// The body. Everything that is not ASCII is escaped, since the region refuses it otherwise.
    #[must_use]
    pub fn body(&self) -> String {
        let description: String = self.description.chars().take(LONGEST).collect();
        let mut body = json!({
            "event_type": if self.failure { "progress" } else { "start" },
            "origin": ORIGIN,
            "name": self.name,
            "description": description,
            "timestamp": self.timestamp,
        });
        if self.failure {
            body["result"] = "FAIL".into();
        }
        ascii(&body.to_string())
    }
}

/// JSON text with everything beyond ASCII as `\uXXXX`.
pub(super) fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_ascii_and_reads_back() {
        let event = NodeEvent::new("run", "grün 🦀 \"x\"", false);
        assert_eq!(event.name, "shakedown/run");
        let body = event.body();
        assert!(body.is_ascii(), "{body}");
        let value: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(value["description"], "grün 🦀 \"x\"");
        assert_eq!((value["event_type"].as_str(), value.get("result")), (Some("start"), None));
    }

    #[test]
    fn a_failure_is_one_that_operators_see() {
        let value: serde_json::Value = serde_json::from_str(&NodeEvent::new("a/b", "x", true).body()).expect("JSON");
        assert_eq!((value["event_type"].as_str(), value["result"].as_str()), (Some("progress"), Some("FAIL")));
    }

    #[test]
    fn several_become_one() {
        let events = [NodeEvent::new("a", "one", false), NodeEvent::new("a", "two", true)];
        let joined = NodeEvent::joined(&events).expect("some");
        assert_eq!((joined.description.as_str(), joined.failure), ("one; two", true));
    }
}
