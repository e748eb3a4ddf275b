//! The fields of a header, one method each.

use serde_json::{Map, Value};

use super::entry::{PACKAGE_KINDS, TEXT_KINDS, bad_package, is_hardware};
use super::{Header, HeaderParameter, Problem, line_of, value};
use crate::script::{HardwareType, Parallel, Parameter, ScriptType};
use crate::yaml::Node;

/// Reads the fields and collects what the region would refuse.
pub(super) struct Reader<'a> {
    /// Line of the script that the metadata begins on.
    first: usize,
    yaml: &'a str,
    node: &'a Node,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(first: usize, yaml: &'a str, node: &'a Node) -> Self {
        Reader { first, yaml, node, problems: Vec::new() }
    }

    pub(super) fn header(&mut self) -> Header {
        Header {
            name: self.name(),
            title: self.title(),
            description: self.description(),
            comment: self.comment(),
            tags: self.tags(),
            kind: self.kind(),
            hardware_type: self.hardware_type(),
            parallel: self.parallel(),
            timeout: self.timeout(),
            destructive: self.flag("destructive"),
            may_reboot: self.flag("may_reboot"),
            recommission: self.flag("recommission"),
            for_hardware: self.for_hardware(),
            packages: self.packages(),
            apply_configured_networking: self.flag("apply_configured_networking"),
            parameters: self.parameters(),
            results: self.results(),
        }
    }

    fn problem(&mut self, rule: &'static str, path: &[&str], message: impl Into<String>) {
        let line = self.first + line_of(self.yaml, path);
        let field = path.last().copied().unwrap_or_default();
        self.problems.push(Problem { rule, line, message: format!("{field}: {}", message.into()) });
    }

    fn field(&self, name: &str) -> Option<&Node> {
        self.node.get(name).filter(|node| **node != Node::Null)
    }

    fn text(&self, field: &str) -> Option<String> {
        value::text(self.field(field)?).map(|text| text.trim().to_owned())
    }

    fn title(&mut self) -> Option<String> {
        let title = self.text("title")?;
        if title.chars().count() > 255 {
            self.problem("text-long", &["title"], "longer than 255 characters");
        }
        self.no_nul("title");
        Some(title)
    }

    fn description(&mut self) -> Option<String> {
        self.no_nul("description");
        self.text("description")
    }

    fn tags(&mut self) -> Vec<String> {
        self.no_nul("tags");
        self.words("tags")
    }

    /// The form takes no NUL in a text.
    fn no_nul(&mut self, field: &str) {
        let has_nul = |node: &Node| node.as_str().is_some_and(|text| text.contains('\0'));
        let found = self.field(field).is_some_and(|node| match node {
            Node::Sequence(items) => items.iter().any(has_nul),
            other => has_nul(other),
        });
        if found {
            self.problem("text-nul", &[field], "has a NUL character");
        }
    }

    /// What goes into the database as JSON.
    fn storable(&mut self, field: &str) {
        if let Some(why) = self.field(field).and_then(|node| value::unstorable(node, self.yaml)) {
            let message = format!("{why}, and the region answers such an upload with an error of its own (500)");
            self.problem("unstorable", &[field], message);
        }
    }

    /// The comment of a version is a field of the upload alone.
    fn comment(&mut self) -> Option<String> {
        // Also where it says nothing.
        self.node.get("comment")?;
        self.problem(
            "comment",
            &["comment"],
            "the region takes it beside an upload only, and refuses it in the metadata",
        );
        None
    }

    fn flag(&self, field: &str) -> bool {
        self.field(field).is_some_and(value::flag)
    }

    fn name(&mut self) -> Option<String> {
        let node = self.field("name")?.clone();
        let Some(name) = node.as_str().map(str::to_owned) else {
            self.problem(
                "name-text",
                &["name"],
                "is no text to YAML, and the region answers such an upload with an error of its own (500)",
            );
            return None;
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c);
        let (rule, message) = if name.chars().count() > 255 {
            ("name-long", "longer than 255 characters")
        } else if name.eq_ignore_ascii_case("none") {
            ("name-reserved", "\"none\" is reserved")
        } else if !name.is_empty() && name.chars().all(|c| c.is_ascii_digit()) {
            ("name-digits", "must not be only digits")
        } else if name.is_empty() || !name.chars().all(plain) {
            ("name-quoting", "is empty or has a character that a shell would quote")
        } else {
            return Some(name);
        };
        self.problem(rule, &["name"], message);
        None
    }

    /// A list of texts, or one text with commas.
    fn words(&mut self, field: &str) -> Vec<String> {
        let words = match self.field(field).cloned() {
            None => return Vec::new(),
            Some(Node::Sequence(items)) => {
                items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
            }
            Some(Node::String(text)) => {
                Some(text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect())
            }
            Some(_) => None,
        };
        words.unwrap_or_else(|| {
            self.problem("words", &[field], "must be a list of texts, or words separated by commas");
            Vec::new()
        })
    }

    /// A word that the region compares as it is written, or its number.
    fn word(&self, field: &str) -> Option<Result<String, String>> {
        let node = self.field(field)?;
        Some(value::word(node).ok_or_else(|| value::text(node).unwrap_or_else(|| "a list or mapping".to_owned())))
    }

    fn no_word(&mut self, rule: &'static str, field: &str, word: &str, words: &str) {
        let as_read = match self.field(field) {
            Some(Node::Bool(_)) => format!("{word:?} (as YAML reads yes, no, on and off, too)"),
            _ => format!("{word:?}"),
        };
        self.problem(rule, &[field], format!("{as_read} is not {words}"));
    }

    fn kind(&mut self) -> ScriptType {
        let Some(word) = self.word("script_type") else { return ScriptType::Testing };
        match word.as_deref() {
            Ok("commissioning" | "commission" | "0") => ScriptType::Commissioning,
            Ok("testing" | "test" | "2") => ScriptType::Testing,
            Ok("release" | "3") => ScriptType::Release,
            Ok("deployment" | "4") => ScriptType::Deployment,
            _ => {
                let word = word.unwrap_or_else(|word| word);
                self.no_word(
                    "script-type",
                    "script_type",
                    &word,
                    "commissioning, testing, release or deployment, in small letters",
                );
                ScriptType::Testing
            }
        }
    }

    fn hardware_type(&mut self) -> HardwareType {
        let Some(word) = self.word("hardware_type") else { return HardwareType::Node };
        let lower = word.as_deref().map(str::to_lowercase);
        match lower.as_deref() {
            Ok("node" | "machine" | "controller" | "other" | "generic" | "0") => HardwareType::Node,
            Ok("cpu" | "processor" | "1") => HardwareType::Cpu,
            Ok("memory" | "ram" | "2") => HardwareType::Memory,
            Ok("storage" | "disk" | "ssd" | "3") => HardwareType::Storage,
            Ok("network" | "net" | "interface" | "4") => HardwareType::Network,
            Ok("gpu" | "graphics" | "5") => HardwareType::Gpu,
            _ => {
                let word = word.unwrap_or_else(|word| word);
                self.no_word("hardware-type", "hardware_type", &word, "node, cpu, memory, storage, network or gpu");
                HardwareType::Node
            }
        }
    }

    fn parallel(&mut self) -> Parallel {
        let Some(word) = self.word("parallel") else { return Parallel::Disabled };
        match word.as_deref() {
            Ok("disabled" | "none" | "0") => Parallel::Disabled,
            Ok("instance" | "name" | "1") => Parallel::Instance,
            Ok("any" | "enabled" | "2") => Parallel::Any,
            _ => {
                let word = word.unwrap_or_else(|word| word);
                self.no_word("parallel", "parallel", &word, "disabled, instance or any, in small letters");
                Parallel::Disabled
            }
        }
    }

    fn timeout(&mut self) -> u64 {
        let Some(node) = self.field("timeout") else { return 0 };
        value::timeout(node).unwrap_or_else(|| {
            let text = self.field("timeout").and_then(value::text).unwrap_or_default();
            let message = format!("{text:?} is neither seconds nor HH:MM:SS, or more than a region counts");
            self.problem("timeout", &["timeout"], message);
            0
        })
    }

    /// A list, or one text with commas; blanks around them count.
    fn for_hardware(&mut self) -> Vec<String> {
        self.storable("for_hardware");
        let words: Option<Vec<String>> = match self.field("for_hardware") {
            None => return Vec::new(),
            Some(Node::Sequence(items)) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            Some(Node::String(text)) => Some(text.split(',').map(str::to_owned).collect()),
            Some(_) => None,
        };
        let Some(words) = words else {
            self.problem("words", &["for_hardware"], "must be a list of texts, or words separated by commas");
            return Vec::new();
        };
        if let Some(odd) = words.iter().find(|word| !is_hardware(word)) {
            let message = format!(
                "{odd:?} is none of modalias:PATTERN, pci:VVVV:PPPP, usb:VVVV:PPPP, or a text after {}",
                TEXT_KINDS.join(" ")
            );
            self.problem("for-hardware", &["for_hardware"], message);
        } else if words.iter().any(|word| word.chars().count() > 255) {
            self.problem("text-long", &["for_hardware"], "longer than 255 characters");
        }
        words
    }

    fn packages(&mut self) -> Map<String, Value> {
        let mut packages = Map::new();
        self.storable("packages");
        let Some(node) = self.field("packages").cloned() else { return packages };
        for (key, value) in node.pairs() {
            let key = key.as_str().unwrap_or_default();
            if !PACKAGE_KINDS.contains(&key) {
                continue;
            }
            let list: &[Node] = match value {
                Node::Sequence(items) => items,
                other => std::slice::from_ref(other),
            };
            if let Some((rule, message)) = list.iter().find_map(|item| bad_package(key, item)) {
                self.problem(rule, &["packages", key], message);
            }
            packages.insert(key.to_owned(), list.iter().map(Value::from).collect());
        }
        // The region looks for its keys in whatever there is, and takes what it finds for a mapping.
        let is_found = |kind: &&str| match &node {
            Node::Sequence(items) => items.iter().any(|item| item.as_str() == Some(kind)),
            Node::String(text) => text.contains(*kind),
            Node::Mapping(_) => false,
            _ => true,
        };
        if PACKAGE_KINDS.iter().any(is_found) {
            let message =
                "must be a mapping with apt, snap and url; of this the region makes an error of its own (500)";
            self.problem("packages", &["packages"], message);
        }
        packages
    }

    fn parameters(&mut self) -> Vec<(String, HeaderParameter)> {
        const KINDS: [&str; 8] = ["boolean", "choice", "interface", "password", "runtime", "storage", "string", "url"];
        if self.node.get("parameters") == Some(&Node::Null) {
            self.problem(
                "parameters",
                &["parameters"],
                "must be a mapping of names; of nothing the region makes an error (500)",
            );
        }
        self.storable("parameters");
        let Some(node) = self.field("parameters").cloned() else { return Vec::new() };
        if !matches!(node, Node::Mapping(_)) {
            let message = "must be a mapping of names; the region takes the upload, and refuses to run the script";
            self.problem("parameters", &["parameters"], message);
        }
        let mut parameters = Vec::new();
        for (name, fields) in node.pairs() {
            let name = name.to_text().unwrap_or_default();
            let kind = fields.get("type").and_then(Node::to_text).unwrap_or_default();
            if !KINDS.contains(&kind.as_str()) {
                self.problem(
                    "parameter-type",
                    &["parameters", &name, "type"],
                    format!(
                        "the type {kind:?} is none of {}; the region takes the upload, and refuses to run the script",
                        KINDS.join(", ")
                    ),
                );
                continue;
            }
            let choices = match fields.get("choices") {
                Some(Node::Sequence(items)) => items.iter().map(Value::from).collect(),
                _ => Vec::new(),
            };
            parameters.push((
                name,
                HeaderParameter {
                    parameter: Parameter {
                        kind,
                        argument_format: fields.get("argument_format").and_then(Node::to_text),
                        value: None,
                        default: fields.get("default").map(Value::from),
                    },
                    required: fields.get("required").and_then(Node::as_bool).unwrap_or(true),
                    choices,
                },
            ));
        }
        parameters
    }

    fn results(&mut self) -> Vec<(String, String)> {
        self.storable("results");
        let mut results = Vec::new();
        match self.node.get("results").cloned() {
            None => {}
            Some(Node::Sequence(names)) => {
                if !names.iter().all(|name| name.as_str().is_some()) {
                    self.problem("results", &["results"], "each name of a list must be text");
                }
                results.extend(names.iter().filter_map(Node::to_text).map(|name| (name.clone(), name)));
            }
            Some(Node::Mapping(pairs)) => {
                for (key, fields) in pairs.iter() {
                    let key = key.to_text().unwrap_or_default();
                    match fields.get("title").and_then(Node::as_str).map(str::to_owned) {
                        Some(title) => results.push((key, title)),
                        None => {
                            self.problem("result-title", &["results", &key], "a result needs a title, which is text");
                        }
                    }
                }
            }
            Some(_) => self.problem("results", &["results"], "must be a list of names or a mapping with titles"),
        }
        results
    }
}

/// A time limit in seconds: `90`, `MM:SS` or `HH:MM:SS`.
#[must_use]
pub fn seconds(text: &str) -> Option<u64> {
    let parts = text.trim().split(':').map(|part| part.trim().parse::<u64>().ok()).collect::<Option<Vec<_>>>()?;
    if parts.len() > 3 {
        return None;
    }
    parts.into_iter().try_fold(0u64, |total, part| total.checked_mul(60)?.checked_add(part))
}
