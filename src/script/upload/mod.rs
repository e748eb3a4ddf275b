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
    /// What is changed.
    pub earlier: Option<&'a Sheet>,
    /// The version of the region that judges.
    pub region: RegionVersion,
}

impl Upload<'_> {
    /// What the region keeps of it.
    ///
    /// # Errors
    /// What the region answers instead.
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
        let (first, yaml) = metadata.as_ref().and_then(|metadata| metadata.block.as_ref()).map_or((1, ""), |block| {
            (block.first, block.yaml.as_str())
        });
        let (header, problems) = read_header(&merged, first, yaml);
        let mut errors: Vec<(&'static str, Vec<String>)> = Vec::new();
        if self.lacks_name(&merged) {
            errors.push(("name", vec!["This field is required.".to_owned()]));
        }
        for problem in problems {
            let Some((field, text)) = complaint(problem.rule, &merged)? else { continue };
            if field == "tags" && errors.is_empty() && self.earlier.is_none() && self.field("name").is_none() {
                // The form gives up on the metadata there.
                return Err(Refusal::Form(vec![("name", vec!["This field is required.".to_owned()]), ("tags", vec![text])]));
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
        Ok(Sheet::new(&header, &merged, yaml, self.earlier))
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
