//! What a region's upload form makes of a script: the record that it keeps, or the texts with which it refuses (recorded: "script header",
//! "scripts API"). The header is judged by [`super::Header`]'s own reader; only the region's words for it stand here.

mod sheet;
mod texts;

use std::sync::Arc;

use serde_json::Value;

use super::header::{Metadata, judge as read_header};
use super::{Header, RegionVersion, ScriptType};
use crate::yaml::{self, Node};
pub use sheet::{Sheet, duration};
use texts::{NUL, complaint};

/// Why a region does not take an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The form is refused: fields with their texts.
    Form(Vec<(&'static str, Vec<String>)>),
    /// The record cannot be kept: the same, found a step later.
    Record(&'static str, String),
    /// The region stumbles, and this is what it says.
    Broken(String),
}

/// An upload, or the change of a script.
#[derive(Clone, Copy, Debug)]
pub struct Upload<'a> {
    /// The file; nothing where only fields are changed.
    pub content: Option<&'a [u8]>,
    /// Fields beside it, by their names in a header.
    pub fields: &'a [(String, String)],
    /// The record that is changed.
    pub earlier: Option<&'a Sheet>,
    /// The version of the region that judges.
    pub region: RegionVersion,
}

impl Upload<'_> {
    /// The record that the region keeps.
    ///
    /// # Errors
    /// The region's refusal.
    pub fn judge(&self) -> Result<Sheet, Refusal> {
        let content = self.content.filter(|content| !content.is_empty());
        if content.is_some_and(|content| content.contains(&0)) {
            return Err(Refusal::Broken(NUL.to_owned()));
        }
        let metadata = content.map(Metadata::read);
        let block = metadata.as_ref().map_or(&Node::Null, |metadata| &metadata.node);
        if let Some(metadata) = &metadata {
            self.check_the_file(metadata)?;
        }
        let merged = self.merged(block)?;
        let (first, yaml) = metadata
            .as_ref()
            .and_then(|metadata| metadata.block.as_ref())
            .map_or((1, ""), |block| (block.first, block.yaml.as_str()));
        let (header, problems) = read_header(&merged, first, yaml);
        let mut errors: Vec<(&'static str, Vec<String>)> = Vec::new();
        if self.lacks_name(&merged) {
            errors.push(("name", vec!["This field is required.".to_owned()]));
        }
        for problem in problems {
            let Some((field, text)) = complaint(problem.rule, &merged)? else { continue };
            if field == "tags" && errors.is_empty() && self.earlier.is_none() && self.field("name").is_none() {
                // The form gives up on the metadata there.
                return Err(Refusal::Form(vec![
                    ("name", vec!["This field is required.".to_owned()]),
                    ("tags", vec![text]),
                ]));
            }
            match errors.iter_mut().find(|(other, _)| *other == field) {
                Some((_, texts)) => texts.push(text),
                None => errors.push((field, vec![text])),
            }
        }
        if !self.knows(&header) {
            errors.push(("script_type", vec![texts::SCRIPT_TYPE.to_owned()]));
        }
        if block.field("comment").is_some() || (content.is_none() && self.field("comment").is_some()) {
            errors.push(("comment", vec![texts::COMMENT.to_owned()]));
        }
        if errors.is_empty() && content.is_none() && self.earlier.is_none() {
            errors.push(("script", vec!["Must be given a value".to_owned()]));
        }
        if !errors.is_empty() {
            return Err(Refusal::Form(errors));
        }
        let mut sheet = Sheet::new(&header, &merged, yaml, self.earlier);
        if let (None, Some(earlier)) = (content, self.earlier) {
            // A new version begins with none of them; a change without one keeps them.
            sheet.results.clone_from(&earlier.results);
            if merged.field("parameters").is_none() {
                sheet.parameters.clone_from(&earlier.parameters);
            }
        }
        Ok(sheet)
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn lacks_name(&self, merged: &Node) -> bool {
        let is_empty = merged.field("name").is_none_or(|name| name.as_str() == Some(""));
        is_empty && self.earlier.is_none()
    }

    fn knows(&self, header: &Header) -> bool {
        match header.kind {
            ScriptType::Release => self.region.has_release_scripts(),
            ScriptType::Deployment => self.region.has_deployment_scripts(),
            _ => true,
        }
    }

    /// Refuses what is no script with metadata; then the region knows none of it.
    fn check_the_file(&self, metadata: &Metadata) -> Result<(), Refusal> {
        let of_rule = |rules: &[&str]| metadata.problems.iter().find(|problem| rules.contains(&problem.rule));
        let text = match of_rule(&["shebang"]).or_else(|| of_rule(&["yaml", "block-open", "block-line"])) {
            None => return Ok(()),
            Some(problem) => match problem.rule {
                "shebang" => "Must start with shebang.".to_owned(),
                "yaml" => {
                    let block = metadata.block.as_ref().map_or("", |block| block.yaml.as_str());
                    if let Err(yaml::Error::Poison { message, .. }) = yaml::parse(block.as_bytes()) {
                        return Err(Refusal::Broken(message));
                    }
                    format!("Invalid YAML: {}", problem.message)
                }
                _ => "Missing \"#\" on YAML line.".to_owned(),
            },
        };
        let mut errors = Vec::new();
        if self.earlier.is_none() && self.field("name").is_none() {
            errors.push(("name", vec!["This field is required.".to_owned()]));
        }
        errors.push(("script", vec![text]));
        Err(Refusal::Form(errors))
    }

    /// The metadata together with the fields beside them.
    fn merged(&self, block: &Node) -> Result<Node, Refusal> {
        let mut pairs: Vec<(Node, Node)> = Vec::new();
        for (key, value) in block.pairs() {
            let name = key.as_str().unwrap_or_default();
            // Of a new version of a script they do not count; the comment of a version is judged apart.
            let is_passed_over = name == "comment" || (self.earlier.is_some() && ["tags", "timeout"].contains(&name));
            if !is_passed_over {
                pairs.retain(|(other, _)| other != key);
                pairs.push((key.clone(), value.clone()));
            }
        }
        for (name, text) in self.fields.iter().filter(|(name, _)| name != "comment") {
            let own = block.field(name);
            match name.as_str() {
                "parameters" if own.is_some() => return Err(Refusal::Form(Vec::new())),
                "tags" | "timeout" | "packages" => {}
                _ => {
                    if let Some(field) = own.filter(|own| !is_same(name, own, text)).and(known(name)) {
                        let text = "May not override values defined in embedded YAML.".to_owned();
                        return Err(Refusal::Form(vec![(field, vec![text])]));
                    }
                }
            }
            let value = match name.as_str() {
                "packages" | "parameters" | "results" => yaml::parse(text.as_bytes()).unwrap_or(Node::Null),
                _ => Node::String(text.clone()),
            };
            let key = Node::String(name.clone());
            pairs.retain(|(other, _)| *other != key);
            pairs.push((key, value));
        }
        Ok(Node::Mapping(Arc::new(pairs)))
    }
}

/// True if a field says what the metadata say; numbers and words of a type are the same to the region, those of hardware are not.
fn is_same(name: &str, own: &Node, text: &str) -> bool {
    let number = |word: &str| match word {
        "commissioning" | "commission" => "0".to_owned(),
        "testing" | "test" => "2".to_owned(),
        "release" => "3".to_owned(),
        "deployment" => "4".to_owned(),
        other => other.to_owned(),
    };
    match (name, own.to_text()) {
        ("script_type", Some(own)) => number(&own) == number(text),
        _ => own.as_str() == Some(text),
    }
}

/// A field of the form under the name that lives as long as the program.
fn known(name: &str) -> Option<&'static str> {
    const FIELDS: [&str; 13] = [
        "name",
        "title",
        "description",
        "script_type",
        "hardware_type",
        "parallel",
        "results",
        "destructive",
        "for_hardware",
        "may_reboot",
        "recommission",
        "apply_configured_networking",
        "parameters",
    ];
    FIELDS.into_iter().find(|field| *field == name)
}

impl Refusal {
    /// The fields with their texts, as the region writes them; a text alone where it stumbles.
    #[must_use]
    pub fn body(&self) -> String {
        let field = |field: &str, texts: &[String]| {
            let texts: Vec<String> = texts.iter().map(|text| Value::from(text.as_str()).to_string()).collect();
            format!("\"{field}\": [{}]", texts.join(", "))
        };
        match self {
            Refusal::Form(errors) => {
                let fields: Vec<String> = errors.iter().map(|(name, texts)| field(name, texts)).collect();
                format!("{{{}}}", fields.join(", "))
            }
            Refusal::Record(name, text) => format!("{{{}}}", field(name, std::slice::from_ref(text))),
            Refusal::Broken(text) => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(metadata: &str) -> Vec<u8> {
        let lines: String = metadata.lines().map(|line| format!("# {line}\n")).collect();
        let mark = |word: &str| format!("# --- {word} MAAS 1.0 script metadata ---\n");
        format!("#!/bin/sh\n{}{lines}{}echo\n", mark("Start"), mark("End")).into_bytes()
    }

    fn judged(content: &[u8], fields: &[(&str, &str)], earlier: Option<&Sheet>) -> Result<Sheet, String> {
        let fields: Vec<_> = fields.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let upload = Upload { content: Some(content), fields: &fields, earlier, region: RegionVersion::NEWEST };
        upload.judge().map_err(|refusal| refusal.body())
    }

    /// Each as a region answered it.
    #[test]
    fn refusals_are_the_regions_own_texts() {
        let rows = [
            ("name: \"123\"", "{\"name\": [\"Cannot be a number.\"]}"),
            ("name: 123", "'int' object has no attribute 'lower'"),
            (
                "name: x\ntags: [a, 1]",
                "{\"name\": [\"This field is required.\"], \"tags\": [\"Embedded tags must be a string of comma seperated values, or a list of strings.\"]}",
            ),
            ("name: x\ntimeout: 5m", "{\"timeout\": [\"Enter a valid duration.\"]}"),
            ("name: x\nscript_type: 9", "{\"script_type\": [\"Invalid script type numeric value.\"]}"),
            ("name: x\nparallel: yes", "{\"parallel\": [\"Script parallel must be disabled, instance, or any.\"]}"),
            ("name: x\nresults: {a: {}}", "{\"results\": [\"title must be included in a result dictionary.\"]}"),
            ("name: x\npackages: {snap: [3]}", "{\"packages\": [\"Snap package must be a string.\"]}"),
            (
                "name: x\ncomment: c",
                "{\"comment\": [\"\\\"comment\\\" may only be used when specifying a \\\"script\\\" as well.\"]}",
            ),
        ];
        for (metadata, refusal) in rows {
            assert_eq!(judged(&script(metadata), &[], None), Err(refusal.to_owned()), "{metadata}");
        }
        assert_eq!(
            judged(b"echo\n", &[("name", "x")], None),
            Err("{\"script\": [\"Must start with shebang.\"]}".to_owned())
        );
        assert_eq!(judged(b"#!/bin/sh\n\0", &[("name", "x")], None), Err(NUL.to_owned()));
    }

    #[test]
    fn a_field_may_not_say_otherwise_than_the_metadata_but_for_tags_time_limit_and_packages() {
        let content = script("name: x\ntitle: a\ntimeout: 60\ntags: a");
        let refusal = "{\"title\": [\"May not override values defined in embedded YAML.\"]}".to_owned();
        assert_eq!(judged(&content, &[("title", "b")], None), Err(refusal));
        let sheet = judged(&content, &[("timeout", "90"), ("tags", "b")], None).expect("an upload");
        assert_eq!(
            (duration(sheet.timeout), sheet.tags),
            ("0:01:30".to_owned(), vec!["b".to_owned(), "node".to_owned()])
        );
    }

    #[test]
    fn a_new_version_keeps_tags_and_time_limit_and_begins_without_parameters() {
        let first = script("name: x\ntitle: a\ntimeout: 60\ntags: a\nparameters: {storage: {type: storage}}");
        let first = judged(&first, &[], None).expect("an upload");
        let second = judged(&script("name: x\ntimeout: nonsense\ntags: 3"), &[], Some(&first)).expect("a new version");
        assert_eq!(second, Sheet { parameters: serde_json::json!({}), ..first });
    }

    #[test]
    fn regions_know_the_types_of_their_version_only() {
        let content = script("name: x\nscript_type: release");
        let old = Upload { content: Some(&content), fields: &[], earlier: None, region: RegionVersion::new(3, 4, 10) };
        assert!(matches!(old.judge(), Err(Refusal::Form(errors)) if errors[0].0 == "script_type"));
        assert!(Upload { region: RegionVersion::new(3, 5, 0), ..old }.judge().is_ok());
    }

    #[test]
    fn time_limits_are_shown_as_the_region_shows_them() {
        let rows = [
            (1.5, "0:00:01.500000"),
            (-5.0, "-1 day, 23:59:55"),
            (86_400.0, "1 day, 0:00:00"),
            (180_000.0, "2 days, 2:00:00"),
        ];
        for (seconds, shown) in rows {
            assert_eq!(duration(seconds), shown);
        }
    }
}
