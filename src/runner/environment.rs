//! The environment that scripts find (contract REGION, "What a script finds").

use std::ffi::OsString;

use super::Options;
use crate::script::{Outputs, Script, Workspace};

/// Where scripts write extra facts about the machine for later ones.
const MACHINE_EXTRA: &str = "/machine-extra.json";

pub(super) fn environment(
    script: &Script,
    workspace: &Workspace,
    outputs: &Outputs,
    options: &Options,
) -> Vec<(OsString, OsString)> {
    let runtime = script.limit_seconds().map_or_else(|| "None".to_owned(), |seconds| seconds.to_string());
    let mut variables: Vec<(&str, OsString)> = vec![
        ("MAAS_BASE_URL", options.base_url.clone().into()),
        ("MAAS_RESOURCES_FILE", workspace.resources().into()),
        // A script of the regions looks for it as MAAS_MACHINE_CONFIG_HINTS_FILE. That is not set, as MAAS's own runner never sets it: with
        // those facts the region would overwrite the sub-architecture that somebody chose, at each commissioning (contract VERSIONS, §10).
        ("MAAS_MACHINE_EXTRA_FILE", MACHINE_EXTRA.into()),
        ("MAAS_STORAGE_CONFIG_FILE", "/storage-config.json".into()),
        ("OUTPUT_COMBINED_PATH", outputs.combined.clone().into()),
        ("OUTPUT_STDOUT_PATH", outputs.stdout.clone().into()),
        ("OUTPUT_STDERR_PATH", outputs.stderr.clone().into()),
        ("RESULT_PATH", outputs.result.clone().into()),
        ("DOWNLOAD_PATH", outputs.download.clone().into()),
        ("RUNTIME", runtime.into()),
        ("HAS_STARTED", if script.has_started { "True" } else { "False" }.into()),
        ("DEBIAN_FRONTEND", "noninteractive".into()),
    ];
    // Not in the contract: resource scripts ask the agent itself, wherever it was started from.
    if let Ok(program) = std::env::current_exe() {
        variables.push(("SHAKEDOWN_BINARY", program.into()));
    }
    if let Some(directory) = &options.state_dir {
        variables.push(("SHAKEDOWN_STATE_DIR", directory.into()));
    }
    if script.may_tell_bmc() {
        variables.push(("BMC_CONFIG_PATH", outputs.bmc_config.clone().into()));
    }
    variables.into_iter().map(|(key, value)| (key.into(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::parse_index;

    #[test]
    fn the_variables_are_the_contracts() {
        let index =
            br#"{"1.0": {"commissioning_scripts": [{"name": "x", "path": "commissioning/x", "script_result_id": 5,
            "timeout_seconds": 60.0, "has_started": true}]}}"#;
        let script = parse_index(index).expect("index").scripts.remove(0);
        let workspace = Workspace::new("/w");
        let variables = environment(&script, &workspace, &workspace.outputs(&script), &Options::new("http://r:5240"));
        let get =
            |key: &str| variables.iter().find(|(k, _)| k == key).map(|(_, value)| value.to_string_lossy().into_owned());
        let expected = [
            ("MAAS_BASE_URL", "http://r:5240"),
            ("MAAS_RESOURCES_FILE", "/w/resources.json"),
            ("OUTPUT_COMBINED_PATH", "/w/out/x.5"),
            ("OUTPUT_STDERR_PATH", "/w/out/x.5.err"),
            ("RESULT_PATH", "/w/out/x.5.yaml"),
            ("RUNTIME", "60.0"),
            ("HAS_STARTED", "True"),
            ("BMC_CONFIG_PATH", "/w/out/x.5.bmc"),
        ];
        for (key, value) in expected {
            assert_eq!(get(key).as_deref(), Some(value), "{key}");
        }
        assert_eq!(get("MAAS_MACHINE_CONFIG_HINTS_FILE"), None, "MAAS's own runner does not set it");
    }

    #[test]
    fn only_serial_commissioning_scripts_may_tell_of_the_bmc() {
        for (set, parallel, expected) in
            [("commissioning", 0, true), ("commissioning", 2, false), ("testing", 0, false)]
        {
            let index = format!(
                r#"{{"1.0": {{"{set}_scripts": [{{"name": "x", "path": "{set}/x", "script_result_id": 5, "parallel": {parallel}}}]}}}}"#
            );
            let script = parse_index(index.as_bytes()).expect("index").scripts.remove(0);
            let workspace = Workspace::new("/w");
            let variables = environment(&script, &workspace, &workspace.outputs(&script), &Options::new("http://r"));
            let has = variables.iter().any(|(key, _)| key == "BMC_CONFIG_PATH");
            assert_eq!(has, expected, "{set}, parallel {parallel}");
        }
    }
}
