//! A check of a document against a JSON Schema: as much of it as the schemas in `docs/` use.

use serde_json::Value;

/// Words of a schema that say nothing about a document.
const REMARKS: [&str; 5] = ["description", "title", "$schema", "$defs", "format"];

/// Checks a document, or a part of it at a place, against a schema of `root`; what it breaks is added to `found`.
pub(crate) fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let Some(words) = schema.as_object() else {
        return if schema == &Value::Bool(false) {
            found.push(format!("{at} must not be there"));
        };
    };
    for (word, wanted) in words {
        let is_kept = match word.as_str() {
            "$ref" => {
                let place = wanted.as_str().and_then(|place| place.strip_prefix('#')).expect("a place in the schema");
                check(root, root.pointer(place).expect("it is there"), value, at, found);
                true
            }
            "type" => {
                wanted.as_array().map_or_else(|| is_of(wanted, value), |all| all.iter().any(|one| is_of(one, value)))
            }
            "const" => value == wanted,
            "enum" => wanted.as_array().expect("a list").contains(value),
            "prefixItems" => {
                let places = value.as_array().into_iter().flatten().zip(wanted.as_array().expect("a list")).enumerate();
                for (place, (value, schema)) in places {
                    check(root, schema, value, &format!("{at}/{place}"), found);
                }
                true
            }
            "anyOf" | "oneOf" => wanted.as_array().expect("a list").iter().any(|schema| {
                let mut own = Vec::new();
                check(root, schema, value, at, &mut own);
                own.is_empty()
            }),
            "required" => {
                wanted.as_array().expect("a list").iter().all(|key| value.get(key.as_str().expect("a key")).is_some())
            }
            "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().expect("a number")),
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().expect("a number")),
            "minItems" => value.as_array().is_none_or(|list| list.len() as u64 >= wanted.as_u64().expect("a number")),
            "maxItems" => value.as_array().is_none_or(|list| list.len() as u64 <= wanted.as_u64().expect("a number")),
            "items" => {
                for (place, value) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, wanted, value, &format!("{at}/{place}"), found);
                }
                true
            }
            "properties" => {
                // What the schema does not know is not in the types: a field was renamed on one side.
                let known = wanted.as_object().expect("properties");
                for (key, value) in value.as_object().into_iter().flatten() {
                    match known.get(key) {
                        Some(schema) => check(root, schema, value, &format!("{at}/{key}"), found),
                        None => found.push(format!("{at}/{key} is unknown")),
                    }
                }
                true
            }
            "additionalProperties" => {
                let is_additional = |key: &str| words.get("properties").is_none_or(|known| known.get(key).is_none());
                for (key, value) in value.as_object().into_iter().flatten().filter(|(key, _)| is_additional(key)) {
                    check(root, wanted, value, &format!("{at}/{key}"), found);
                }
                true
            }
            remark if REMARKS.contains(&remark) => true,
            other => panic!("the schema says {other}, which this check does not know"),
        };
        if !is_kept {
            found.push(format!("{at}: {value} breaks {word} {wanted}"));
        }
    }
}

fn is_of(kind: &Value, value: &Value) -> bool {
    match kind.as_str().expect("a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        other => panic!("the schema has a type {other}, which this check does not know"),
    }
}
