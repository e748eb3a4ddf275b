//! Scripts as the region hands them out: what they are, where their files lie, how their status may change.
//!
//! Nothing here does more IO than reading a file it is given; running is `runner`'s, fetching is `region`'s.

mod bmc_config;
mod evidence;
mod header;
mod index;
pub mod lint;
mod region_version;
mod result_file;
mod result_scan;
mod scrub;
mod status;
mod transition;
mod upload;
mod workspace;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Number, Value};

pub use bmc_config::{BmcConfig, BmcConfigError};
pub use evidence::{Evidence, Exit, Kept, Killed, Lacking, Machine, Said, Unpassed};
pub use header::{Declared, Header, HeaderParameter, Problem, seconds};
pub use index::{BadEntry, Index, IndexError, parse_index};
pub use region_version::{NoVersion, RegionVersion};
pub use result_file::{Found, Judged, ResultFile, ResultFileError};
pub use status::{Illegal, Status, Transition, Verdict};
pub use transition::{Subject, transition_event};
pub use upload::{Refusal, Sheet, Upload, duration};
pub use workspace::{Outputs, Workspace, download_of};

/// When in a machine's life a script runs. The numbers are the region's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScriptType {
    /// Inventories and prepares the machine.
    Commissioning,
    /// Tests the hardware.
    Testing,
    /// Runs when a machine is given back.
    Release,
    /// Runs when a machine is deployed.
    Deployment,
}

impl ScriptType {
    /// In the order in which an agent runs them.
    pub const ALL: [ScriptType; 4] =
        [ScriptType::Commissioning, ScriptType::Testing, ScriptType::Release, ScriptType::Deployment];

    /// The key of its list in `index.json`.
    #[must_use]
    pub fn index_key(self) -> &'static str {
        match self {
            ScriptType::Commissioning => "commissioning_scripts",
            ScriptType::Testing => "testing_scripts",
            ScriptType::Release => "release_scripts",
            ScriptType::Deployment => "deployment_scripts",
        }
    }

    /// The folder of its scripts in the archive.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            ScriptType::Commissioning => "commissioning",
            ScriptType::Testing => "testing",
            ScriptType::Release => "release",
            ScriptType::Deployment => "deployment",
        }
    }

    /// How the reference names it in "N … scripts failed to run".
    #[must_use]
    pub fn in_messages(self) -> &'static str {
        match self {
            ScriptType::Testing => "test",
            other => other.folder(),
        }
    }
}

/// What a script tests or inventories. The numbers are the region's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HardwareType {
    /// The machine as a whole; runs last.
    #[default]
    Node,
    /// Processors.
    Cpu,
    /// Memory.
    Memory,
    /// Disks.
    Storage,
    /// Network interfaces.
    Network,
    /// Graphics and compute cards.
    Gpu,
}

impl HardwareType {
    /// From the region's number; an unknown one counts as [`HardwareType::Node`], which runs last and alone of its kind.
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        match number {
            1 => HardwareType::Cpu,
            2 => HardwareType::Memory,
            3 => HardwareType::Storage,
            4 => HardwareType::Network,
            5 => HardwareType::Gpu,
            _ => HardwareType::Node,
        }
    }

    /// The region's number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Place in the order of a run: the machine as a whole comes after its parts.
    #[must_use]
    pub fn rank(self) -> u8 {
        if self == HardwareType::Node { u8::MAX } else { self.number() }
    }

    /// The word that script authors use, for example `storage`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            HardwareType::Node => "node",
            HardwareType::Cpu => "cpu",
            HardwareType::Memory => "memory",
            HardwareType::Storage => "storage",
            HardwareType::Network => "network",
            HardwareType::Gpu => "gpu",
        }
    }
}

/// What a script may run beside. The numbers are the region's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Parallel {
    /// Runs alone.
    #[default]
    Disabled,
    /// Runs beside other instances of the same script (one a disk, say).
    Instance,
    /// Runs beside any other such script.
    Any,
}

impl Parallel {
    /// From the region's number; an unknown one counts as [`Parallel::Disabled`], the careful choice.
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        match number {
            1 => Parallel::Instance,
            2 => Parallel::Any,
            _ => Parallel::Disabled,
        }
    }

    /// The region's number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// A parameter of a script with the value that the region chose.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Parameter {
    /// `storage`, `interface`, `runtime`, `boolean`, `choice`, `password`, `string` or `url`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// How it becomes arguments; `None` means the default of its type.
    #[serde(default)]
    pub argument_format: Option<String>,
    /// The chosen value.
    #[serde(default)]
    pub value: Option<Value>,
    /// Stands in for a value that is absent.
    #[serde(default)]
    pub default: Option<Value>,
}

impl Parameter {
    /// The value, else the default; `null` counts as neither.
    #[must_use]
    pub fn effective(&self) -> Option<&Value> {
        self.value.as_ref().filter(|v| !v.is_null()).or(self.default.as_ref()).filter(|v| !v.is_null())
    }
}

/// Software that a script needs before it runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Packages {
    /// Names for `apt-get install`.
    pub apt: Vec<String>,
    /// Snaps: a name, or an object with `name`, `channel` and `mode`.
    pub snap: Vec<Value>,
    /// Addresses to download.
    pub url: Vec<String>,
}

impl Packages {
    /// Whether nothing is needed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.apt.is_empty() && self.snap.is_empty() && self.url.is_empty()
    }
}

/// One entry of `index.json`: a script, and the script result that it is to fill.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// Name, the file part names of the result are made of it.
    pub name: String,
    /// Which list of the index it stood in.
    pub kind: ScriptType,
    /// Path inside the archive.
    pub path: PathBuf,
    /// The region's script result; `None` while enlisting.
    pub result_id: Option<i64>,
    /// The version of the script; sent back with the result.
    pub version_id: Option<i64>,
    /// Time limit in seconds as the index writes it; `None` or 0 is no limit.
    pub timeout_seconds: Option<Number>,
    /// What it may run beside.
    pub parallel: Parallel,
    /// What it is about.
    pub hardware_type: HardwareType,
    /// By name, in the index's order.
    pub parameters: Vec<(String, Parameter)>,
    /// Needed software.
    pub packages: Packages,
    /// Runs under the networking that the operator configured for the deployed machine.
    pub apply_configured_networking: bool,
    /// It was started before, in an earlier boot.
    pub has_started: bool,
    /// It was finished before.
    pub has_finished: bool,
    /// Part of the default set (hardware sync runs those).
    pub default: bool,
    /// Tags.
    pub tags: Vec<String>,
}

impl Script {
    /// Stands for an entry of the index that cannot be run, so that it can be reported as failed.
    #[must_use]
    pub fn unreadable(bad: &BadEntry) -> Self {
        Script::placeholder(bad.kind, &bad.name, bad.result_id)
    }

    /// Stands for a script of which only name and result are known.
    #[must_use]
    pub fn placeholder(kind: ScriptType, name: &str, result_id: Option<i64>) -> Self {
        Script {
            name: name.to_owned(),
            kind,
            path: PathBuf::from("unreadable"),
            result_id,
            version_id: None,
            timeout_seconds: None,
            parallel: Parallel::Disabled,
            hardware_type: HardwareType::Node,
            parameters: Vec::new(),
            packages: Packages::default(),
            apply_configured_networking: false,
            has_started: false,
            has_finished: false,
            default: false,
            tags: Vec::new(),
        }
    }

    /// The time limit in force: a `runtime` parameter beats the index. `None` is no limit.
    #[must_use]
    pub fn limit(&self) -> Option<Duration> {
        let seconds = self.limit_seconds()?.as_f64()?;
        Duration::try_from_secs_f64(seconds).ok().filter(|limit| !limit.is_zero())
    }

    /// The same as the region wrote it, for the environment variable `RUNTIME`.
    #[must_use]
    pub fn limit_seconds(&self) -> Option<Number> {
        let runtime = self.parameters.iter().find(|(_, parameter)| parameter.kind == "runtime");
        let chosen = runtime.and_then(|(_, parameter)| match parameter.effective()? {
            Value::Number(number) => Some(number.clone()),
            Value::String(text) => text.trim().parse::<u64>().ok().map(Number::from),
            _ => None,
        });
        chosen.or_else(|| self.timeout_seconds.clone()).filter(|number| number.as_f64().is_some_and(|n| n > 0.0))
    }

    /// `NAME (id: N, script_version_id: V)`, as the reference writes it in its messages.
    #[must_use]
    pub fn label(&self) -> String {
        let mut parts = Vec::new();
        if let Some(id) = self.result_id {
            parts.push(format!("id: {id}"));
        }
        if let Some(version) = self.version_id {
            parts.push(format!("script_version_id: {version}"));
        }
        if parts.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, parts.join(", ")) }
    }

    /// The disk and the interface that it was chosen for, as events name them.
    #[must_use]
    pub fn subject(&self) -> Subject {
        let device = |kind: &str| {
            self.parameters
                .iter()
                .find(|(_, parameter)| parameter.kind == kind)
                .and_then(|(_, parameter)| parameter.effective()?.get("name")?.as_str().map(str::to_owned))
        };
        Subject { script: self.name.clone(), disk: device("storage"), interface: device("interface") }
    }

    /// Whether it may tell of the machine's BMC through `BMC_CONFIG_PATH`.
    #[must_use]
    pub fn may_tell_bmc(&self) -> bool {
        self.kind == ScriptType::Commissioning && self.parallel == Parallel::Disabled
    }

    /// Whether the region reads this script's standard output itself, so that a cut would fail it
    /// (contract RESOURCES §4).
    #[must_use]
    pub fn stdout_is_parsed(&self) -> bool {
        is_parsed(&self.name)
    }

    /// True if an argument of it is named otherwise by older regions' own runner: see [`RegionVersion::names_arguments_by_key`].
    #[must_use]
    pub fn depends_on_version(&self) -> bool {
        let is_device = |parameter: &Parameter| matches!(parameter.kind.as_str(), "storage" | "interface");
        self.parameters.iter().any(|(_, parameter)| parameter.argument_format.is_none() && !is_device(parameter))
    }
}

/// True if a region reads the standard output of the script of this name itself, and derives facts from it.
#[must_use]
pub fn is_parsed(name: &str) -> bool {
    const PARSED: [&str; 7] = [
        "20-maas-03-machine-resources",
        "50-maas-01-commissioning",
        "maas-capture-lldpd",
        "maas-get-fruid-api-data",
        "maas-kernel-cmdline",
        "maas-list-modaliases",
        "maas-lshw",
    ];
    PARSED.contains(&name)
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Reads `packages` as the region writes it: lists, or a lone word where a list is meant.
fn packages(value: Option<&Map<String, Value>>) -> Packages {
    let list = |key: &str| -> Vec<Value> {
        match value.and_then(|map| map.get(key)) {
            Some(Value::Array(items)) => items.clone(),
            Some(Value::String(word)) => vec![Value::String(word.clone())],
            _ => Vec::new(),
        }
    };
    let words = |key: &str| list(key).iter().filter_map(|v| v.as_str().map(str::to_owned)).collect();
    Packages { apt: words("apt"), snap: list("snap"), url: words("url") }
}
