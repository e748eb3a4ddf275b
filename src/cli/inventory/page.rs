//! A page about one device: every fact that is known of it in a line, lists of things in tables of their own.

use serde_json::{Map, Value};
use unicode_width::UnicodeWidthStr as _;

use super::section::printable;
use super::topic::Topic;
use crate::report::{Unit, bytes, table};

/// The page of a device, with what was found odd about it.
pub(super) fn page<'a>(topic: Topic, name: &str, device: &Value, findings: impl Iterator<Item = &'a str>) -> String {
    let mut page = Page { topic, facts: Vec::new(), tables: String::new() };
    for (key, value) in device.as_object().into_iter().flatten() {
        page.add(&key.replace('_', " "), key, value);
    }
    let width = page.facts.iter().map(|(label, _)| label.width()).max().unwrap_or(0);
    let mut text = format!("{} {name}\n", topic.to_string().to_uppercase());
    for (label, value) in &page.facts {
        let padding = " ".repeat(width - label.width());
        text.push_str(&format!("{label}{padding}  {value}\n"));
    }
    text.push_str(&page.tables);
    let findings: String = findings.map(|finding| format!("{}\n", printable(finding))).collect();
    if findings.is_empty() { text } else { format!("{text}\nFINDINGS\n{findings}") }
}

struct Page {
    topic: Topic,
    facts: Vec<(String, String)>,
    tables: String,
}

impl Page {
    fn add(&mut self, label: &str, key: &str, value: &Value) {
        match value {
            Value::Array(list) if list.iter().any(Value::is_object) => self.table(label, list),
            Value::Array(list) => {
                for (place, value) in list.iter().enumerate() {
                    let label = if place == 0 { label } else { "" };
                    self.facts.push((label.to_owned(), written(self.topic, key, value)));
                }
            }
            Value::Object(map) => {
                for (key, value) in map {
                    self.add(&format!("{label} {}", key.replace('_', " ")), key, value);
                }
            }
            value => {
                let text = written(self.topic, key, value);
                if !text.is_empty() {
                    self.facts.push((label.to_owned(), text));
                }
            }
        }
    }

    /// A table of all things of a list, with the columns that any of them has.
    fn table(&mut self, label: &str, list: &[Value]) {
        let things: Vec<&Map<String, Value>> = list.iter().filter_map(Value::as_object).collect();
        let mut keys: Vec<&String> = Vec::new();
        for key in things.iter().flat_map(|thing| thing.keys()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let cell = |thing: &&Map<String, Value>, key: &&String| {
            thing.get(*key).map(|value| written(self.topic, key, value)).unwrap_or_default()
        };
        keys.retain(|key| things.iter().any(|thing| !cell(thing, key).is_empty()));
        let rows: Vec<Vec<String>> =
            things.iter().map(|thing| keys.iter().map(|key| cell(thing, key)).collect()).collect();
        let head: Vec<String> = keys.iter().map(|key| key.replace('_', " ").to_uppercase()).collect();
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        self.tables.push_str(&format!("\n{}\n{}", label.to_uppercase(), table(&head, &rows)));
    }
}

/// A value as people write it; nothing for what is not known.
fn written(topic: Topic, key: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => printable(text),
        Value::Number(number) => match (topic.unit(key), number.as_u64()) {
            (Unit::Bytes, Some(count)) if count >= 1024 => format!("{} ({count} bytes)", bytes(count)),
            (unit, _) => unit.written(value),
        },
        Value::Array(list) => list.iter().map(|value| written(topic, key, value)).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            let parts =
                map.iter().map(|(key, value)| format!("{} {}", key.replace('_', " "), written(topic, key, value)));
            parts.collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_no_fragments_of_json() {
        let disk = serde_json::json!({
            "identity": "disk:1", "size": 2048, "rotational": false, "links": ["/dev/a", "/dev/b"], "namespace": null, "holders": [],
            "partitions": [{ "name": "sda1", "size": 512, "mounts": ["/", "/x"] }], "counts": { "hard": 1 },
        });
        let expected = "DISK sda\nidentity     disk:1\nsize         2.0 KiB (2048 bytes)\nrotational   no\nlinks        /dev/a\n\
                        \x20            /dev/b\ncounts hard  1\n\nPARTITIONS\nNAME  SIZE   MOUNTS\nsda1  512 B  /, /x\n\nFINDINGS\nodd\n";
        assert_eq!(page(Topic::Disk, "sda", &disk, ["odd"].into_iter()), expected);
    }
}
