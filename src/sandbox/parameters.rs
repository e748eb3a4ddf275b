//! Parameters of scripts: which results a script gets, and what the region says of values that do not fit (recorded: "parameters, judged
//! when a machine is told to run them").

use serde_json::{Map, Value, json};

use super::Options;
use super::form::Form;
use super::library::LibraryScript;
use super::state::Device;

const KINDS: [&str; 8] = ["boolean", "choice", "interface", "password", "runtime", "storage", "string", "url"];

/// Why a machine does not run a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A field of the form is refused, with this body.
    Form(String),
    /// Values or their declarations are refused, with this body.
    Values(String),
    /// The region stumbles and says this.
    Broken(String),
}

/// One parameter as it is declared, right or wrong.
struct Declared<'a> {
    name: &'a str,
    kind: &'a str,
    fields: &'a Map<String, Value>,
}

/// The parameters of each result that a script gets on a machine with these devices, with the values of a form.
///
/// # Errors
/// The region's answer to a value that it refuses.
pub(super) fn judged(
    script: &LibraryScript,
    disks: &[Device],
    nics: &[Device],
    form: &Form,
) -> Result<Vec<Map<String, Value>>, Refusal> {
    let broken = |told: String| Refusal::Broken(told);
    let pairs = match &script.sheet.parameters {
        Value::Object(pairs) => pairs,
        other => return Err(broken(format!("'{}' object has no attribute 'items'", python_type(other)))),
    };
    let (mut complaints, mut wrong): (Vec<String>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    let mut plain = Map::new();
    let mut devices: Vec<(&str, Map<String, Value>, Vec<&Device>)> = Vec::new();
    for (name, fields) in pairs {
        let Some(fields) = fields.as_object() else {
            return Err(broken(format!("'{}' object has no attribute 'get'", python_type(fields))));
        };
        let Some(kind) = fields.get("type") else { return Err(broken("'type'".to_owned())) };
        let declared = Declared { name, kind: kind.as_str().unwrap_or_default(), fields };
        let complaint = complaint(&declared, kind);
        // Of some declarations that are wrong in themselves the region says that alone.
        let is_silent = matches!(complaint, Some(Complaint::Alone(_)));
        complaints.extend(complaint.map(Complaint::text));
        let given = form.get(name).or_else(|| {
            let key = format!("{}_{name}", script.name);
            form.fields.iter().rfind(|(other, _)| *other == key).map(|(_, value)| value.as_str())
        });
        match declared.kind {
            "storage" | "interface" => {
                let all = if declared.kind == "storage" { disks } else { nics };
                devices.push((name, fields.clone(), chosen(&declared, all, given)?));
            }
            _ => match value(&declared, given, script.header.timeout) {
                Ok(Some(value)) => {
                    let mut own = fields.clone();
                    own.insert("value".to_owned(), value);
                    plain.insert(name.clone(), own.into());
                }
                Ok(None) => {}
                Err(_) if is_silent => {}
                Err(told) => wrong.push((name.clone(), told)),
            },
        }
    }
    if !complaints.is_empty() || !wrong.is_empty() {
        let listed: Vec<String> = complaints.iter().map(|text| json!(text).to_string()).collect();
        let mut fields = Vec::new();
        if !listed.is_empty() {
            fields.push(format!("\"parameters\": [{}]", listed.join(", ")));
        }
        fields.extend(wrong.iter().map(|(name, told)| format!("{}: [{}]", json!(name), json!(told))));
        return Err(Refusal::Values(format!("{{{}}}", fields.join(", "))));
    }
    Ok(results(plain, devices))
}

/// A result for each device; where a script wants both, those of interfaces stand in for those of disks.
fn results(
    plain: Map<String, Value>,
    mut devices: Vec<(&str, Map<String, Value>, Vec<&Device>)>,
) -> Vec<Map<String, Value>> {
    let is_interface = |fields: &Map<String, Value>| fields["type"] == "interface";
    if devices.iter().any(|(_, fields, _)| is_interface(fields)) {
        devices.retain(|(_, fields, _)| is_interface(fields));
    }
    if devices.is_empty() {
        return vec![plain];
    }
    let mut results = Vec::new();
    for (name, fields, own) in devices {
        let all =
            if own.is_empty() { vec![json!("all")] } else { own.into_iter().map(|device| json!(device)).collect() };
        for value in all {
            let (mut result, mut fields) = (plain.clone(), fields.clone());
            fields.insert("value".to_owned(), value);
            result.insert(name.to_owned(), fields.into());
            results.push(result);
        }
    }
    results
}

/// The devices that a form asks for; all without a word.
fn chosen<'a>(declared: &Declared, all: &'a [Device], given: Option<&str>) -> Result<Vec<&'a Device>, Refusal> {
    let Some(word) = given.filter(|word| *word != "all") else { return Ok(all.iter().collect()) };
    let is_it = |device: &&Device| {
        device
            .values()
            .any(|value| value.as_str() == Some(word) || value.as_i64().is_some_and(|id| word.parse() == Ok(id)))
    };
    let found: Vec<&Device> = all.iter().filter(is_it).filter(|_| !word.starts_with('/')).collect();
    if found.is_empty() {
        let told = format!("Select a valid choice. {word} is not one of the available choices.");
        return Err(Refusal::Form(format!("{{{}: [{}]}}", json!(declared.name), json!(told))));
    }
    Ok(found)
}

/// Something wrong with a declaration.
enum Complaint {
    /// The value is not judged any more.
    Alone(String),
    /// The value is judged as well.
    Beside(String),
}

impl Complaint {
    fn text(self) -> String {
        match self {
            Complaint::Alone(text) | Complaint::Beside(text) => text,
        }
    }
}

/// The fault in a declaration.
fn complaint(declared: &Declared, kind: &Value) -> Option<Complaint> {
    let alone = |text: String| Some(Complaint::Alone(text));
    let beside = |text: String| Some(Complaint::Beside(text));
    let Declared { name, kind: word, fields } = declared;
    if !KINDS.contains(word) {
        let shown = kind.as_str().map_or_else(|| kind.to_string(), str::to_owned);
        return alone(format!("{shown}: type must be one of {}", KINDS.join(", ")));
    }
    let number = |field: &str| fields.get(field).and_then(Value::as_i64);
    if let (Some(min), Some(max)) = (number("min"), number("max"))
        && min > max
    {
        return beside("min must be less than max".to_owned());
    }
    for field in ["title", "description", "argument_format", "default"] {
        if let Some(value) = fields.get(field).filter(|value| !value.is_string()) {
            let text = format!("{}: {field} must be a string", printed(value));
            return if field == "default" { beside(text) } else { alone(text) };
        }
    }
    if let Some(value) = fields.get("required").filter(|value| !value.is_boolean()) {
        return beside(format!("{}: required must be a boolean", printed(value)));
    }
    if fields.contains_key("allow_list") && *word != "url" {
        return alone("allow_list only supported with the url type.".to_owned());
    }
    if *word == "choice" {
        return match fields.get("choices") {
            None => alone("choices must be given with a \"choice\" parameter type!".to_owned()),
            Some(Value::Array(_)) => None,
            Some(_) => alone("choices must be a list".to_owned()),
        };
    }
    let keys: &[&str] = match *word {
        "storage" => &["{input}", "{name}", "{path}", "{model}", "{serial}"],
        "interface" => &["{input}", "{name}", "{mac}", "{vendor}", "{product}"],
        _ => &[],
    };
    let format = fields.get("argument_format").and_then(Value::as_str)?;
    let lacks = !keys.is_empty() && !keys.iter().any(|key| format.contains(key));
    lacks.then(|| Complaint::Alone(format!("{name}: argument_format must contain one of {}", keys.join(", "))))
}

/// The value that a parameter gets; none where nothing is given and nothing is asked for.
fn value(declared: &Declared, given: Option<&str>, timeout: u64) -> Result<Option<Value>, String> {
    let default = declared.fields.get("default");
    let number = |field: &str| declared.fields.get(field).and_then(Value::as_i64);
    if declared.kind == "runtime" {
        let whole = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        let seconds = match (given, default) {
            (Some(text), _) => whole(text),
            (None, Some(Value::String(text))) => whole(text),
            (None, Some(other)) => other.as_f64(),
            #[expect(clippy::cast_precision_loss, reason = "no limit is that long")]
            (None, None) => Some(timeout as f64),
        };
        #[expect(clippy::cast_possible_truncation, reason = "whole seconds are meant")]
        let Some(seconds) = seconds.map(|seconds| seconds as i64) else { return Err("Field is required".to_owned()) };
        let (min, max) = (number("min").unwrap_or(0), number("max"));
        if seconds < min {
            return Err(format!("Must be greater than {min}"));
        }
        return match max.filter(|max| seconds > *max) {
            Some(max) => Err(format!("Must be less than {max}")),
            None => Ok(Some(seconds.into())),
        };
    }
    if let (Some(text), "boolean") = (given, declared.kind) {
        return Ok(Some((!["", "0", "false"].contains(&text.to_lowercase().as_str())).into()));
    }
    let Some(value) = given.map(Value::from).or_else(|| default.cloned()) else {
        let is_asked_for = declared.fields.get("required").is_some_and(|value| *value != json!(false));
        return if is_asked_for { Err("Field is required".to_owned()) } else { Ok(None) };
    };
    let length = value.as_str().map_or(0, |text| i64::try_from(text.chars().count()).unwrap_or(i64::MAX));
    if ["string", "password"].contains(&declared.kind) {
        if number("min").is_some_and(|min| length < min) {
            return Err("Input too short".to_owned());
        }
        if number("max").is_some_and(|max| length > max) {
            return Err("Input too long".to_owned());
        }
    }
    Ok(Some(value))
}

fn printed(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null => "None".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn python_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    }
}

/// The parameters of each result that a script gets: one for each device if it wants a device.
pub(super) fn instances(script: &LibraryScript, options: &Options) -> Vec<Map<String, Value>> {
    let Options { disks, interfaces, .. } = options;
    let mut instances = vec![Map::new()];
    for (name, declared) in &script.header.parameters {
        let mut parameter = Map::new();
        parameter.insert("type".into(), declared.parameter.kind.clone().into());
        let values: Vec<Value> = match declared.parameter.kind.as_str() {
            _ if options.values.contains_key(name) => options.values[name].clone(),
            "storage" | "interface" => {
                let devices = if declared.parameter.kind == "storage" { disks } else { interfaces };
                if devices.is_empty() {
                    vec![json!("all")]
                } else {
                    devices.iter().cloned().map(Value::Object).collect()
                }
            }
            "runtime" => vec![declared.parameter.default.clone().unwrap_or_else(|| script.header.timeout.into())],
            _ => vec![declared.parameter.default.clone().unwrap_or(Value::Null)],
        };
        if let Some(format) = &declared.parameter.argument_format {
            parameter.insert("argument_format".into(), format.clone().into());
        }
        if !declared.choices.is_empty() {
            parameter.insert("choices".into(), declared.choices.clone().into());
        }
        if let Some(default) = &declared.parameter.default {
            parameter.insert("default".into(), default.clone());
        }
        let mut product = Vec::new();
        for instance in &instances {
            for value in &values {
                let mut instance = instance.clone();
                let mut parameter = parameter.clone();
                parameter.insert("value".into(), value.clone());
                instance.insert(name.clone(), Value::Object(parameter));
                product.push(instance);
            }
        }
        instances = product;
    }
    instances
}
