//! The region's words for what [`super::super::Header`]'s reader finds (recorded: "script header: fields", "names").

use super::Refusal;
use crate::script::header::is_hardware;
use crate::yaml::{Node, Other};

pub(super) const NUL: &str = "A string literal cannot contain NUL (0x00) characters.";
pub(super) const COMMENT: &str = "\"comment\" may only be used when specifying a \"script\" as well.";
pub(super) const SCRIPT_TYPE: &str = "Script type must be commissioning, testing, release or deployment";
const HARDWARE_TYPE: &str = "Hardware type must be node, cpu, memory, storage, or gpu";
const TAGS: &str = "Embedded tags must be a string of comma seperated values, or a list of strings.";
const NO_NULL: &str =
    "null value in column \"parameters\" of relation \"maasserver_script\" violates not-null constraint";

/// Field and text for a rule that some metadata break; nothing where the upload form has no word for it.
///
/// # Errors
/// When the region does not refuse the form but stumbles.
pub(super) fn complaint(rule: &str, metadata: &Node) -> Result<Option<(&'static str, String)>, Refusal> {
    let broken = |text: &str| Err(Refusal::Broken(text.to_owned()));
    let field = |name: &str| metadata.get(name).unwrap_or(&Node::Null);
    let is_number = |name: &str| field(name).to_text().is_some_and(|text| text.parse::<i64>().is_ok());
    let name = || field("name").as_str().unwrap_or_default();
    let told = |field: &'static str, text: &str| Ok(Some((field, text.to_owned())));
    match rule {
        "name-text" => broken(&format!("'{}' object has no attribute 'lower'", python_type(field("name")))),
        "name-long" => Ok(Some(("name", too_long(name())))),
        "name-reserved" => told("name", "\"none\" is a reserved name."),
        "name-digits" => told("name", "Cannot be a number."),
        "name-quoting" => {
            told("name", &format!("Name '{}' contains disallowed characters, e.g. space or quotes.", name()))
        }
        "text-long" => Ok(Some(("title", too_long(&field("title").to_text().unwrap_or_default())))),
        "script-type" if is_number("script_type") => told("script_type", "Invalid script type numeric value."),
        "script-type" => told("script_type", SCRIPT_TYPE),
        "hardware-type" if is_number("hardware_type") => told("hardware_type", "Invalid hardware type numeric value."),
        "hardware-type" => told("hardware_type", HARDWARE_TYPE),
        "parallel" => told("parallel", "Script parallel must be disabled, instance, or any."),
        "timeout" if field("timeout").as_str() == Some("") => {
            Err(Refusal::Record("timeout", "This field cannot be null.".to_owned()))
        }
        "timeout" => told("timeout", "Enter a valid duration."),
        "words" => words(metadata),
        "for-hardware" => Ok(for_hardware(metadata)),
        "results" | "result-title" => results(field("results")),
        "package-name" | "snap-name" | "snap-channel" | "snap-mode" => Ok(Some(("packages", package(rule, metadata)))),
        "packages" => {
            broken(&format!("argument of type '{}' is not a container or iterable", python_type(field("packages"))))
        }
        "parameters" if matches!(field("parameters"), Node::Null) => broken(NO_NULL),
        // Parameters are judged when a machine is told to run the script.
        _ => Ok(None),
    }
}

fn too_long(text: &str) -> String {
    format!("Ensure this value has at most 255 characters (it has {}).", text.chars().count())
}

fn words(metadata: &Node) -> Result<Option<(&'static str, String)>, Refusal> {
    let is_list_of_words = |node: &Node| match node {
        Node::Null | Node::String(_) => true,
        Node::Sequence(items) => items.iter().all(|item| item.as_str().is_some()),
        _ => false,
    };
    let field = |name: &str| metadata.get(name).unwrap_or(&Node::Null);
    if !is_list_of_words(field("tags")) {
        return Ok(Some(("tags", TAGS.to_owned())));
    }
    match field("for_hardware") {
        Node::Sequence(items) => {
            let odd = items.iter().find(|item| item.as_str().is_none()).map_or("NoneType", python_type);
            Err(Refusal::Broken(format!("expected string or bytes-like object, got '{odd}'")))
        }
        _ => Ok(Some(("for_hardware", "Must be a list or string".to_owned()))),
    }
}

fn for_hardware(metadata: &Node) -> Option<(&'static str, String)> {
    let words: Vec<String> = match metadata.get("for_hardware")? {
        Node::Sequence(items) => items.iter().filter_map(Node::to_text).collect(),
        other => other.to_text()?.split(',').map(|word| word.trim().to_owned()).collect(),
    };
    let odd = words.into_iter().find(|word| !is_hardware(word))?;
    let text = format!(
        "Hardware identifier '{odd}' must be a modalias, PCI ID, USB ID, system vendor, system product, system version, \
         mainboard vendor, or mainboard product."
    );
    Some(("for_hardware", text))
}

fn results(results: &Node) -> Result<Option<(&'static str, String)>, Refusal> {
    let odd = match results {
        Node::Sequence(_) => "Each result in a result list must be a string.",
        Node::Mapping(pairs) => {
            let bad = pairs
                .iter()
                .map(|(_, fields)| fields)
                .find(|fields| fields.get("title").and_then(Node::as_str).is_none());
            match bad {
                Some(Node::Mapping(fields)) if fields.iter().any(|(key, _)| key.as_str() == Some("title")) => {
                    "title must be a string."
                }
                Some(Node::Mapping(_)) => "title must be included in a result dictionary.",
                _ => {
                    let text = "The Script could not be created because the data didn't validate.";
                    return Err(Refusal::Broken(text.to_owned()));
                }
            }
        }
        _ => "results must be a list of strings or a dictionary of dictionaries.",
    };
    Ok(Some(("results", odd.to_owned())))
}

fn package(rule: &str, metadata: &Node) -> String {
    let kinds = metadata.get("packages").map(Node::pairs).unwrap_or_default();
    let of = |kind: &str| kinds.iter().find(|(key, _)| key.as_str() == Some(kind)).map(|(_, value)| value);
    let is_bad = |value: &Node| match value {
        Node::Sequence(items) => items.iter().any(|item| item.as_str().is_none()),
        other => other.as_str().is_none(),
    };
    let has_nameless = |value: &Node| match value {
        Node::Sequence(items) => items.iter().any(|item| matches!(item, Node::Mapping(_))),
        other => matches!(other, Node::Mapping(_)),
    };
    match rule {
        "snap-channel" => "Snap channel must be stable, edge, beta, or candidate.".to_owned(),
        "snap-mode" => "Snap mode must be classic, dev, or jail.".to_owned(),
        "snap-name" if of("snap").is_some_and(has_nameless) => "Snap package name must be defined.".to_owned(),
        "snap-name" => "Snap package must be a string.".to_owned(),
        _ => {
            let kind = if of("apt").is_some_and(is_bad) { "apt" } else { "url" };
            format!("Each {kind} package must be a string.")
        }
    }
}

/// The word of the region's language for the type of a value.
pub(super) fn python_type(node: &Node) -> &'static str {
    match node {
        Node::Null => "NoneType",
        Node::Bool(_) => "bool",
        Node::Int(_) => "int",
        Node::Float(_) => "float",
        Node::String(_) => "str",
        Node::Sequence(_) => "list",
        Node::Mapping(_) => "dict",
        Node::Other(Other::Date) => "datetime.date",
        Node::Other(Other::DateTime) => "datetime.datetime",
        Node::Other(other) => other.name(),
    }
}

/// A value as the region's language prints it.
pub(super) fn printed(node: &Node) -> String {
    let list = |items: &[Node]| items.iter().map(quoted).collect::<Vec<_>>().join(", ");
    match node {
        Node::String(text) => text.clone(),
        Node::Null => "None".to_owned(),
        Node::Bool(true) => "True".to_owned(),
        Node::Bool(false) => "False".to_owned(),
        Node::Sequence(items) => format!("[{}]", list(items)),
        Node::Mapping(pairs) => {
            let pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{}: {}", quoted(k), quoted(v))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Node::Int(number) => number.digits.clone(),
        other => other.to_text().unwrap_or_default(),
    }
}

fn quoted(node: &Node) -> String {
    match node {
        Node::String(text) => format!("'{text}'"),
        Node::Sequence(_) | Node::Mapping(_) => "[...]".to_owned(),
        other => printed(other),
    }
}
