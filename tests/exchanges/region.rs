//! The sandbox region in the state in which a scenario finds its region.

use std::fs;

use serde_json::{Map, Value};
use shakedown::sandbox::{Acquaintance, Device, Library, NodeStatus, Options, Sandbox};
use shakedown::script::ScriptType;

use crate::recording::{Beginning, Scenario, Sets};

/// The scripts that an operator uploaded, each with what its header says besides the name.
const UPLOADED: [(&str, &str); 7] = [
    ("first", "script_type: commissioning"),
    ("second", "script_type: commissioning"),
    ("check", "script_type: testing"),
    (
        "disk-check",
        "script_type: testing
hardware_type: storage
parallel: instance
parameters:
  depth: {type: choice, choices: [a, b], default: a}
  runtime: {type: runtime}
  storage: {type: storage, argument_format: '{path}'}",
    ),
    (
        "nic-check",
        "script_type: testing
hardware_type: network
parallel: instance
parameters:
  interface: {type: interface}",
    ),
    ("bye", "script_type: release"),
    ("ex2-recom", "script_type: commissioning\nrecommission: true"),
];

/// The scenarios in which the machine is unknown at the start.
const UNKNOWN: [&str; 2] = ["enlistment", "administrator: register, tokens, events"];

/// Scripts with the headers that the recording shows, and nothing to do.
pub(crate) fn library(built_in: &Sets<String>) -> Library {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let write = |name: &str, header: &str| {
        let header: String = header.lines().map(|line| format!("# {line}\n")).collect();
        let text = format!(
            "#!/bin/sh\n# --- Start MAAS 1.0 script metadata ---\n# name: {name}\n# timeout: 60\n{header}\
             # --- End MAAS 1.0 script metadata ---\necho {name}\n"
        );
        fs::write(folder.path().join(name), text).expect("a script can be written");
    };
    for (name, header) in UPLOADED {
        write(name, header);
    }
    for (set, names) in built_in {
        let header = format!("script_type: {}", set.trim_end_matches("_scripts"));
        for name in names {
            write(name, &header);
        }
    }
    Library::read(&[folder.path().to_owned()]).expect("the headers are in order")
}

/// Starts a region with a node as the scenario had it; a scenario without a node gets one that it does not use.
pub(crate) async fn start(scenario: &Scenario, library: &Library, built_in: &Sets<String>) -> Sandbox {
    let mut options = Options::new(library.clone());
    if let Some(node) = &scenario.node {
        options.status = NodeStatus::from_word(&node.status).expect("the sandbox knows every status");
        options.commissioned = matches!(options.status, NodeStatus::Deployed | NodeStatus::EnteringRescueMode);
        let scripts = |kind: ScriptType, option: &str| Some(selection(node, option, built_in.get(kind.index_key())));
        options.commissioning = scripts(ScriptType::Commissioning, "--commissioning-scripts");
        options.testing = scripts(ScriptType::Testing, "--testing-scripts");
        options.release = scripts(ScriptType::Release, "--release-scripts");
    }
    if UNKNOWN.contains(&scenario.name.as_str()) {
        options.acquaintance = Acquaintance::Stranger;
    }
    options.disks = devices(scenario, "storage");
    options.interfaces = devices(scenario, "interface");
    Sandbox::start(options).await.expect("the loopback can be listened on")
}

/// The scripts that the operator chose, else those that every region brings along.
fn selection(node: &Beginning, option: &str, built_in: Option<&Vec<String>>) -> Vec<String> {
    let chosen = node.options.iter().skip_while(|word| *word != option).nth(1);
    match chosen {
        Some(names) => names.split(',').map(str::to_owned).collect(),
        None => built_in.cloned().unwrap_or_default(),
    }
}

/// The devices that the recorded region knew of: those that it chose for parameters of that type.
fn devices(scenario: &Scenario, kind: &str) -> Vec<Device> {
    let entries = scenario.steps.iter().flat_map(|step| step.response.index.values()).flatten();
    let parameters = entries.filter_map(|entry| entry["parameters"].as_object()).flat_map(Map::values);
    let values = parameters.filter(|parameter| parameter["type"] == kind).map(|parameter| &parameter["value"]);
    values.filter_map(Value::as_object).cloned().collect()
}
