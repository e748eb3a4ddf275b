//! The JSON Schema of profiles, by which editors complete them. A test makes it of the catalogue; the program carries the file.

/// The schema, as it is in `docs/`.
#[must_use]
pub fn schema() -> &'static str {
    include_str!("../../docs/profile.schema.json")
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::super::catalogue::{Field, Kind, Shape};
    use super::*;

    fn scalar(field: &Field) -> Value {
        match field.shape {
            Shape::Flag => json!({"type": "boolean"}),
            Shape::Text | Shape::Place => json!({"type": ["string", "integer"]}),
            Shape::Version | Shape::Number(..) | Shape::Whole => json!({"type": ["string", "number"]}),
        }
    }

    fn key(kind: Kind, field: &Field) -> Value {
        let mut forms = vec![scalar(field), json!({"type": "array", "minItems": 1, "items": scalar(field)})];
        if field.shape == Shape::Version && kind.field("model").is_some() {
            forms.push(json!({"type": "object", "additionalProperties": {"type": ["string", "number"]}}));
        }
        let words =
            if field.words.is_empty() { String::new() } else { format!(" There are: {}.", field.words.join(", ")) };
        json!({"description": format!("{}{words}", field.about), "anyOf": forms})
    }

    fn section(kind: Kind) -> Value {
        let mut keys = Map::new();
        let mut link = Map::new();
        for field in kind.fields() {
            match field.key.strip_prefix("link.") {
                Some(name) => link.insert(name.to_owned(), key(kind, field)),
                None => keys.insert(field.key.to_owned(), key(kind, field)),
            };
        }
        if !link.is_empty() {
            let about = "The PCI Express link.";
            keys.insert(
                "link".to_owned(),
                json!({"description": about, "type": "object", "properties": link, "additionalProperties": false}),
            );
        }
        let word = json!({"enum": ["fail", "warn", "note"], "description": "How grave a deviation of any key is."});
        keys.insert("severity".to_owned(), word);
        for word in ["fail", "warn", "note"] {
            let about = format!("Keys whose deviations are a {word}.");
            keys.insert(word.to_owned(), json!({"description": about, "type": "array", "items": {"type": "string"}}));
        }
        if Kind::GROUPS.contains(&kind) {
            let about = "How many: 8, \">=2\", \"2..4\"; 1 where it is not said.";
            keys.insert("count".to_owned(), json!({"description": about, "type": ["integer", "string"]}));
            if kind.has_socket() {
                let about = "How many for each socket; true: `count` is that of each.";
                keys.insert(
                    "per_socket".to_owned(),
                    json!({"description": about, "type": ["boolean", "integer", "string"]}),
                );
            }
            if kind.has_slots() {
                let about = "Slots, by their names in the inventory.";
                keys.insert(
                    "slots".to_owned(),
                    json!({"description": about, "type": "array", "minItems": 1, "items": {"type": "string"}}),
                );
            }
        }
        json!({"type": "object", "properties": keys, "additionalProperties": false})
    }

    fn made() -> Value {
        let mut keys = Map::new();
        let text = |about: &str| json!({"description": about, "type": "string"});
        keys.insert("schema".to_owned(), json!({"description": "Version of this form.", "const": 1}));
        keys.insert("name".to_owned(), text("Name of the profile."));
        keys.insert("description".to_owned(), text("For people."));
        let matches = ["vendor", "product", "sku"]
            .map(|key| (key.to_owned(), text("As the machine tells it; ~ begins an expression.")));
        let about = "The machines that this profile is for.";
        keys.insert("match".to_owned(), json!({"description": about, "type": "object", "properties": Map::from_iter(matches), "additionalProperties": false}));
        let kinds = Kind::GROUPS.map(Kind::name);
        let about = "Kinds of which nothing may be there that is not listed.";
        keys.insert("only".to_owned(), json!({"description": about, "type": "array", "items": {"enum": kinds}}));
        let within = json!({"type": "object", "properties": {"within": {"type": "string"}, "of": {"enum": ["siblings", "history"]}}, "required": ["within", "of"], "additionalProperties": false});
        let about = "Limits of figures: \">=400 GiB/s\", or { within = \"6%\", of = \"siblings\" }; \"history\" is the machine's last run.";
        keys.insert("measure".to_owned(), json!({"description": about, "type": "object", "additionalProperties": {"anyOf": [{"type": ["string", "number"]}, within]}}));
        for kind in Kind::TABLES {
            keys.insert(kind.name().to_owned(), json!({"$ref": format!("#/$defs/{}", kind.name())}));
        }
        for kind in Kind::GROUPS {
            let one = json!({"$ref": format!("#/$defs/{}", kind.name())});
            let about = format!("Groups of {}.", kind.plural());
            keys.insert(
                kind.name().to_owned(),
                json!({"description": about, "anyOf": [one.clone(), {"type": "array", "items": one}]}),
            );
        }
        let sections: Map<String, Value> =
            Kind::TABLES.into_iter().chain(Kind::GROUPS).map(|kind| (kind.name().to_owned(), section(kind))).collect();
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Profile of a machine",
            "type": "object",
            "properties": keys,
            "required": ["schema", "name"],
            "additionalProperties": false,
            "$defs": sections,
        })
    }

    #[test]
    fn the_schema_in_docs_is_that_of_the_catalogue() {
        let made = serde_json::to_string_pretty(&made()).unwrap_or_default() + "\n";
        let path = std::env::temp_dir().join("profile.schema.json");
        if made != schema() {
            std::fs::write(&path, &made).expect("a file");
        }
        assert!(made == schema(), "the catalogue has changed: cp {} docs/", path.display());
    }

    #[test]
    fn the_schema_has_every_key_that_the_reader_takes() {
        let made = made();
        for name in super::super::profile::names() {
            assert!(made["properties"][name].is_object(), "{name}");
        }
    }
}
