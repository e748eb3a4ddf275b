//! Parameters, and how they become arguments.

use super::names::{PARAMETER_FIELDS, suggestion};
use super::source::Source;
use super::{Level, Rule, Told, told};
use crate::yaml::Node;

pub(super) const RULES: &[Rule] = &[
    Rule { id: "parameter-field", level: Level::Warning, check: |s| each(s, unknown_field) },
    Rule { id: "parameter-name", level: Level::Error, check: |s| each(s, name) },
    Rule { id: "parameter-value", level: Level::Error, check: |s| each(s, value) },
    Rule { id: "min-max-unsupported", level: Level::Error, check: |s| each(s, min_max_unsupported) },
    Rule { id: "min-max-order", level: Level::Error, check: |s| each(s, min_max_order) },
    Rule { id: "argument-format", level: Level::Error, check: |s| each(s, argument_format) },
    Rule { id: "argument-format-input", level: Level::Warning, check: |s| each(s, argument_format_input) },
    Rule { id: "argument-format-key", level: Level::Error, check: |s| each(s, argument_format_key) },
    Rule { id: "argument-format-mac", level: Level::Warning, check: |s| each(s, argument_format_mac) },
    Rule { id: "choices-missing", level: Level::Error, check: |s| each(s, choices_missing) },
    Rule { id: "choices-unsupported", level: Level::Error, check: |s| each(s, choices_unsupported) },
    Rule { id: "choices-default", level: Level::Warning, check: |s| each(s, choices_default) },
    Rule { id: "allow-list", level: Level::Error, check: |s| each(s, allow_list) },
    Rule { id: "default-type", level: Level::Error, check: |s| each(s, default_type) },
    Rule { id: "runtime-default", level: Level::Error, check: |s| each(s, runtime_default) },
    Rule { id: "default-range", level: Level::Error, check: |s| each(s, default_range) },
    Rule { id: "required-default", level: Level::Warning, check: |s| each(s, required_default) },
    Rule { id: "password-visible", level: Level::Info, check: |s| each(s, password) },
    Rule { id: "parameter-unused", level: Level::Warning, check: |s| each(s, unused).into_iter().take(1).collect() },
    Rule { id: "many-devices", level: Level::Warning, check: many_devices },
];

/// One parameter as it is written.
pub(super) struct Written<'a> {
    source: &'a Source<'a>,
    key: &'a Node,
    name: String,
    kind: String,
    fields: &'a Node,
}

impl Written<'_> {
    /// Of a type that there is: others are told as that.
    fn is_known(&self) -> bool {
        self.source.header().parameters.iter().any(|(name, _)| *name == self.name)
    }

    fn get(&self, field: &str) -> Option<&Node> {
        self.fields.get(field).filter(|node| **node != Node::Null)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn kind(&self) -> &str {
        &self.kind
    }

    pub(super) fn argument_format(&self) -> Option<&str> {
        self.get("argument_format")?.as_str()
    }

    /// As regions read it: what says nothing is.
    pub(super) fn is_required(&self) -> bool {
        self.source.header().parameters.iter().any(|(name, parameter)| *name == self.name && parameter.required)
    }

    pub(super) fn tell(&self, field: &str, message: impl std::fmt::Display, advice: impl Into<String>) -> Told {
        let path = ["parameters", &self.name, field];
        let line = self.source.line_of(if field.is_empty() { &path[..2] } else { &path });
        told(line, format!("parameter {}: {message}", self.name), advice)
    }

    pub(super) fn is_device(&self) -> bool {
        ["storage", "interface"].contains(&self.kind.as_str())
    }

    /// The keys between braces of its `argument_format`; a lone brace is an error.
    fn keys(&self) -> Option<Result<Vec<&str>, ()>> {
        let mut rest = self.get("argument_format")?.as_str()?;
        let mut keys = Vec::new();
        while let Some(at) = rest.find(['{', '}']) {
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                rest = after;
                continue;
            }
            let Some((key, after)) = rest.split_once('}').filter(|_| brace == "{") else { return Some(Err(())) };
            keys.push(key);
            rest = after;
        }
        Some(Ok(keys))
    }
}

pub(super) fn each(source: &Source, check: fn(&Written<'_>) -> Option<Told>) -> Vec<Told> {
    let written = source.parameters().map(|(key, fields)| Written {
        source,
        key,
        name: key.to_text().unwrap_or_default(),
        kind: fields.get("type").and_then(Node::to_text).unwrap_or_default(),
        fields,
    });
    written.filter_map(|parameter| check(&parameter)).collect()
}

fn unknown_field(p: &Written) -> Option<Told> {
    let mut fields = p.fields.pairs().iter().filter_map(|(key, _)| key.to_text());
    let odd = fields.find(|field| !PARAMETER_FIELDS.contains(&field.as_str()))?;
    Some(p.tell(&odd, format!("{odd:?} is no field of a parameter"), suggestion(&odd, &PARAMETER_FIELDS)))
}

fn name(p: &Written) -> Option<Told> {
    p.key.as_str().is_none().then(|| p.tell("", "its name is no text", "put it into quotes"))
}

/// Fields whose values have another type than the form takes.
fn value(p: &Written) -> Option<Told> {
    let fits = |field: &str, node: &Node| match field {
        "title" | "description" | "argument_format" => node.as_str().is_some(),
        "min" | "max" => matches!(node, Node::Int(_)),
        "required" => node.as_bool().is_some(),
        "choices" => matches!(node, Node::Sequence(items) if items.iter().all(is_choice)),
        _ => true,
    };
    let field = PARAMETER_FIELDS.into_iter().find(|field| p.get(field).is_some_and(|node| !fits(field, node)))?;
    let wanted = match field {
        "min" | "max" => "a whole number",
        "required" => "true or false",
        "choices" => "a list of texts, or of pairs of a text and its title",
        _ => "text",
    };
    Some(p.tell(field, format!("{field} must be {wanted}"), format!("write {wanted}")))
}

/// A pair has two texts; anything else is compared with what was chosen.
fn is_choice(choice: &Node) -> bool {
    match choice {
        Node::Sequence(pair) => pair.len() == 2 && pair.iter().all(|text| text.as_str().is_some()),
        _ => true,
    }
}

fn min_max_unsupported(p: &Written) -> Option<Told> {
    if !["storage", "interface", "url", "choice"].contains(&p.kind.as_str()) {
        return None;
    }
    let field = ["min", "max"].into_iter().find(|field| p.get(field).is_some())?;
    Some(p.tell(field, format!("{field} does not go with the type {}", p.kind), "take it out"))
}

fn min_max_order(p: &Written) -> Option<Told> {
    let number = |field| match p.get(field) {
        Some(Node::Int(number)) => number.digits.parse::<i64>().ok(),
        _ => None,
    };
    let (min, max) = (number("min"), number("max"));
    if p.kind == "runtime" && min.is_some_and(|min| min < 0) {
        return Some(p.tell("min", "a runtime cannot be negative", "write 0 or more"));
    }
    (min? > max?).then(|| p.tell("min", "min is more than max", "exchange the two"))
}

fn argument_format(p: &Written) -> Option<Told> {
    let format = p.get("argument_format")?.as_str()?;
    let wanted: &[&str] = match p.kind.as_str() {
        "storage" => &["{input}", "{name}", "{path}", "{model}", "{serial}"],
        "interface" => &["{input}", "{name}", "{mac}", "{vendor}", "{product}"],
        _ => return None,
    };
    let holds = p.is_known() && !wanted.iter().any(|key| format.contains(key));
    let words = wanted.join(" ");
    holds.then(|| p.tell("argument_format", format!("argument_format has none of {words}"), "put one of them into it"))
}

/// Regions take it since 3.5: a word that is always the same.
fn argument_format_input(p: &Written) -> Option<Told> {
    let format = p.get("argument_format")?.as_str()?;
    let holds = p.is_known() && !p.is_device() && !format.contains("{input}");
    let message =
        "argument_format has no {input}, so that the script never learns the value; regions before 3.5 refuse that";
    holds.then(|| p.tell("argument_format", message, "put {input} into it"))
}

fn argument_format_key(p: &Written) -> Option<Told> {
    let known: &[&str] = match p.kind.as_str() {
        "storage" => &["input", "name", "path", "model", "serial", "id", "id_path"],
        "interface" => &["input", "name", "mac", "mac_address", "vendor", "product", "id"],
        _ => &["input"],
    };
    let Ok(keys) = p.keys().filter(|_| p.is_known())? else {
        return Some(p.tell(
            "argument_format",
            "argument_format has a lone brace",
            "write {{ or }} for a brace itself",
        ));
    };
    let odd = keys.iter().find(|key| !known.contains(key))?;
    let message =
        format!("argument_format asks for {{{odd}}}, which nobody fills in: the script fails before it starts");
    Some(p.tell("argument_format", message, suggestion(odd, known)))
}

fn argument_format_mac(p: &Written) -> Option<Told> {
    let holds = p.kind == "interface" && p.keys()?.ok()?.contains(&"mac");
    let message = "{mac} works with Shakedown; MAAS's own runner fails with it as if there were no such interface";
    let advice = "write {name}, and read /sys/class/net/NAME/address";
    holds.then(|| p.tell("argument_format", message, advice))
}

fn choices_missing(p: &Written) -> Option<Told> {
    let empty = p.get("choices").is_none_or(|choices| matches!(choices, Node::Sequence(items) if items.is_empty()));
    (p.kind == "choice" && empty).then(|| p.tell("type", "a choice without choices", "write choices: [ONE, TWO]"))
}

fn choices_unsupported(p: &Written) -> Option<Told> {
    let holds = p.kind != "choice" && p.get("choices").is_some();
    holds.then(|| p.tell("choices", format!("choices do not go with the type {}", p.kind), "write type: choice"))
}

fn choices_default(p: &Written) -> Option<Told> {
    let Some(Node::Sequence(choices)) = p.get("choices").filter(|_| p.kind == "choice") else { return None };
    let default = p.get("default")?.to_text()?;
    // A choice may be a pair of a value and its title.
    let value = |choice: &Node| match choice {
        Node::Sequence(pair) => pair.first().and_then(Node::to_text),
        other => other.to_text(),
    };
    let holds = !choices.iter().any(|choice| value(choice).as_ref() == Some(&default));
    holds.then(|| p.tell("default", format!("the default {default:?} is none of the choices"), "choose one of them"))
}

fn allow_list(p: &Written) -> Option<Told> {
    let value = p.get("allow_list")?;
    if p.kind != "url" {
        return Some(p.tell("allow_list", "allow_list goes with the type url only", "take it out"));
    }
    value.as_bool().is_none().then(|| p.tell("allow_list", "allow_list must be true or false", "write true or false"))
}

fn default_type(p: &Written) -> Option<Told> {
    p.get("default")?.as_str().is_none().then(|| {
        let message = "the default is no text, and regions refuse to run the script, whatever its type";
        p.tell("default", message, "put it into quotes")
    })
}

fn runtime_default(p: &Written) -> Option<Told> {
    let text = p.get("default")?.as_str().filter(|_| p.kind == "runtime")?;
    let message = format!("the default {text:?} is no number of seconds, and regions refuse to run the script");
    text.trim().parse::<f64>().is_err().then(|| p.tell("default", message, "write seconds, in quotes"))
}

/// Seconds of a runtime, characters of a text.
fn default_range(p: &Written) -> Option<Told> {
    let number = |field| match p.get(field) {
        Some(Node::Int(number)) => number.digits.parse::<f64>().ok(),
        _ => None,
    };
    let text = p.get("default")?.as_str()?;
    let size = match p.kind.as_str() {
        "runtime" => text.trim().parse().ok()?,
        "string" => f64::from(u32::try_from(text.chars().count()).ok()?),
        _ => return None,
    };
    let is_less = number("min").is_some_and(|min| size < min);
    let is_more = number("max").is_some_and(|max| size > max);
    let message = "the default is below min or above max, so that regions refuse to run the script with it";
    let is_order = number("min").zip(number("max")).is_none_or(|(min, max)| min <= max);
    (is_order && (is_less || is_more)).then(|| p.tell("default", message, "choose another"))
}

fn required_default(p: &Written) -> Option<Told> {
    let asked = p.get("required").and_then(Node::as_bool) == Some(true);
    let holds = asked && !p.is_device() && p.kind != "runtime" && p.get("default").is_none();
    let message = "it is required and has no default: the script cannot be started without somebody who fills it in";
    holds
        .then(|| p.tell("required", message, "give a default, or tag the script noauto"))
        .filter(|_| !p.source.header().tags.iter().any(|tag| tag == "noauto"))
}

fn password(p: &Written) -> Option<Told> {
    let message = "a password is handed over as an argument, which every process on the machine can read";
    (p.kind == "password").then(|| p.tell("type", message, "take one that is worth nothing elsewhere"))
}

/// Nothing in the body looks as if arguments were read at all, or this one.
fn unused(p: &Written) -> Option<Told> {
    const READERS: [&str; 10] = ["$@", "$*", "$1", "${1", "${@", "argv", "argparse", "getopts", "@ARGV", "click"];
    if p.kind == "runtime" || p.source.body.iter().all(|line| line.is_empty()) {
        return None;
    }
    let format = p.get("argument_format").and_then(Node::as_str).map(str::to_owned);
    let format = format.unwrap_or_else(|| format!("--{}=", if p.is_device() { &p.kind } else { &p.name }));
    let option = format.split(['=', ' ', '{']).next().unwrap_or_default();
    let read = |word: &str| p.source.mention(word).is_some();
    let used = READERS.into_iter().any(read) || (option.starts_with('-') && read(option));
    (!used).then(|| p.tell("", "the script reads no arguments, so that it never learns of this one", "read \"$1\""))
}

fn many_devices(source: &Source) -> Vec<Told> {
    let kinds = ["storage", "interface"].into_iter();
    kinds
        .filter_map(|kind| {
            let second = source.of_kind(kind).get(1).map(|(name, _)| name.as_str())?;
            let message =
                format!("a second parameter of the type {kind}: there is one result for each pair of devices");
            Some(told(source.line_of(&["parameters", second]), message, "test one device in each run of the script"))
        })
        .collect()
}
