//! The record that a region keeps of a script.

use base64::Engine as _;
use serde_json::{Value, json};

use super::texts::printed;
use crate::script::header::{Metadata, time_limit};
use crate::script::{HardwareType, Header, Parallel, ScriptType};
use crate::yaml::{Node, Other};

/// A script as a region keeps it: what the header says, with what it does not say as it was or as it is by default.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    /// Its name.
    pub name: String,
    /// Title for people.
    pub title: String,
    /// Description for people.
    pub description: String,
    /// Its tags, with those that the region adds.
    pub tags: Vec<String>,
    /// When it runs.
    pub kind: ScriptType,
    /// Number of the kind of hardware.
    pub hardware_type: HardwareType,
    /// Number of the kind of scripts that may run beside it.
    pub parallel: Parallel,
    /// As written.
    pub results: Value,
    /// As written, right or wrong.
    pub parameters: Value,
    /// A list for each kind.
    pub packages: Value,
    /// Time limit in seconds, which may be less than none.
    pub timeout: f64,
    /// True if it destroys data.
    pub destructive: bool,
    /// Hardware that selects it.
    pub for_hardware: Vec<String>,
    /// True if it may reboot the machine.
    pub may_reboot: bool,
    /// After it passes, the machine is inventoried again.
    pub recommission: bool,
    /// True if it runs under the operator's networking.
    pub apply_configured_networking: bool,
}

impl Sheet {
    /// Of a script that a region has already, whatever is wrong with it.
    #[must_use]
    pub fn read(content: &[u8], name: &str, header: &Header) -> Sheet {
        let metadata = Metadata::read(content);
        let yaml = metadata.block.as_ref().map_or("", |block| block.yaml.as_str());
        let mut sheet = Sheet::new(header, &metadata.node, yaml, None);
        sheet.name = name.to_owned();
        sheet.kind = header.kind;
        sheet
    }

    /// The fields that the metadata of a script say something of.
    #[must_use]
    pub fn fields(content: &[u8]) -> Vec<String> {
        Metadata::read(content).node.pairs().iter().filter_map(|(key, _)| key.to_text()).collect()
    }

    /// The header that machines get of a script with that content.
    #[must_use]
    pub fn header(&self, content: &[u8]) -> Header {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "no limit is beyond u64, none below 0"
        )]
        let timeout = self.timeout.max(0.0).ceil() as u64;
        Header {
            name: Some(self.name.clone()),
            tags: self.tags.clone(),
            kind: self.kind,
            hardware_type: self.hardware_type,
            parallel: self.parallel,
            timeout,
            destructive: self.destructive,
            may_reboot: self.may_reboot,
            recommission: self.recommission,
            for_hardware: self.for_hardware.clone(),
            packages: self.packages.as_object().cloned().unwrap_or_default(),
            apply_configured_networking: self.apply_configured_networking,
            ..Metadata::read(content).header
        }
    }

    pub(super) fn new(header: &Header, metadata: &Node, yaml: &str, earlier: Option<&Sheet>) -> Sheet {
        let has = |name: &str| metadata.field(name).is_some();
        let text = |name: &str, earlier: Option<&String>| match metadata.field(name) {
            Some(node) => as_kept(node, yaml, name).trim().to_owned(),
            None => earlier.cloned().unwrap_or_default(),
        };
        let hardware_type = if has("hardware_type") {
            header.hardware_type
        } else {
            earlier.map_or_else(HardwareType::default, |e| e.hardware_type)
        };
        let flag =
            |name: &str, said: bool, earlier: Option<bool>| if has(name) { said } else { earlier.unwrap_or(false) };
        let destructive = flag("destructive", header.destructive, earlier.map(|e| e.destructive));
        let mut tags = match earlier {
            Some(earlier) if !has("tags") => earlier.tags.clone(),
            _ => header.tags.clone(),
        };
        for tag in destructive.then_some("destructive").into_iter().chain([hardware_type.name()]) {
            if !tags.iter().any(|own| own == tag) {
                tags.push(tag.to_owned());
            }
        }
        let value = |name: &str| metadata.field(name).map_or_else(|| json!({}), Value::from);
        Sheet {
            name: header.name.clone().or_else(|| earlier.map(|e| e.name.clone())).unwrap_or_default(),
            title: text("title", earlier.map(|e| &e.title)),
            description: text("description", earlier.map(|e| &e.description)),
            tags,
            kind: if has("script_type") { header.kind } else { earlier.map_or(ScriptType::Testing, |e| e.kind) },
            hardware_type,
            parallel: if has("parallel") {
                header.parallel
            } else {
                earlier.map_or_else(Parallel::default, |e| e.parallel)
            },
            results: value("results"),
            parameters: value("parameters"),
            packages: match (metadata.field("packages"), earlier) {
                (Some(node), _) => packages(node),
                (None, earlier) => earlier.map_or_else(|| json!({}), |e| e.packages.clone()),
            },
            timeout: metadata.field("timeout").and_then(time_limit).or(earlier.map(|e| e.timeout)).unwrap_or(0.0),
            destructive,
            for_hardware: match earlier {
                Some(earlier) if !has("for_hardware") => earlier.for_hardware.clone(),
                _ => header.for_hardware.clone(),
            },
            may_reboot: flag("may_reboot", header.may_reboot, earlier.map(|e| e.may_reboot)),
            recommission: flag("recommission", header.recommission, earlier.map(|e| e.recommission)),
            apply_configured_networking: flag(
                "apply_configured_networking",
                header.apply_configured_networking,
                earlier.map(|e| e.apply_configured_networking),
            ),
        }
    }
}

/// Lists of the kinds that the region knows; all else is kept as it is.
fn packages(node: &Node) -> Value {
    let Node::Mapping(pairs) = node else { return Value::from(node) };
    let kept = pairs.iter().map(|(kind, value)| {
        let kind = kind.to_text().unwrap_or_default();
        let value = match (["apt", "snap", "url"].contains(&kind.as_str()), value) {
            (true, Node::Sequence(_)) | (false, _) => Value::from(value),
            (true, one) => json!([Value::from(one)]),
        };
        (kind, value)
    });
    Value::Object(kept.collect())
}

/// The text of a value. The reader of YAML keeps none of dates and bytes: they are as they stand on their line.
fn as_kept(node: &Node, yaml: &str, name: &str) -> String {
    let written = || {
        let line = yaml.lines().find_map(|line| line.trim_start().strip_prefix(name)?.trim_start().strip_prefix(':'));
        line.unwrap_or_default().trim().to_owned()
    };
    match node {
        Node::Other(Other::Binary) => {
            let bytes =
                base64::engine::general_purpose::STANDARD.decode(written().trim_start_matches("!!binary").trim());
            String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned()
        }
        Node::Other(_) => written(),
        other => printed(other),
    }
}

/// A time limit as the region shows it: `0:01:00`, `1 day, 0:00:00`, `-1 day, 23:59:55`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "no limit is beyond i64 in microseconds that a region keeps")]
    let micros = (seconds * 1e6).round() as i64;
    let (days, rest) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let days = match days {
        0 => String::new(),
        1 | -1 => format!("{days} day, "),
        _ => format!("{days} days, "),
    };
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    format!("{days}{}:{:02}:{:02}{fraction}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
