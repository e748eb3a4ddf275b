//! The header of a script: the MAAS 1.0 metadata that its author writes in comments (contract SCRIPTS, "The header").
//!
//! Every field is read by the rules of the region's upload form; what the form would refuse is a [`Problem`] with its line.

use serde_json::{Map, Value};

use super::{HardwareType, Parallel, Parameter, ScriptType};
use crate::yaml::{self, Node};

/// A script's metadata with the region's defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// Unique name; `None` when the header does not say (the region then wants it on upload).
    pub name: Option<String>,
    /// Title for people.
    pub title: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// The version comment of the upload.
    pub comment: Option<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// When it runs. Testing, unless it says otherwise.
    pub kind: ScriptType,
    /// What it is about.
    pub hardware_type: HardwareType,
    /// What it may run beside.
    pub parallel: Parallel,
    /// Time limit in seconds; 0 is none.
    pub timeout: u64,
    /// It destroys data.
    pub destructive: bool,
    /// It may reboot the machine in mid-run.
    pub may_reboot: bool,
    /// After it passes, the machine is inventoried again.
    pub recommission: bool,
    /// Hardware that selects it.
    pub for_hardware: Vec<String>,
    /// Software it needs: `apt`, `snap`, `url`.
    pub packages: Map<String, Value>,
    /// Runs under the operator's networking.
    pub apply_configured_networking: bool,
    /// Parameters by name.
    pub parameters: Vec<(String, HeaderParameter)>,
    /// Names of the results it writes, with their titles.
    pub results: Vec<(String, String)>,
}

/// A parameter as its author declares it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeaderParameter {
    /// The part that goes to the node.
    pub parameter: Parameter,
    /// Must be given.
    pub required: bool,
    /// Allowed words of a `choice`.
    pub choices: Vec<Value>,
}

/// Something in a header that the region would refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Problem {
    /// Line of the script, from 1.
    pub line: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Default for Header {
    fn default() -> Self {
        Header {
            name: None,
            title: None,
            description: None,
            comment: None,
            tags: Vec::new(),
            kind: ScriptType::Testing,
            hardware_type: HardwareType::Node,
            parallel: Parallel::Disabled,
            timeout: 0,
            destructive: false,
            may_reboot: false,
            recommission: false,
            for_hardware: Vec::new(),
            packages: Map::new(),
            apply_configured_networking: false,
            parameters: Vec::new(),
            results: Vec::new(),
        }
    }
}

impl Header {
    /// Reads the header of a script; a script without one has the defaults.
    ///
    /// # Errors
    /// Everything that the region would refuse, in the order of the fields.
    pub fn parse(script: &[u8]) -> Result<Header, Vec<Problem>> {
        let text = String::from_utf8_lossy(script);
        let at = |line: usize, message: String| vec![Problem { line, message }];
        if !text.starts_with("#!/") {
            return Err(at(1, "a script must begin with '#!/', the path of its interpreter".to_owned()));
        }
        let Some((first, yaml)) = block(&text).map_err(|problem| vec![problem])? else {
            return Ok(Header::default());
        };
        let node =
            yaml::parse(yaml.as_bytes()).map_err(|error| at(first, format!("the metadata is not YAML: {error}")))?;
        let mut reader = Reader { first, yaml: &yaml, node: &node, problems: Vec::new() };
        if !matches!(node, Node::Mapping(_) | Node::Null) {
            return Err(at(first, "the metadata is not a mapping of fields".to_owned()));
        }
        let header = reader.header();
        if reader.problems.is_empty() { Ok(header) } else { Err(reader.problems) }
    }
}

/// The lines between the two marker comments, without their `#`, and the number of the first.
fn block(text: &str) -> Result<Option<(usize, String)>, Problem> {
    let marker = |line: &str, word: &str| {
        let line = line.trim().to_ascii_lowercase();
        let Some(rest) = line.strip_prefix('#') else { return false };
        let rest = rest.trim();
        rest.starts_with('-')
            && rest.ends_with('-')
            && rest.trim_matches('-').trim() == format!("{word} maas 1.0 script metadata")
    };
    let mut lines = text.lines().enumerate().skip_while(|(_, line)| !marker(line, "start"));
    let Some((start, _)) = lines.next() else { return Ok(None) };
    let mut yaml = String::new();
    for (number, line) in lines {
        if marker(line, "end") {
            return Ok(Some((start + 2, yaml)));
        }
        if let Some(at) = line.find('#') {
            let content = &line[at + 1..];
            yaml.push_str(content.strip_prefix(' ').unwrap_or(content));
        } else if !line.trim().is_empty() {
            let message = "a line inside the metadata block has no '#'".to_owned();
            return Err(Problem { line: number + 1, message });
        }
        yaml.push('\n');
    }
    Err(Problem {
        line: start + 1,
        message: "the metadata block has no '# --- End MAAS 1.0 script metadata ---'".to_owned(),
    })
}

struct Reader<'a> {
    first: usize,
    yaml: &'a str,
    node: &'a Node,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn header(&mut self) -> Header {
        Header {
            name: self.name(),
            title: self.text("title"),
            description: self.text("description"),
            comment: self.text("comment"),
            tags: self.words("tags"),
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

    fn problem(&mut self, field: &str, message: impl Into<String>) {
        let inside =
            self.yaml.lines().position(|line| line.trim_start().starts_with(&format!("{field}:"))).unwrap_or(0);
        self.problems.push(Problem { line: self.first + inside, message: format!("{field}: {}", message.into()) });
    }

    fn field(&self, name: &str) -> Option<&Node> {
        self.node.get(name).filter(|node| **node != Node::Null)
    }

    fn text(&mut self, field: &str) -> Option<String> {
        let node = self.field(field)?.clone();
        let text = node.to_text();
        if text.is_none() {
            self.problem(field, "must be text");
        }
        text
    }

    fn flag(&mut self, field: &str) -> bool {
        let Some(node) = self.field(field).cloned() else { return false };
        node.as_bool().unwrap_or_else(|| {
            self.problem(field, "must be true or false");
            false
        })
    }

    fn name(&mut self) -> Option<String> {
        let name = self.text("name")?;
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "@%+=:,./-_".contains(c));
        let message = if name.len() > 255 {
            "longer than 255 characters"
        } else if name.eq_ignore_ascii_case("none") {
            "\"none\" is reserved"
        } else if name.chars().all(|c| c.is_ascii_digit()) {
            "must not be only digits"
        } else if !plain {
            "has a character that a shell would quote"
        } else {
            return Some(name);
        };
        self.problem("name", message);
        None
    }

    /// A list, or one text with commas.
    fn words(&mut self, field: &str) -> Vec<String> {
        let words = match self.field(field).cloned() {
            None => return Vec::new(),
            Some(Node::Sequence(items)) => items.iter().map(Node::to_text).collect::<Option<Vec<_>>>(),
            Some(other) => other.to_text().map(|text| text.split(',').map(|word| word.trim().to_owned()).collect()),
        };
        words.unwrap_or_else(|| {
            self.problem(field, "must be a list of words, or words separated by commas");
            Vec::new()
        })
    }

    fn word(&mut self, fields: &[&'static str]) -> Option<(&'static str, String)> {
        let field = fields.iter().find(|field| self.field(field).is_some())?;
        Some((field, self.text(field)?.trim().to_lowercase()))
    }

    fn kind(&mut self) -> ScriptType {
        let Some((field, word)) = self.word(&["script_type", "type"]) else { return ScriptType::Testing };
        match word.as_str() {
            "commissioning" | "commission" | "0" => ScriptType::Commissioning,
            "testing" | "test" | "2" => ScriptType::Testing,
            "release" | "3" => ScriptType::Release,
            "deployment" | "4" => ScriptType::Deployment,
            _ => {
                self.problem(field, format!("{word:?} is not commissioning, testing, release or deployment"));
                ScriptType::Testing
            }
        }
    }

    fn hardware_type(&mut self) -> HardwareType {
        let Some((field, word)) = self.word(&["hardware_type"]) else { return HardwareType::Node };
        match word.as_str() {
            "node" | "machine" | "controller" | "other" | "generic" | "0" => HardwareType::Node,
            "cpu" | "processor" | "1" => HardwareType::Cpu,
            "memory" | "ram" | "2" => HardwareType::Memory,
            "storage" | "disk" | "ssd" | "3" => HardwareType::Storage,
            "network" | "net" | "interface" | "4" => HardwareType::Network,
            "gpu" | "graphics" | "5" => HardwareType::Gpu,
            _ => {
                self.problem(field, format!("{word:?} is not node, cpu, memory, storage, network or gpu"));
                HardwareType::Node
            }
        }
    }

    fn parallel(&mut self) -> Parallel {
        let Some((field, word)) = self.word(&["parallel"]) else { return Parallel::Disabled };
        match word.as_str() {
            "disabled" | "none" | "0" | "false" => Parallel::Disabled,
            "instance" | "name" | "1" => Parallel::Instance,
            "any" | "enabled" | "2" | "true" => Parallel::Any,
            _ => {
                self.problem(field, format!("{word:?} is not disabled, instance or any"));
                Parallel::Disabled
            }
        }
    }

    fn timeout(&mut self) -> u64 {
        let Some(text) = self.text("timeout") else { return 0 };
        seconds(&text).unwrap_or_else(|| {
            self.problem("timeout", format!("{text:?} is neither seconds nor HH:MM:SS"));
            0
        })
    }

    fn for_hardware(&mut self) -> Vec<String> {
        const KINDS: [&str; 8] = [
            "modalias:",
            "pci:",
            "usb:",
            "system_vendor:",
            "system_product:",
            "system_version:",
            "mainboard_vendor:",
            "mainboard_product:",
        ];
        let words = self.words("for_hardware");
        if let Some(odd) = words.iter().find(|word| !KINDS.iter().any(|kind| word.starts_with(kind))) {
            let message = format!("{odd:?} begins with none of {}", KINDS.join(" "));
            self.problem("for_hardware", message);
        }
        words
    }

    fn packages(&mut self) -> Map<String, Value> {
        let mut packages = Map::new();
        let Some(node) = self.field("packages").cloned() else { return packages };
        for (key, value) in node.pairs() {
            let key = key.to_text().unwrap_or_default();
            if !["apt", "snap", "url"].contains(&key.as_str()) {
                self.problem("packages", format!("{key:?} is not apt, snap or url"));
                continue;
            }
            let list = match value {
                Node::Sequence(items) => items.iter().map(Value::from).collect(),
                other => vec![Value::from(other)],
            };
            packages.insert(key, Value::Array(list));
        }
        if !matches!(node, Node::Mapping(_)) {
            self.problem("packages", "must be a mapping with apt, snap and url");
        }
        packages
    }

    fn parameters(&mut self) -> Vec<(String, HeaderParameter)> {
        const KINDS: [&str; 8] = ["boolean", "choice", "interface", "password", "runtime", "storage", "string", "url"];
        let Some(node) = self.field("parameters").cloned() else { return Vec::new() };
        if !matches!(node, Node::Mapping(_)) {
            self.problem("parameters", "must be a mapping of names");
        }
        let mut parameters = Vec::new();
        for (name, fields) in node.pairs() {
            let name = name.to_text().unwrap_or_default();
            let kind = fields.get("type").and_then(Node::to_text).unwrap_or_default();
            if !KINDS.contains(&kind.as_str()) {
                self.problem(&name, format!("the type {kind:?} is none of {}", KINDS.join(", ")));
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
        let mut results = Vec::new();
        match self.field("results").cloned() {
            None => {}
            Some(Node::Sequence(names)) => {
                results.extend(names.iter().filter_map(Node::to_text).map(|name| (name.clone(), name)));
            }
            Some(Node::Mapping(pairs)) => {
                for (key, fields) in pairs {
                    let key = key.to_text().unwrap_or_default();
                    match fields.get("title").and_then(Node::to_text) {
                        Some(title) => results.push((key, title)),
                        None => self.problem(&key, "a result needs a title"),
                    }
                }
            }
            Some(_) => self.problem("results", "must be a list of names or a mapping with titles"),
        }
        results
    }
}

/// `90`, `MM:SS` or `HH:MM:SS`.
fn seconds(text: &str) -> Option<u64> {
    let parts = text.trim().split(':').map(|part| part.trim().parse::<u64>().ok()).collect::<Option<Vec<_>>>()?;
    if parts.len() > 3 {
        return None;
    }
    parts.into_iter().try_fold(0u64, |total, part| total.checked_mul(60)?.checked_add(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(yaml: &str) -> String {
        let body: String = yaml.lines().map(|line| format!("# {line}\n")).collect();
        format!(
            "#!/bin/sh\n#\n# --- Start MAAS 1.0 script metadata ---\n{body}# --- End MAAS 1.0 script metadata ---\nexit 0\n"
        )
    }

    #[test]
    fn all_fields_are_read() {
        let header = Header::parse(
            script(
                "name: disk-check\ntitle: T\ndescription: D\nscript_type: test\nhardware_type: disk\nparallel: instance\n\
                 timeout: 00:10:30\ntags: [a, b]\ndestructive: true\nmay_reboot: yes\nfor_hardware: pci:8086:1234\n\
                 packages: {apt: fio, snap: [{name: x, mode: classic}]}\nparameters:\n  storage: {type: storage}\n\
                 \x20 depth: {type: choice, choices: [a, b], default: a}\nresults:\n  errors: {title: Errors}",
            )
            .as_bytes(),
        )
        .expect("a valid header");
        assert_eq!(header.name.as_deref(), Some("disk-check"));
        assert_eq!((header.kind, header.hardware_type), (ScriptType::Testing, HardwareType::Storage));
        assert_eq!((header.parallel, header.timeout), (Parallel::Instance, 630));
        assert!(header.destructive && header.may_reboot && !header.recommission);
        assert_eq!(header.tags, ["a", "b"]);
        assert_eq!(header.packages["apt"], serde_json::json!(["fio"]));
        assert_eq!(header.parameters[1].1.parameter.default, Some("a".into()));
        assert_eq!(header.results, [("errors".to_owned(), "Errors".to_owned())]);
    }

    #[test]
    fn each_mistake_is_told_with_its_line() {
        let problems = Header::parse(
            script("name: '123'\ntimeout: soon\nparallel: often\nparameters:\n  x: {type: wish}\npackages: {rpm: y}")
                .as_bytes(),
        )
        .expect_err("mistakes");
        let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [4, 6, 5, 9, 8], "{problems:?}");
    }

    #[test]
    fn a_script_without_header_has_the_defaults() {
        assert_eq!(Header::parse(b"#!/bin/sh\nexit 0\n"), Ok(Header::default()));
        assert!(Header::parse(b"\x7fELF").is_err());
    }

    #[test]
    fn an_open_block_and_a_bare_line_are_told() {
        let open =
            Header::parse(b"#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: x\n").expect_err("open");
        assert_eq!(open[0].line, 2);
        let bare = Header::parse(b"#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\nname: x\n").expect_err("bare");
        assert_eq!(bare[0].line, 3);
    }
}
