//! The header of a script: the MAAS 1.0 metadata that its author writes in comments (contract SCRIPTS, "The header").
//!
//! Every field is read by the rules of the region's upload form; what the form would refuse is a [`Problem`] with its line.

mod block;
mod duration;
mod entry;
mod place;
mod reader;
mod value;

use serde_json::{Map, Value};

use super::{HardwareType, Parallel, Parameter, ScriptType};
use crate::yaml::{self, Node};
use block::block;
pub(super) use block::{Block, Marker, lines, marker};
pub(super) use entry::is_hardware;
pub(super) use place::line_of;
use reader::Reader;
pub use reader::seconds;
pub(super) use value::time_limit;

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
    /// What kind of mistake it is, in a word or two that stay the same.
    pub rule: &'static str,
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
        let metadata = Metadata::read(script);
        if metadata.problems.is_empty() { Ok(metadata.header) } else { Err(metadata.problems) }
    }
}

/// What a script says of itself, for one that is about to be run.
#[derive(Clone, Debug, PartialEq)]
pub enum Declared {
    /// What could be read, right or wrong, with the defaults for the rest: a region of another version may take what this one refuses.
    Read(Box<Header>),
    /// The file or its metadata cannot be read at all, so that nothing is known of what it does.
    Unreadable,
}

impl Declared {
    /// What the content of a script says; of a file that could not be read there is none.
    #[must_use]
    pub fn of(content: Option<&[u8]>) -> Declared {
        match content.map(Metadata::read) {
            Some(Metadata { header, is_readable: true, .. }) => Declared::Read(Box::new(header)),
            _ => Declared::Unreadable,
        }
    }

    /// True if it may destroy data: what cannot be read may.
    #[must_use]
    pub fn may_destroy(&self) -> bool {
        match self {
            Declared::Read(header) => header.destructive,
            Declared::Unreadable => true,
        }
    }

    /// True if it says that it may reboot the machine.
    #[must_use]
    pub fn may_reboot(&self) -> bool {
        match self {
            Declared::Read(header) => header.may_reboot,
            Declared::Unreadable => false,
        }
    }

    /// True if the region lets its own commissioning scripts run again after it.
    #[must_use]
    pub fn recommissions(&self) -> bool {
        match self {
            Declared::Read(header) => header.recommission,
            Declared::Unreadable => false,
        }
    }
}

/// Reads metadata that were put together by whoever has them, with the line of the script that they begin on and their text.
pub(super) fn judge(metadata: &Node, first: usize, yaml: &str) -> (Header, Vec<Problem>) {
    let mut reader = Reader::new(first, yaml, metadata);
    let header = reader.header();
    (header, reader.problems)
}

/// What there is of a header, right or wrong.
#[derive(Debug)]
pub(super) struct Metadata {
    /// What could be read; the defaults for the rest.
    pub(super) header: Header,
    /// The block itself; `None` where there is none, or none that can be told from the commands.
    pub(super) block: Option<Block>,
    /// Its YAML.
    pub(super) node: Node,
    /// Keys that stand again further down in their mapping, with their lines in the script.
    pub(super) repeated: Vec<(usize, String)>,
    /// What the region would refuse.
    pub(super) problems: Vec<Problem>,
    /// True if the block, if there is one, could be taken apart into fields.
    is_readable: bool,
}

impl Metadata {
    pub(super) fn read(script: &[u8]) -> Metadata {
        let text = String::from_utf8_lossy(script);
        let mut read = Metadata {
            header: Header::default(),
            block: None,
            node: Node::Null,
            repeated: Vec::new(),
            problems: Vec::new(),
            is_readable: true,
        };
        if let Err(problem) = read.fill(&text) {
            read.problems.push(problem);
            read.is_readable = false;
        }
        read.problems.extend(about_the_file(&text));
        read
    }

    fn fill(&mut self, text: &str) -> Result<(), Problem> {
        let problem = |rule, line, message: &str| Problem { rule, line, message: message.to_owned() };
        let Some(block) = block(text)? else { return Ok(()) };
        let first = block.first;
        let (parsed, repeated) = yaml::parse_noting(block.yaml.as_bytes());
        self.repeated = repeated.into_iter().map(|(line, key)| (first + line - 1, key)).collect();
        let block = self.block.insert(block);
        self.node = parsed.map_err(|error| {
            let (inside, message) = match error {
                yaml::Error::Syntax { line, message } | yaml::Error::Poison { line, message, .. } => {
                    (line - 1, message)
                }
                other => (0, other.to_string()),
            };
            problem("yaml", first + inside, &format!("the metadata is not YAML as regions read it: {message}"))
        })?;
        if !matches!(self.node, Node::Mapping(_) | Node::Null) {
            return Err(problem("yaml", first, "the metadata is not a mapping of fields"));
        }
        let mut reader = Reader::new(first, &block.yaml, &self.node);
        self.header = reader.header();
        self.problems = reader.problems;
        Ok(())
    }
}

/// What the region refuses whatever the metadata says.
fn about_the_file(text: &str) -> Option<Problem> {
    let problem = |rule, line, message: &str| Some(Problem { rule, line, message: message.to_owned() });
    if !text.starts_with("#!/") {
        return problem("shebang", 1, "a script must begin with '#!/', the path of its interpreter");
    }
    let (before, _) = text.split_once('\0')?;
    let line = 1 + before.matches('\n').count();
    problem(
        "nul",
        line,
        "a NUL character: the region's database takes none, and the upload ends with an error of its own (500)",
    )
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
    fn a_long_script_whose_block_does_not_end_is_read_through_once() {
        let script = format!("#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n{}", "x\n".repeat(300_000));
        let problems = Header::parse(script.as_bytes()).expect_err("the block has no end");
        assert_eq!(problems.iter().map(|problem| problem.rule).collect::<Vec<_>>(), ["block-open"]);
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
            script("name: '123'\ntimeout: soon\nparallel: often\nparameters:\n  x: {type: wish}\npackages: {apt: 3}")
                .as_bytes(),
        )
        .expect_err("mistakes");
        let lines: Vec<_> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [4, 6, 5, 9, 8], "{problems:?}");
    }

    /// A region of another version may take what this one would not: that a script may reboot the machine must not be lost by it.
    #[test]
    fn a_mistake_in_one_field_hides_no_other() {
        let declared = Declared::of(Some(script("may_reboot: true\ntimeout: soon\nparallel: no").as_bytes()));
        assert!(declared.may_reboot() && !declared.may_destroy());
    }

    #[test]
    fn what_cannot_be_read_may_destroy_data() {
        let bad = script("destructive: false\ntitle: a: b");
        let open = "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: x\necho\n";
        for content in [None, Some(bad.as_bytes()), Some(open.as_bytes())] {
            assert!(Declared::of(content).may_destroy());
        }
        for content in [script("destructive: false"), "#!/bin/sh\n".to_owned()] {
            assert!(!Declared::of(Some(content.as_bytes())).may_destroy());
        }
        for word in ["true", "yes", "nonsense", "\"no\""] {
            assert!(Declared::of(Some(script(&format!("destructive: {word}")).as_bytes())).may_destroy(), "{word}");
        }
    }

    #[test]
    fn a_script_without_header_has_the_defaults() {
        assert_eq!(Header::parse(b"#!/bin/sh\nexit 0\n"), Ok(Header::default()));
        assert!(Header::parse(b"\x7fELF").is_err());
    }

    #[test]
    fn an_open_block_and_a_bare_line_are_told() {
        let open =
            Header::parse(b"#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: x\necho\n").expect_err("open");
        assert_eq!(open[0].line, 2);
        let text =
            "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\nname: x\n# --- End MAAS 1.0 script metadata ---\n";
        let bare = Header::parse(text.as_bytes()).expect_err("bare");
        assert_eq!(bare[0].line, 3);
    }
}
